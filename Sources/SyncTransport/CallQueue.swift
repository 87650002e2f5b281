import NIOCore

/// What a session asks of its host, done one after the other off the event loop; answers come back on it, in
/// order.
final class CallQueue: Sendable {
    typealias Call = @Sendable () async -> (@Sendable () -> Void)

    private let calls: AsyncStream<Call>.Continuation
    private let task: Task<Void, Never>

    /// - Parameter finished: runs on the loop after the last answer.
    init(on loop: any EventLoop, finished: @escaping @Sendable () -> Void) {
        let (stream, calls) = AsyncStream.makeStream(of: Call.self)
        self.calls = calls
        task = Task {
            for await call in stream {
                let answer = await call()
                loop.execute(answer)
            }
            loop.execute(finished)
        }
    }

    /// `call` returns what is to be done with its result on the event loop.
    func add(_ call: @escaping Call) { calls.yield(call) }

    /// Nothing more comes; what was asked is still done.
    func finish() { calls.finish() }
}
