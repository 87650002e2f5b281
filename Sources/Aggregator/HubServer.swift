import Console
import Foundation
import Logging
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// How much a hub takes on before it sends newcomers away for a while. A session costs some 150 KiB, and a
/// batch that waits to be written several times its bytes.
struct HubLoad: Sendable, Hashable {
    /// A crowd of thousands comes again less often, and the hub stays well below a gigabyte.
    static let sessions = 3_000

    /// Devices that may be connected at a time.
    var sessions = HubLoad.sessions
    /// Bytes of batches that may wait for the store, of all sessions together.
    var bytesWaiting = 32 << 20
    /// Seconds after which a newcomer may try again, at least.
    var retryAfter: UInt32 = 5
    /// The same when very many have been sent away: a person at a branch waits no longer.
    static let longestRetry: UInt32 = 10
    /// Sessions that a small machine has done with in a second.
    static let sessionsASecond = 200

    /// - Parameter others: who has been sent away within the last ``retryAfter`` seconds. They come back
    ///   together: the more they are the later, so that most of them find a place.
    func refusal(beside others: Int) -> Refuse {
        let wait = UInt32(clamping: others / HubLoad.sessionsASecond)
        return Refuse(
            .overloaded, retryAfter: max(retryAfter, min(wait, HubLoad.longestRetry)),
            words: "the hub has as much to do as it can; what is urgent was taken")
    }
}

/// Joins connections and store: what a connection asks is done by the writer, and who has news is told.
final class HubServer: HubService {
    private struct Listener {
        let device: Int64
        /// Nil: in its session nothing is taken.
        let replica: Int64?
        /// Its device is revoked, and hands over what it has.
        let isSurrender: Bool
        let moved: @Sendable () -> Void
        let close: @Sendable (Refuse) -> Void
    }

    let writer: HubWriter
    let logger: Logger
    let now: @Sendable () -> Milliseconds
    let load: HubLoad
    let diary = HubSessionDiary()
    /// Nil in tests that do without.
    let frames: FrameGuard?
    /// Nil: nobody is answered who compares.
    let reader: HubReader?
    private struct State {
        var listeners: [ObjectIdentifier: Listener] = [:]
        /// Connections that only ask.
        var askers: [ObjectIdentifier: (device: Int64, close: @Sendable (Refuse) -> Void)] = [:]
        var isNewsScheduled = false
        var bytesWaiting = 0
        /// How many were sent away for the load since when.
        var sentAway = (count: 0, since: Milliseconds(0))
        var gate = AttemptGate()
        /// The same for the program's log.
        var logGate = AttemptGate()
    }

    private let state = Mutex(State())

    init(
        writer: HubWriter, logger: Logger, load: HubLoad = HubLoad(), frames: FrameGuard? = nil,
        reader: HubReader? = nil, now: @escaping @Sendable () -> Milliseconds
    ) {
        self.writer = writer
        self.reader = reader
        self.logger = logger
        self.load = load
        self.frames = frames
        self.now = now
    }

    func connection(
        _ caller: Caller, moved: @escaping @Sendable () -> Void, close: @escaping @Sendable (Refuse) -> Void
    ) -> any HubConnectionHost {
        HubConnection(server: self, caller, moved: moved, close: close)
    }

    func refused(_ code: RefusalCode?, _ words: String, _ caller: Caller) {
        Task { await note(code, words, from: caller) }
    }

    /// Keeps in the audit log that somebody was turned away, unless there is too much of it. What no room is
    /// found for on the disk is only in the log of the program.
    func note(_ code: RefusalCode?, _ words: String, from caller: Caller) async {
        let now = now()
        let attempt = RefusedAttempt(code: code, words: words, caller: caller)
        let name = attempt.group(.sha256)
        guard let entry = state.withLock({ $0.gate.note(attempt, as: name, now: now) }) else { return }
        try? await writer.run { try $0.note(entry, now: now) }
    }

