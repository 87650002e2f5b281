import ArgumentParser
import Console
import Foundation
import Logging
import NIOPosix
import SQLiteStore
import ServiceLifecycle
import SyncCore
import SyncStore
import SyncTransport
import Synchronization
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "serve",
        Words(
            "Stay, and sync whenever there is a link, until it is told to stop (ctrl-C).",
            zh: "持续运行，有网络时随时同步，直到停止（ctrl-C）。"),
        example: "branch-agent serve --data DIR")

    @OptionGroup var store: DataOption
    @OptionGroup var debugging: DebuggingOptions

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            try Program.requireClockForTLS()
            let hold = try SessionHold(store.folder)
            defer { hold.release() }
            var logger = Logger(label: "branch-agent") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .info
            let service = SyncService(
                runner: try SyncRunner(store.folder, debugging: debugging), folder: store.folder.path,
                logger: logger)
            let group = ServiceGroup(
                services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            try await group.run()
        }
    }
}

/// Holds the session lock for as long as a verb runs.
final class SessionHold {
    private var lock: SessionLock?

    init(_ folder: AgentFolder) throws {
        try folder.refuseForeignStore()
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw StoreError(.notAStore, folder.path)
        }
        lock = try SessionLock(folder: folder.path)
    }

    func release() { lock = nil }
}

/// One connection after the other, with backoff between failures; new work of other programs is noticed while
/// a connection stands and while there is none.
struct SyncService: Service {
    /// How often the journals are looked at for work that another program wrote, where the system does not
    /// tell of it, and how the disk stands while it is short of room.
    static let lookEvery = Duration.seconds(2)
    /// The same where the system tells: a branch with nothing to do lets its machine sleep.
    static let lookAnywayEvery = Duration.seconds(120)
    /// How long a look waits for what else is being written.
    static let settling = Duration.milliseconds(20)
    /// Looks without anything written after which a branch has nothing to do.
    static let looksAfterWrite = 5

    let runner: SyncRunner
    let folder: String
    let logger: Logger

    func run() async throws {
        let stop = StopFlag()
        await withGracefulShutdownHandler {
            await loop(stop)
        } onGracefulShutdown: {
            stop.set()
        }
    }

    private func loop(_ stop: StopFlag) async {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var renewals = 0
        let storage = StorageLog(logger: logger)
        let bell = Bell()
        let changes = StoreWatch(folder: folder) { bell.ring() }
        let pruning = Task { await Pruning(host: runner.host).runDaily() }
        defer { pruning.cancel() }
        while !stop.isSet {
            let handle = AgentSessionHandle()
            stop.onSet { handle.close() }
            runner.host.begin()
            let watcher = Task { await watch(handle, storage, changes, bell) }
            let attempt = await runner.stay(handle)
            watcher.cancel()
            await watcher.value
            if attempt.isWelcomed { backoff.succeeded() }
            for event in runner.host.takeEvents() {
                let note = IdentityNote(event)
                logger.say(.notice, note.kind, note.words, ["versions": "\(note.versions)"])
            }
            guard !stop.isSet else { break }
            let failed = attempt.failure
            if attempt.comesAgain, renewals < SyncRunner.renewals {
                renewals += 1
                continue
            }
            renewals = 0
            let waiting = failed?.isOutOfReach ?? false ? await runner.waiting() : .nothing
            let wait = backoff.failed(
                retryAfter: failed?.retryAfter ?? 0, waiting: waiting, using: &generator)
            let reason = failed?.failure.message ?? Words("the hub ended the session", zh: "汇总端结束了会话")
            let next = TimeText.span(Milliseconds(clamping: wait))
            logger.say(
                .info, "session_ended",
                reason.joined(Words("; next try in \(next.en)", zh: "；\(next.zh)后重试")),
                ["reason": failed?.code ?? "ended"])
            try? await runner.note(failed, nextTryIn: wait)
            await pause(milliseconds: wait, stop, storage, changes, bell)
        }
    }

