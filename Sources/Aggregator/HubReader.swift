import Console
import Dispatch
import SyncCore
import SyncStore

/// Looks into the hub's store for those who compare, one question after the other, on a connection of its
/// own: the writer is not kept waiting.
final class HubReader: Sendable {
    /// Connections that may compare at a time.
    static let askers = 4
    /// Seconds after which a question is given up.
    static let patience: UInt64 = 60

    /// Only touched on `queue`. Opened with the first question.
    nonisolated(unsafe) private var store: (any HubStore)?
    private let open: @Sendable () throws -> any HubStore
    private let queue = DispatchQueue(label: "hub.reader", qos: .utility)

    /// - Parameter open: opens the store for reading only.
    init(open: @escaping @Sendable () throws -> any HubStore) { self.open = open }

    /// Runs `body` with a store that cannot write, and with what says whether there is still time.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (any HubStore, () -> Bool) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                let end = DispatchTime.now().uptimeNanoseconds + HubReader.patience * 1_000_000_000
                continuation.resume(
                    with: Swift.Result {
                        let opened = try store ?? open()
                        store = opened
                        return try body(opened) { DispatchTime.now().uptimeNanoseconds < end }
                    })
            }
        }
    }

}