    /// Writes down what has been left out so far and is due: one entry stands for many.
    ///
    /// - Parameter isLast: the hub is about to end.
    func noteSums(isLast: Bool = false) async {
        let now = now()
        let (sums, lines) = state.withLock { state in
            (state.gate.sums(now: now, isLast: isLast), state.logGate.sums(now: now, isLast: isLast))
        }
        for line in lines { write(line) }
        try? await writer.run { store in
            for sum in sums { try store.note(sum, now: now) }
            try store.noteSums(now: now, isLast: isLast)
        }
    }

    /// Says in the program's log what a caller can bring about as often as he likes: many that are alike
    /// become one line a minute with their number.
    func say(_ event: String, _ code: RefusalCode? = nil, of caller: Caller, device: Int64? = nil) {
        let attempt = RefusedAttempt(code: code, words: "", caller: caller, event: event)
        let now = now()
        let line = state.withLock { $0.logGate.note(attempt, as: attempt.group(.sha256), now: now) }
        if let line { write(line, device: device) }
    }

    private func write(_ line: RefusedAttempt, device: Int64? = nil) {
        let (level, words) = HubLogWords.said(line)
        var more = ["key": Hashing.sha256(line.caller.publicKey).short]
        if let device { more["device"] = "\(device)" }
        if let code = line.code { more["code"] = "\(code.rawValue)" }
        if line.alike > 0 { more["alike"] = "\(line.alike)" }
        if line.leftOut > 0 { more["left_out"] = "\(line.leftOut)" }
        logger.say(level, line.event, words, more)
    }

    /// Nil when somebody at `address` may try to join.
    func tooManyAttempts(from address: String) -> Refuse? {
        let now = now()
        return state.withLock { $0.gate.tries(address, now: now) }.map {
            Refuse(.tooManyAttempts, retryAfter: $0, words: "too many joins have failed")
        }
    }

    func joined(from address: String) { state.withLock { $0.gate.joined(address) } }

    /// A replica is admitted: its older connection, if it still stands, makes way.
    ///
    /// - Returns: false when the hub has as much as it can take; then nothing happened. A replica that takes
    ///   the place of its own older connection adds nothing.
    func opened(
        _ connection: HubConnection, _ session: SessionRef, moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) -> Bool {
        let replica = session.number == 0 ? nil : session.replica
        let listener = Listener(
            device: session.device, replica: replica, isSurrender: session.isSurrender, moved: moved,
            close: close)
        let older = state.withLock { state -> [Listener]? in
            let older = state.listeners.filter { replica != nil && $0.value.replica == replica }
            let isFull = state.listeners.count >= load.sessions || state.bytesWaiting > load.bytesWaiting
            if isFull, older.isEmpty { return nil }
            for key in older.keys { state.listeners[key] = nil }
            state.listeners[ObjectIdentifier(connection)] = listener
            return Array(older.values)
        }
        guard let older else { return false }
        for listener in older {
            listener.close(Refuse(.replaced, words: "a newer connection of this device took over"))
        }
        return true
    }

    /// Somebody is sent away because the hub has as much as it can take.
    func overload() -> Refuse {
        let now = now()
        let others = state.withLock { state in
            let span = Milliseconds(load.retryAfter) * 1_000
            if now < state.sentAway.since || now >= state.sentAway.since + span {
                state.sentAway = (0, now)
            }
            state.sentAway.count += 1
            return state.sentAway.count - 1
        }
        return load.refusal(beside: others)
    }

    /// So many bytes more, or with a minus fewer, wait for the store.
    func waiting(_ change: Int) { state.withLock { $0.bytesWaiting += change } }

    /// A connection that only asks; it takes the place of no other.
    ///
    /// - Returns: false when there are as many as may be.
    func openedForQuestions(
        _ connection: HubConnection, device: Int64, close: @escaping @Sendable (Refuse) -> Void
    ) -> Bool {
        state.withLock { state in
            guard state.askers.count < HubReader.askers else { return false }
            state.askers[ObjectIdentifier(connection)] = (device, close)
            return true
        }
    }

