import Foundation
import Logging
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// Joins connections and store: what a connection asks is done by the writer, and who has news is told.
final class HubServer: HubService {
    private struct Listener {
        let device: Int64
        let moved: @Sendable () -> Void
        let close: @Sendable (Refuse) -> Void
    }

    let writer: HubWriter
    let logger: Logger
    let now: @Sendable () -> Milliseconds
    private struct State {
        var listeners: [ObjectIdentifier: Listener] = [:]
        var isNewsScheduled = false
    }

    private let state = Mutex(State())

    init(writer: HubWriter, logger: Logger, now: @escaping @Sendable () -> Milliseconds) {
        self.writer = writer
        self.logger = logger
        self.now = now
    }

    func connection(
        publicKey: [UInt8], address: String, moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) -> any HubConnectionHost {
        HubConnection(server: self, publicKey: publicKey, moved: moved, close: close)
    }

    /// A device is admitted: its older connection, if it still stands, makes way.
    func opened(
        _ connection: HubConnection, device: Int64, moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) {
        let listener = Listener(device: device, moved: moved, close: close)
        let older = state.withLock { state in
            let older = state.listeners.filter { $0.value.device == device }
            for key in older.keys { state.listeners[key] = nil }
            state.listeners[ObjectIdentifier(connection)] = listener
            return older.values.map(\.close)
        }
        for close in older { close(Refuse(.replaced, words: "a newer connection of this device took over")) }
    }

    func closed(_ connection: HubConnection) {
        state.withLock { $0.listeners[ObjectIdentifier(connection)] = nil }
    }

    /// Tells all connections within a fifth of a second that the log has moved; many commits make one
    /// telling.
    func logMoved() {
        let mustSchedule = state.withLock { state in
            defer { state.isNewsScheduled = true }
            return !state.isNewsScheduled
        }
        guard mustSchedule else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { [self] in
            let all = state.withLock { state in
                state.isNewsScheduled = false
                return state.listeners.values.map(\.moved)
            }
            for moved in all { moved() }
        }
    }
}

/// One connection's way to the store.
final class HubConnection: HubConnectionHost {
    private let server: HubServer
    private let publicKey: [UInt8]
    private let moved: @Sendable () -> Void
    private let close: @Sendable (Refuse) -> Void
    /// Set once the device is admitted.
    private let session = Mutex<SessionRef?>(nil)

    init(
        server: HubServer, publicKey: [UInt8], moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) {
        self.server = server
        self.publicKey = publicKey
        self.moved = moved
        self.close = close
    }

    func admit(_ hello: Hello) async -> Result<HubSession.Greeting, Refuse> {
        var generator = SystemRandomNumberGenerator()
        let token = Token16(using: &generator)
        do {
            let result = try await server.writer.run { [publicKey, now = server.now] store in
                try store.admit(hello, publicKey: publicKey, sessionToken: token, now: now())
            }
            switch result {
            case .failure(let refuse):
                server.logger.notice("device refused", metadata: ["code": "\(refuse.code.rawValue)"])
                return .failure(refuse)
            case .success(let admission):
                session.withLock { $0 = admission.session }
                server.opened(self, device: admission.session.device, moved: moved, close: close)
                server.logger.info(
                    "session opened",
                    metadata: ["device": "\(admission.session.device)", "unit": "\(admission.unit)"])
                return .success(HubSession.Greeting(welcome: admission.welcome, feed: admission.feed))
            }
        } catch {
            return .failure(refusal(for: error))
        }
    }

    func join(_ join: Join) async -> Result<Joined, Refuse> {
        do {
            return try await server.writer.run { [publicKey, now = server.now] store in
                try store.join(join, publicKey: publicKey, now: now())
            }
        } catch {
            return .failure(refusal(for: error))
        }
    }

    func ingest(_ batch: VersionBatch) async -> HubSession.Outcome {
        guard let session = session.withLock({ $0 }) else { return .refused(Refuse(.wrongOrder)) }
        do {
            switch try await server.writer.ingest(Submission(session: session, batch: batch)) {
            case .held(let receipt, let position):
                server.logMoved()
                return .held(receipt: receipt, position: position)
            case .gap(let gap): return .gap(gap)
            case .fork(let fork):
                server.logger.warning("fork", metadata: ["device": "\(session.device)"])
                return .fork(fork)
            case .refused(let refuse): return .refused(refuse)
            }
        } catch {
            return .refused(refusal(for: error))
        }
    }

    func feed(after token: FeedToken, maximumItems: Int) async throws -> HubSession.FeedPage {
        guard let session = session.withLock({ $0 }) else { throw Refuse(.wrongOrder) }
        return try await server.writer.run { store in
            if let page = try store.feed(for: session, after: token, maximumItems: maximumItems) {
                return .page(page)
            }
            return .complete(try store.mark(for: session))
        }
    }

    func confirm(_ token: FeedToken) async {
        guard let session = session.withLock({ $0 }) else { return }
        do {
            try await server.writer.run { try $0.confirmFeed(token, of: session) }
        } catch {
            server.logger.error("feed confirmation not stored", metadata: ["device": "\(session.device)"])
        }
    }

    func closed() async { server.closed(self) }

    /// What a peer is told when the store could not do its work; the log has the rest.
    private func refusal(for error: any Error) -> Refuse {
        if let refuse = error as? Refuse { return refuse }
        server.logger.error("store", metadata: ["error": "\(error)"])
        if let error = error as? StoreError, error.code == .diskFull {
            return Refuse(
                .diskFull, retryAfter: 30, words: "the hub's disk is full; nothing was acknowledged")
        }
        return Refuse(.overloaded, retryAfter: 5, words: "the hub could not store this just now")
    }
}
