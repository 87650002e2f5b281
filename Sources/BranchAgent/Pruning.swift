import Console
import Forms
import Foundation
import SyncCore
import SyncStore

/// Takes out of a branch's store what may be kept no longer, a few versions at a time, so that nothing else
/// has to wait for it.
struct Pruning: Sendable {
    static let versionsPerStep = 256
    /// How often `serve` asks whether a new day has begun.
    static let lookEvery = Duration.seconds(600)
    /// After how long what failed is tried again.
    static let againAfter = Duration.seconds(60)

    let host: AgentHost

    /// - Returns: nil when the day is not known: the clock cannot be believed, or the hub was never heard.
    @discardableResult
    func run() async throws -> PruneStep? {
        var total = PruneStep()
        repeat {
            guard let step = try await host.run({ [host] in try Pruning.step($0, at: host.now()) }) else {
                return nil
            }
            total.add(step)
        } while !total.isComplete && !Task.isCancelled
        if total.trimmed + total.removed > 0 { try await host.run { try $0.scrub() } }
        return total
    }

    /// Once a day; what fails, for want of room among others, is tried again a minute later.
    func runDaily() async {
        var done: Int32?
        while !Task.isCancelled {
            let asked = try? await host.run { [host] in try Pruning.day($0, at: host.now())?.day }
            let today = asked ?? nil
            if let today, today != done, (try? await run()) != nil { done = today }
            let isDone = today != nil && today == done
            try? await Task.sleep(for: isDone ? Pruning.lookEvery : Pruning.againAfter)
        }
    }

    private static func step(_ store: any AgentStore, at now: Milliseconds) throws -> PruneStep? {
        guard let (day, forms) = try day(store, at: now) else { return nil }
        return try store.prune(Retention(forms, today: day), limit: versionsPerStep)
    }

    /// The hub's local day; nil when nobody can say.
    private static func day(
        _ store: any AgentStore, at now: Milliseconds
    ) throws -> (day: Int32, forms: FormCatalog)? {
        guard let configuration = try store.configuration(), let heard = try store.contact().lastHubTime
        else { return nil }
        let moment = try store.moment(of: AuthoringClock(now: now, lastHubTime: heard))
        let settings =
            configuration.settings.isEmpty
            ? Settings() : try JSONDecoder().decode(Settings.self, from: Data(configuration.settings))
        guard moment.isTrusted, let zone = LocalZone(identifier: settings.timeZone) else { return nil }
        return (zone.day(of: moment.time), try AgentContext.catalog(of: store))
    }
}

/// What stops being removed when the centre makes no backups.
enum BackupWords {
    /// A backup older than this is asked for.
    static let patience: Milliseconds = 14 * 86_400_000

    static func words(oldest: Milliseconds?, now: Milliseconds) -> Words? {
        guard let oldest, now.subtractingClamped(oldest) > patience else { return nil }
        let age = TimeText.span(now.subtractingClamped(oldest))
        return Words(
            "what arrived at the centre \(age.en) ago is in none of its backups: it is kept here, also "
                + "beyond the time for which it may be kept; ask the centre to run `aggregator backup`",
            zh: "\(age.zh)前到达中心的内容尚未进入中心的备份，因此超过保存期限也仍保留在本机；请联系中心运行 aggregator backup")
    }
}