    /// Ends the connections of devices that are let in no more, but for those that hand over what they have.
    func hangUp(on revoked: [Int64]) {
        guard !revoked.isEmpty else { return }
        let devices = Set(revoked)
        let closes = state.withLock { state in
            let open = state.listeners.values.filter { devices.contains($0.device) && !$0.isSurrender }
            return open.map(\.close) + state.askers.values.filter { devices.contains($0.device) }.map(\.close)
        }
        for close in closes { close(.revoked) }
    }

    func closed(_ connection: HubConnection) {
        state.withLock {
            $0.listeners[ObjectIdentifier(connection)] = nil
            $0.askers[ObjectIdentifier(connection)] = nil
        }
    }

    /// Tells all connections within a fifth of a second that the log has moved; many commits make one
    /// telling. While those that were told before still fetch, the others are told later: who is told asks,
    /// and a thousand that ask for nothing five times a second leave no time for anything else.
    func logMoved() {
        let mustSchedule = state.withLock { state in
            defer { state.isNewsScheduled = true }
            return !state.isNewsScheduled
        }
        if mustSchedule { tell(afterTries: 0) }
    }

    /// - Parameter tries: how often the telling has been put off.
    private func tell(afterTries tries: Int) {
        DispatchQueue.global().asyncAfter(deadline: .now() + HubServer.newsInterval) { [self] in
            if writer.isReading, tries < HubServer.mostPuttingOff { return tell(afterTries: tries + 1) }
            let all = state.withLock { state in
                state.isNewsScheduled = false
                return state.listeners.values.map(\.moved)
            }
            for moved in all { moved() }
        }
    }

    private static let newsInterval = DispatchTimeInterval.milliseconds(200)
    /// Five seconds.
    private static let mostPuttingOff = 24
}

/// One connection's way to the store.
final class HubConnection: HubConnectionHost {
    private static let unreadable = "the hub cannot read its store now"

    private let server: HubServer
    private let caller: Caller
    private let moved: @Sendable () -> Void
    private let close: @Sendable (Refuse) -> Void
    /// Set once the device is admitted.
    private let session = Mutex<SessionRef?>(nil)
    /// Set once a device that only asks is greeted.
    private let asker = Mutex<Asker?>(nil)
    /// The first bytes of the device's fingerprint.
    private let device: UInt64
    /// The print of the settings that the device has been told.
    private let told = Mutex<UInt64>(0)
    /// The frame that its event loop has in work.
    private let decoding = Mutex<(frame: TrapSuspicion.Frame, mark: TrapWatch.Mark)?>(nil)

    init(
        server: HubServer, _ caller: Caller, moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) {
        device = Hashing.sha256(caller.publicKey).words.0
        self.server = server
        self.caller = caller
        self.moved = moved
        self.close = close
    }

    func willDecode(checksum: UInt32, length: UInt32) -> Refuse? {
        let frame = TrapSuspicion.Frame(device: device, checksum: checksum, length: length)
        switch server.frames?.begin(frame) {
        case .failure(let refuse): return refuse
        case .success(let mark): decoding.withLock { $0 = (frame, mark) }
        case nil: break
        }
        return nil
    }

    func decoded(_ message: Message?) {
        let work = decoding.withLock { work in
            defer { work = nil }
            return work
        }
        guard let work else { return }
        #if DEBUG
            if case .batch(let batch)? = message {
                TrapPlant.visit(.decoding, origin: batch.origin, batch.first...batch.last)
            }
        #endif
        server.frames?.end(work.frame, work.mark)
    }

