/// Calls to a store, one after the other. Between the moment at which one is carried out, and is durable, and
/// the moment at which its answer is heard, time passes, and a program may die.
final class CallLine {
    private unowned let world: World
    private var waiting: [() throws -> (() throws -> Void)?] = []
    private var isBusy = false
    private var numbers: Numbers

    init(_ world: World, seed: UInt64) {
        self.world = world
        numbers = Numbers(seed: seed)
    }

    /// Whoever owned the line is gone: nothing more is carried out or answered.
    func drop() {
        isDropped = true
        waiting = []
    }
    private var isDropped = false

    /// Nothing more comes and nobody waits for answers; what was asked is still done.
    func finish() { isFinished = true }
    private var isFinished = false

    /// What was asked could not be done: nothing that was asked behind it is done either.
    func fail() { hasFailed = true }
    private var hasFailed = false

    var isIdle: Bool { isDropped || !isBusy && waiting.isEmpty }

    /// - Parameter body: works on the store; what it returns is done with the answer.
    func add(_ body: @escaping () throws -> (() throws -> Void)?) {
        waiting.append(body)
        start()
    }

    private func start() {
        guard !isBusy, !waiting.isEmpty, !isDropped else { return }
        isBusy = true
        let body = waiting.removeFirst()
        world.timeline.plan(in: UInt64(numbers.below(5))) { [self] in
            guard !isDropped else { return }
            let answer = hasFailed ? nil : try body()
            world.timeline.plan(in: UInt64(numbers.logarithmic(below: 100))) { [self] in
                guard !isDropped else { return }
                if !isFinished { try answer?() }
                isBusy = false
                start()
            }
        }
    }
}
