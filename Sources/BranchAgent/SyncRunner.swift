import Console
import Foundation
import NIOPosix
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// What one or more sessions with the hub came to.
struct SyncReport: Encodable, Sendable {
    var drained = false
    var sessions = 0
    var bytesUp = 0
    var bytesDown = 0
    var batches = 0
    /// Versions receipted while this ran.
    var receipted: UInt64 = 0
    /// Versions that still wait.
    var queued: UInt64 = 0
    var quarantined: UInt64 = 0
    /// Why the last try failed; nil when it went well.
    var failure: String?
    /// What was found out about this store's or the hub's past, and done about it.
    var identity: [IdentityNote] = []
}

/// Runs sessions until both sides are drained or no progress is made for a while.
struct SyncRunner: Sendable {
    /// Milliseconds without progress after which `sync` gives up.
    static let patience: UInt64 = 10_000
    /// Milliseconds without progress after which `sync` leaves when this disk has no room for the feed.
    static let roomPatience: UInt64 = 2_000
    /// Times in a row that a session may end because the store had to be mended.
    static let renewals = 4
    /// Codes of failures in which the hub has said nothing; a link that breaks in the handshake is one.
    static let outOfReach = "unreachable"
    static let noSecureConnection = "no_secure_connection"

    let host: AgentHost
    let configuration: AgentConfiguration
    let key: DeviceKey
    let target: HostPort
    let debugging: LinkDebugging

    /// - Parameter debugging: what is written down of the sessions.
    init(_ folder: AgentFolder, debugging options: DebuggingOptions = DebuggingOptions()) throws {
        for what in try options.unmasked() { try UnmaskedFile(in: folder.path).append(what) }
        debugging = try .files(
            transcript: options.transcript, keyLog: options.tlsKeyLog, side: "agent",
            program: "branch-agent \(Program.version)", now: AgentFolder.milliseconds(),
            masking: options.masking)
        options.warn()
        key = try folder.key()
        let opened = try folder.open()
        host = AgentHost(
            store: opened.store, program: "branch-agent \(Program.version)", now: AgentFolder.milliseconds)
        configuration = opened.configuration
        guard let target = HostPort(opened.configuration.address) else {
            throw Failure(
                .usage,
                Words(
                    "the hub's address is no HOST:PORT: \(opened.configuration.address); set it with "
                        + "`branch-agent address`",
                    zh: "汇总端地址不是 HOST:PORT：\(opened.configuration.address)；请用 branch-agent address 设置"))
        }
        self.target = target
    }

    /// - Throws: `Failure` when the hub is out of reach or refuses.
    func drain(progress: ProgressBar) async throws -> SyncReport {
        let before = try await totals()
        host.meter.moved()
        var report = SyncReport()
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var failure: Failure?
        var stalls = 0
        var renewals = 0
        while true {
            report.sessions += 1
            let bar = Task { await show(progress, before: before) }
            let handle = AgentSessionHandle()
            host.begin()
            let room = Task { await leaveWithoutRoom(handle) }
            let attempt = await connect(.drain, handle: handle)
            room.cancel()
            bar.cancel()
            progress.finish()
            report.add(attempt.statistics)
            report.identity += host.takeEvents().map(IdentityNote.init)
            if attempt.comesAgain, renewals < SyncRunner.renewals {
                renewals += 1
                continue
            }
            try await note(attempt.failure)
            if attempt.isWelcomed { backoff.succeeded() }
            guard let failed = attempt.failure else {
                report.drained = true
                break
            }
            failure = failed.failure
            report.failure = failed.failure.message.text(.english)
            // A link that went silent in the middle gets one more try: a new connection often gets through.
            let isIdle = host.meter.idleMilliseconds() > SyncRunner.patience
            if isIdle { stalls += 1 }
            if failed.isFinal || isIdle && (!attempt.isWelcomed || stalls > 1) { break }
            // Nobody sits in front of it for as long as some hubs ask for.
            if UInt64(failed.retryAfter) * 1_000 > SyncRunner.patience { break }
            let drawn = backoff.failed(retryAfter: failed.retryAfter, using: &generator)
            let wait = failed.retryAfter > 0 ? drawn : min(2_000, drawn)
            try await Task.sleep(for: .milliseconds(Int(wait)))
        }
        try await fill(&report, before: before)
        // What may be kept no longer can wait for the next time.
        _ = try? await Pruning(host: host).run()
        if !report.drained { throw SyncFailure(report: report, failure: failure) }
        report.failure = nil
        return report
    }

