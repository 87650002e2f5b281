import SyncCore

/// The asking half of a comparison, with a hub that answers anything in any order.
struct ReconcileSessionRun {
    private var source: ByteSource
    private var session: ReconcileSession
    private var now: UInt64 = 1
    private var asked: [TallyPath]?
    private var hasToLook = false
    private var hasEnded = false
    private let limit: Int

    init(_ source: ByteSource) {
        self.source = source
        limit = self.source.choice(6)
        session = ReconcileSession(limit: limit)
    }

    mutating func go() {
        feed(.opened(source.hello()))
        while !source.isEmpty {
            switch source.choice(8) {
            case 0:
                var welcome = source.welcome()
                welcome.capabilities = [ReconcileSession.capability]
                feed(.received(.welcome(welcome)))
            case 1: feed(.received(source.message()))
            case 2:
                now += source.number(upTo: 100_000)
                feed(.tick)
            case 3 where source.choice(16) == 0: feed(.failed(source.refuse()))
            case 3, 4: look()
            default: feed(.received(.tally(source.answer(to: asked))))
            }
        }
        guard let findings = session.reconciler?.findings() else { return }
        check(findings.differences.count <= max(1, limit), "no more is named than was asked for")
        check(
            zip(findings.differences, findings.differences.dropFirst()).allSatisfy {
                $0.place <= $1.place
            }, "findings ascend by place")
    }

    private mutating func look() {
        guard hasToLook else { return }
        hasToLook = false
        let moment = Reconciler.Moment(position: source.number(), own: [])
        feed(.looked(source.listing(), moment))
    }

    private mutating func feed(_ event: ReconcileSession.Event) {
        let actions = session.handle(event, now: now)
        check(!hasEnded || actions.isEmpty, "nothing comes after the end")
        for (index, action) in actions.enumerated() {
            switch action {
            case .send(.ask(let question), _):
                check(!question.paths.isEmpty, "something is asked")
                check(question.paths.count <= Limits.tallyPaths, "no more is asked than may be")
                asked = question.paths
            case .send: break
            case .look: hasToLook = true
            case .end:
                check(index == actions.count - 1, "the end comes last")
                hasEnded = true
            }
        }
        check(session.questions <= Limits.tallyQuestions, "questions have an end")
        check(!hasEnded || session.deadline == nil, "a session that is over wants no tick")
    }
}