    func admit(_ hello: Hello) async -> Result<HubSession.Greeting, Refuse> {
        if hello.onlyAsks { return await greet(hello) }
        var generator = SystemRandomNumberGenerator()
        let token = Token16(using: &generator)
        do {
            let (result, settings) = try await server.writer.runTogether { [caller, now = server.now] store in
                (
                    try store.admit(hello, by: caller, sessionToken: token, now: now()),
                    Hello.print(of: try store.settingsJSON())
                )
            }
            told.withLock { $0 = settings }
            switch result {
            case .failure(let refuse):
                server.say(HubLogWords.deviceRefused, refuse.code, of: caller)
                await note(refuse)
                return .failure(refuse)
            case .success(let admission):
                session.withLock { $0 = admission.session }
                var greeting = HubSession.Greeting(welcome: admission.welcome, feed: admission.feed)
                if admission.session.isSurrender {
                    greeting.farewell = .revoked
                    await note(.revoked)
                }
                if admission.welcome.isTokenUnknown {
                    server.say(
                        IdentityAudit.restoredOrCopied, of: caller, device: admission.session.device)
                }
                guard server.opened(self, admission.session, moved: moved, close: close) else {
                    server.say(HubLogWords.isOverloaded, of: caller, device: admission.session.device)
                    greeting.overload = server.overload()
                    return .success(greeting)
                }
                server.diary.opened(self, admission.session, hello, at: server.now())
                server.logger.say(
                    .info, "session_opened",
                    greeting.farewell == nil ? HubLogWords.opened : HubLogWords.surrenders,
                    ["device": "\(admission.session.device)", "unit": admission.unit])
                return .success(greeting)
            }
        } catch {
            return .failure(refusal(for: error))
        }
    }

    /// Those that somebody may have to answer for; a hub that is busy turns away anybody.
    private func note(_ refuse: Refuse) async {
        let passing: [RefusalCode] = [
            .pendingDevice, .replaced, .overloaded, .shuttingDown, .diskFull, .setAside,
        ]
        guard !passing.contains(refuse.code) else { return }
        await server.note(refuse.code, refuse.words, from: caller)
    }

    func join(_ join: Join) async -> Result<Joined, Refuse> {
        if let refuse = server.tooManyAttempts(from: caller.address) {
            await note(refuse)
            return .failure(refuse)
        }
        do {
            let result = try await server.writer.run { [caller, now = server.now] store in
                try store.join(join, by: caller, now: now())
            }
            switch result {
            case .success: server.joined(from: caller.address)
            case .failure(let refuse): await note(refuse)
            }
            return result
        } catch {
            server.joined(from: caller.address)
            return .failure(refusal(for: error))
        }
    }

    func ingest(_ batch: VersionBatch) async -> HubSession.Outcome {
        guard let session = session.withLock({ $0 }) else { return .refused(Refuse(.wrongOrder)) }
        let bytes = batch.encodedRows.count
        server.waiting(bytes)
        defer { server.waiting(-bytes) }
        do {
            let outcome = try await server.writer.ingest(Submission(session: session, batch: batch))
            switch outcome {
            case .held: server.logMoved()
            case .fork(let fork):
                server.say(HubLogWords.forked, of: caller, device: session.device)
                let origin = RecordText.origin(fork.origin)
                await server.note(
                    .chainParted,
                    "a chain that does not follow the hub's: origin \(origin), held through \(fork.sequence)",
                    from: caller)
            case .refused(let refuse): await note(refuse)
            case .gap: break
            }
            return outcome
        } catch {
            return .refused(refusal(for: error))
        }
    }

    func pass(_ hole: Hole) async -> HubSession.Outcome {
        guard let session = session.withLock({ $0 }) else { return .refused(Refuse(.wrongOrder)) }
        do {
            let outcome = try await server.writer.run { [now = server.now] store in
                try store.pass(hole, for: session, now: now())
            }
            if case .refused(let refuse) = outcome { await note(refuse) }
            if case .held = outcome {
                server.logger.say(
                    .warning, IdentityAudit.holePassed, HubLogWords.holePassed,
                    ["device": "\(session.device)", "through": "\(hole.sequence)"])
            }
            return outcome
        } catch {
            return .refused(refusal(for: error))
        }
    }

    func feed(after token: FeedToken, maximumItems: Int) async throws -> HubSession.FeedPage {
        guard let session = session.withLock({ $0 }) else { throw Refuse(.wrongOrder) }
        do {
            return try await server.writer.read { [self] store in
                let page = try store.feed(for: session, after: token, maximumItems: maximumItems)
                if let news = try settings(of: store, after: token, page) { return .page(news) }
                if let page { return .page(page) }
                return .complete(try store.mark(for: session))
            }
        } catch {
            throw refusal(for: error, words: HubConnection.unreadable)
        }
    }