    /// Waits for the next try; something urgent that is written meanwhile does not wait.
    private func pause(
        milliseconds: UInt64, _ stop: StopFlag, _ storage: StorageLog, _ changes: StoreWatch, _ bell: Bell
    ) async {
        let known = try? await runner.host.lasts()[.urgent]
        let end = ContinuousClock.now + .milliseconds(Int(clamping: milliseconds))
        stop.onSet { bell.ring() }
        var isShort = false
        var looks = 0
        while !stop.isSet, ContinuousClock.now < end {
            await rest(isShort: isShort, atMost: end - ContinuousClock.now, changes, bell, looks: &looks)
            guard !stop.isSet else { return }
            isShort = await storage.look(at: runner.host) != .ample
            if let last = try? await runner.host.lasts()[.urgent], last != known { return }
        }
    }

    /// Tells the session of what other programs append, and ends it when there is room again for a feed that
    /// found none: the next session brings it anew.
    private func watch(
        _ handle: AgentSessionHandle, _ storage: StorageLog, _ changes: StoreWatch, _ bell: Bell
    ) async {
        var known: [Lane: UInt64] = [:]
        var looks = 0
        while !Task.isCancelled {
            if let lasts = try? await runner.host.lasts(), lasts != known {
                known = lasts
                handle.appended(lasts)
            }
            let state = await storage.look(at: runner.host)
            if runner.host.lacksRoom, state == .ample { handle.close() }
            await rest(isShort: runner.host.lacksRoom || state != .ample, changes, bell, looks: &looks)
        }
    }

    /// Until something is written, or it is time to look anyway. What was just written may be seen only when
    /// its disk has synced, of which nobody tells: it is looked again some times.
    ///
    /// - Parameters:
    ///   - isShort: the disk has no room; that there is some again nobody tells.
    ///   - looks: since something was written.
    private func rest(
        isShort: Bool, atMost limit: Duration = SyncService.lookAnywayEvery, _ changes: StoreWatch,
        _ bell: Bell,
        looks: inout Int
    ) async {
        var every = SyncService.lookEvery
        if !isShort, changes.hasTold, looks >= SyncService.looksAfterWrite {
            IdleMemory.giveBack()
            every = SyncService.lookAnywayEvery
        }
        looks = await bell.wait(atMost: min(every, limit)) ? 0 : looks + 1
        // One entry is several writes; and to look while room is short writes, too.
        try? await Task.sleep(for: isShort ? .milliseconds(500) : SyncService.settling)
    }
}

/// Says once that a disk is full, and once that there is room again.
final class StorageLog: Sendable {
    private let logger: Logger
    private let last = Mutex(StorageState.ample)

    init(logger: Logger) { self.logger = logger }

    /// - Returns: how things stand now.
    @discardableResult func look(at host: AgentHost) async -> StorageState {
        guard let state = try? await host.storage() else { return last.withLock { $0 } }
        let before = last.withLock { last in
            defer { last = state }
            return last
        }
        guard state != before else { return state }
        if let words = StorageWords.words(for: state) {
            logger.say(.warning, "storage", words, ["storage": state.rawValue])
        } else {
            logger.say(.notice, "storage", StorageWords.ample, ["storage": state.rawValue])
        }
        return state
    }
}

/// Set once by a signal; wakes whoever sleeps on it.
final class StopFlag: Sendable {
    private struct State {
        var isSet = false
        var actions: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var isSet: Bool { state.withLock { $0.isSet } }

    func set() {
        let actions = state.withLock { state in
            state.isSet = true
            defer { state.actions = [] }
            return state.actions
        }
        for action in actions { action() }
    }

    /// Runs `action` when the flag is set, at once when it is already. The last one counts.
    func onSet(_ action: @escaping @Sendable () -> Void) {
        let runNow = state.withLock { state in
            if !state.isSet { state.actions = [action] }
            return state.isSet
        }
        if runNow { action() }
    }
}
