import Console
import Forms
import Logging
import SyncCore
import SyncStore

/// Removes once a day what may be kept no longer, a few segments at a time between other work.
struct HubPurger: Sendable {
    let writer: HubWriter
    let logger: Logger
    let now: @Sendable () -> Milliseconds

    /// How often it is asked whether a new day has begun.
    static let lookEvery = Duration.seconds(60)

    func runDaily() async {
        var warned: Int32?
        while !Task.isCancelled {
            // What fails, for want of room among others, is tried again a minute later.
            _ = try? await run(&warned)
            try? await Task.sleep(for: HubPurger.lookEvery)
        }
    }

    /// - Parameter warned: the day of which it was said that it is not believed.
    /// - Returns: what went; nil when today's purge is done, or today is not believed.
    @discardableResult
    func run(_ warned: inout Int32?) async throws -> Purge? {
        let days = try await writer.run { [now] store in
            let days = try store.purgeDays(now: now())
            return HubPurger.Days(last: days.last, today: days.today)
        }
        if days.last == days.today { return nil }
        guard PurgeDay.isBelieved((days.last, days.today)) else {
            if warned != days.today {
                warned = days.today
                let (today, last) = (CivilDay.text(days.today), CivilDay.text(days.last ?? days.today))
                logger.say(.warning, "purge_waits", PurgeDay.words(today: today, last: last))
            }
            return nil
        }
        var total = Purge()
        repeat {
            total.add(
                try await writer.run { [now] in
                    try $0.purge(now: now(), limit: PurgeDay.segmentsPerStep)
                })
        } while !total.isComplete && !Task.isCancelled
        let purge = total
        try await writer.run { [now] in try $0.finish(purge, now: now()) }
        for line in PurgeReport(purge, day: days.today, isDry: false).lines() where !purge.isEmpty {
            logger.say(.notice, "purged", line)
        }
        return purge
    }

    private struct Days: Sendable {
        var last: Int32?
        var today: Int32
    }
}

/// What stops being removed at the branches when no backups are made.
enum BackupAge {
    static let patience: Milliseconds = 14 * 86_400_000

    static func words(oldest: Milliseconds?, now: Milliseconds) -> Words? {
        guard let oldest, now.subtractingClamped(oldest) > patience else { return nil }
        let age = TimeText.span(now.subtractingClamped(oldest))
        return Words(
            "what came \(age.en) ago is in no backup: the branches keep it until it is, also beyond the time "
                + "for which it may be kept; run `aggregator backup`",
            zh: "\(age.zh)前收到的内容尚未备份：在备份之前各支部一直保留，即使超过保存期限；请运行 aggregator backup")
    }
}