    struct Attempt {
        struct Failed {
            var failure: Failure
            /// Trying again does not help.
            var isFinal: Bool
            var retryAfter: UInt32
            /// For `status`: a refusal's number or a word.
            var code: String

            /// There is no link, or it broke; the hub has said nothing against it.
            var isOutOfReach: Bool {
                code == SyncRunner.outOfReach || code == SyncRunner.noSecureConnection
            }
        }

        var statistics: LinkStatistics
        /// The hub said Welcome.
        var isWelcomed: Bool
        var failure: Failed?

        /// A store that was restored or copied mends itself within a session or two. A device that was
        /// revoked while it was connected hands over what it has.
        var comesAgain: Bool {
            switch failure?.code {
            case "\(RefusalCode.identityRenewed.rawValue)", "\(RefusalCode.identityLost.rawValue)": true
            case "\(RefusalCode.revokedDevice.rawValue)": isWelcomed
            default: false
            }
        }
    }

    /// A connection that stays until it breaks or is closed.
    func stay(_ handle: AgentSessionHandle) async -> Attempt {
        await connect(.stay, handle: handle)
    }

    /// Ends a session that has nothing more to do because the feed finds no room here.
    private func leaveWithoutRoom(_ handle: AgentSessionHandle) async {
        while !Task.isCancelled {
            if host.lacksRoom, host.meter.idleMilliseconds() > SyncRunner.roomPatience {
                return handle.close()
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private func connect(_ goal: AgentSession.Goal, handle: AgentSessionHandle) async -> Attempt {
        host.diary.begin(at: AgentFolder.milliseconds())
        let attempt = await attempt(goal, handle: handle)
        await host.diary.end(attempt, at: AgentFolder.milliseconds(), on: host)
        return attempt
    }

    private func attempt(_ goal: AgentSession.Goal, handle: AgentSessionHandle) async -> Attempt {
        // A hub that was cut off may hold what was not receipted: it is asked first.
        let endedWell = try? await host.run { try $0.contact().lastFailure == nil }
        do {
            let result = try await AgentConnection.run(
                address: target.host, port: target.port, pinned: .keys(configuration.hubKeys), key: key,
                session: AgentSession(goal: goal, sendsAhead: endedWell ?? false), host: host,
                group: MultiThreadedEventLoopGroup.singleton, handle: handle, debugging: debugging)
            let lack = result.ending == .clean ? host.lackOfRoom : nil
            return Attempt(
                statistics: result.statistics, isWelcomed: result.isWelcomed,
                failure: lack.map { SyncRunner.failed($0) }
                    ?? SyncRunner.failed(result, goal, confirmation: confirmation))
        } catch {
            return Attempt(
                statistics: LinkStatistics(), isWelcomed: false, failure: SyncRunner.failed(error, at: target)
            )
        }
    }

    private var confirmation: String { Confirmation.digits(of: key, at: configuration) }

    static func failed(
        _ result: AgentConnectionResult, _ goal: AgentSession.Goal, confirmation: String? = nil
    ) -> Attempt.Failed? {
        switch result.ending {
        case .clean where goal == .drain && !result.isDrained:
            failed(TransportError.cut("the hub said that it is done before everything was through"))
        case .clean: nil
        case .refused(let refuse), .failed(let refuse): failed(refuse, confirmation: confirmation)
        case .cut(let reason): failed(TransportError.cut(reason))
        }
    }

    /// - Parameter target: where the hub was sought.
    static func failed(_ error: any Error, at target: HostPort? = nil) -> Attempt.Failed {
        switch error {
        case let refuse as Refuse: return failed(refuse, confirmation: nil)
        case let error as TransportError:
            let isFinal = error == .wrongHubKey || error == .forgedHubKey
            let isInsecure = if case .tls = error { true } else { false }
            let status: ExitStatus = isFinal ? .refusedByHub : .unreachable
            return Attempt.Failed(
                failure: Failure(status, LinkWords.words(for: error, at: target)), isFinal: isFinal,
                retryAfter: 0,
                code: error.code.map { "\($0.rawValue)" }
                    ?? (isInsecure ? SyncRunner.noSecureConnection : SyncRunner.outOfReach))
        case let error as StoreError where error.code == .diskFull:
            return Attempt.Failed(
                failure: Failure(.diskFull, LinkWords.noRoom), isFinal: true, retryAfter: 0,
                code: error.code.rawValue)
        case let error as StoreError:
            return Attempt.Failed(
                failure: Program.failure(for: error), isFinal: true, retryAfter: 0, code: error.code.rawValue)
        default:
            return Attempt.Failed(
                failure: Program.failure(for: error), isFinal: false, retryAfter: 0, code: "link")
        }
    }

    private static func failed(_ refuse: Refuse, confirmation: String? = nil) -> Attempt.Failed {
        let isLink = refuse.code == .silence || refuse.code == .shuttingDown || refuse.code == .overloaded
        // Replaced: a Hello that was late on its way can push out the connection that came after it.
        let mayPass =
            isLink || refuse.code == .diskFull || refuse.code == .replaced || refuse.code.rawValue < 200
        let status: ExitStatus =
            refuse.code == .silence || refuse.code == .shuttingDown ? .unreachable : .refusedByHub
        return Attempt.Failed(
            failure: Failure(status, RefusalWords.words(for: refuse, confirmation: confirmation)),
            isFinal: !mayPass, retryAfter: refuse.retryAfter, code: "\(refuse.code.rawValue)")
    }

    /// Keeps how a try ended, for `status`.
    func note(_ failed: Attempt.Failed?, nextTryIn wait: UInt64? = nil) async throws {
        let code = failed?.code
        do {
            try await host.run { store in
                try store.note { facts in
                    facts.lastFailure = code
                    facts.nextTry = wait.map { AgentFolder.milliseconds() + Milliseconds($0) }
                }
            }
        } catch let error as StoreError where error.isOfRoom {
            // `status` sees by itself how the disk stands.
        }
    }

    private func totals() async throws -> [Lane: LaneStatus] {
        try await host.run { store in
            var result: [Lane: LaneStatus] = [:]
            for lane in Lane.allCases { result[lane] = try store.status(of: lane) }
            return result
        }
    }

    /// What is queued here, the most urgent of it.
    func waiting() async -> Backoff.Waiting {
        let totals = (try? await totals()) ?? [:]
        if totals[.urgent]?.queued ?? 0 > 0 { return .urgent }
        return totals[.routine]?.queued ?? 0 > 0 ? .routine : .nothing
    }

    private func fill(_ report: inout SyncReport, before: [Lane: LaneStatus]) async throws {
        for (lane, status) in try await totals() {
            report.receipted += status.receipted - min(status.receipted, before[lane]?.receipted ?? 0)
            report.queued += status.queued
            report.quarantined += status.quarantined
        }
    }

    private func show(_ progress: ProgressBar, before: [Lane: LaneStatus]) async {
        let waiting = before.values.reduce(0) { $0 + $1.queued }
        guard waiting > 0, Output.isTerminal else { return }
        while !Task.isCancelled {
            let queued = try? await host.run { store in
                try Lane.allCases.reduce(UInt64(0)) { $0 + (try store.status(of: $1).queued) }
            }
            if let queued { progress.show(Int(waiting - min(waiting, queued)), of: Int(waiting)) }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// A sync that did not come to its end; the report says how far it got.
struct SyncFailure: Error {
    var report: SyncReport
    var failure: Failure?
}

/// When something last moved; read and written from any thread.
final class ProgressMeter: Sendable {
    private let at = Mutex(DispatchTime.now().uptimeNanoseconds)

    func moved() { at.withLock { $0 = DispatchTime.now().uptimeNanoseconds } }

    func idleMilliseconds() -> UInt64 {
        at.withLock { (DispatchTime.now().uptimeNanoseconds - $0) / 1_000_000 }
    }
}

extension SyncReport {
    mutating func add(_ statistics: LinkStatistics) {
        bytesUp += Int(clamping: statistics.bytesUp)
        bytesDown += Int(clamping: statistics.bytesDown)
        batches += Int(clamping: statistics.batchesUp)
    }
}