    /// Settings that the device has not been told: on a page of their own where it stands, for a page may be
    /// as large as a frame. A device that stands nowhere yet gets them with its first page.
    private func settings(of store: any HubStore, after token: FeedToken, _ page: Feed?) throws -> Feed? {
        let settings = try store.settingsJSON()
        let print = Hello.print(of: settings)
        guard print != told.withLock({ $0 }), settings.count <= Limits.settingsBytes else { return nil }
        var news = Feed(lane: .routine, settings: settings, token: token)
        if try token.position == 0 || token.epoch != store.epoch {
            guard let page else { return nil }
            news = page
            news.settings = settings
        }
        told.withLock { $0 = print }
        return news
    }

    func heads(_ question: Heads) async throws -> Heads {
        guard let session = session.withLock({ $0 }) else { throw Refuse(.wrongOrder) }
        do {
            return try await server.writer.run { try $0.heads(question, for: session) }
        } catch {
            throw refusal(for: error, words: HubConnection.unreadable)
        }
    }

    func confirm(_ token: FeedToken) async {
        guard let session = session.withLock({ $0 }) else { return }
        do {
            try await server.writer.runTogether { try $0.confirmFeed(token, of: session) }
        } catch let error as StoreError where error.isOfRoom {
            // It only spares the branch a page, and that the disk is full is said elsewhere, once.
        } catch {
            server.logger.say(
                .error, "store_failed", Program.failure(for: error).message,
                ["device": "\(session.device)", "error": "\(error)"])
        }
    }

    /// A device that only compares: nothing is written, and its session, if it has one, goes on.
    private func greet(_ hello: Hello) async -> Result<HubSession.Greeting, Refuse> {
        guard let reader = server.reader else { return .failure(Refuse(.wrongOrder)) }
        do {
            let result = try await reader.run { [caller, now = server.now] store, _ in
                try store.greet(hello, publicKey: caller.publicKey, now: now())
            }
            if case .failure(let refuse) = result { await note(refuse) }
            let asker = try result.get()
            guard server.openedForQuestions(self, device: asker.device, close: close) else {
                return .failure(server.overload())
            }
            self.asker.withLock { $0 = asker }
            server.logger.say(
                .info, "compares", HubLogWords.compares, ["device": "\(asker.device)", "unit": asker.unit])
            return .success(HubSession.Greeting(welcome: asker.welcome, feed: .beginning))
        } catch {
            return .failure(refusal(for: error))
        }
    }

    func answer(_ question: TallyQuestion) async throws -> TallyAnswer {
        guard let reader = server.reader, let asker = asker.withLock({ $0 }) else {
            throw Refuse(.wrongOrder)
        }
        do {
            return try await reader.run { [now = server.now] store, isPatient in
                try store.answer(question, of: asker, now: now(), isPatient: isPatient)
            }
        } catch {
            throw refusal(for: error, words: HubConnection.unreadable)
        }
    }

    func closed(_ end: ConnectionEnd) async {
        server.closed(self)
        server.diary.ended(self, end, at: server.now())
    }

    private var isSurrender: Bool { session.withLock { $0?.isSurrender } ?? false }

    /// What a peer is told when the store could not do its work; the log has the rest.
    private func refusal(
        for error: any Error, words: String = "the hub could not store this just now"
    ) -> Refuse {
        if let refuse = error as? Refuse { return refuse }
        if let error = error as? StoreError, error.isOfRoom, isSurrender { return .revoked }
        server.logger.say(
            .error, "store_failed", Program.failure(for: error).message, ["error": "\(error)"])
        if let error = error as? StoreError, error.isOfRoom {
            return Refuse(
                .diskFull, retryAfter: 30, words: "the hub's disk is full; nothing was acknowledged")
        }
        return Refuse(.overloaded, retryAfter: 5, words: words)
    }
}
