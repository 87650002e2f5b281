/// The asking half of a connection that only compares, as a value. `now` is a monotonic clock in
/// milliseconds.
///
/// It changes nothing at either end: the hub opens no session for it, and the branch stores nothing of what
/// it says. `look` is answered by exactly one `looked`, or by `failed`.
public struct ReconcileSession: Sendable {
    public enum Event: Sendable {
        case opened(Hello)
        case received(Message)
        /// This end's records as they are now, beside what the hub said that it holds.
        case looked(TallyListing, Reconciler.Moment)
        case failed(Refuse)
        case tick
    }

    public enum Action: Sendable, Hashable {
        case send(Message, compress: Bool)
        /// Make the listing. The hub holds the own origins as its Welcome says.
        case look(Welcome)
        /// The connection is over; nil when everything was compared.
        case end(Refuse?)
    }

    private enum Phase: Sendable { case opening, greeting, looking, asking, ended }

    /// The capability by which an agent's Hello says that it only asks, and a hub's Welcome that it answers.
    public static let capability = "reconcile"
    /// Milliseconds in which an answer must come. A hub reads all its records for the first one.
    public static let patience: UInt64 = 120_000
    /// Milliseconds in which the hub must greet.
    static let greetingLimit: UInt64 = 30_000

    private let limit: Int
    private var phase = Phase.opening
    private var askedAt: UInt64 = 0
    public private(set) var reconciler: Reconciler?
    /// Questions that were asked.
    public private(set) var questions = 0

    /// - Parameter limit: once so many differing records are known, nothing more is asked.
    public init(limit: Int) { self.limit = limit }

    public var deadline: UInt64? {
        switch phase {
        case .greeting: askedAt + ReconcileSession.greetingLimit
        case .asking: askedAt + ReconcileSession.patience
        case .opening, .looking, .ended: nil
        }
    }

    public mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        guard phase != .ended else { return [] }
        switch event {
        case .opened(var hello):
            guard phase == .opening else { return [] }
            phase = .greeting
            askedAt = now
            hello.capabilities = [ReconcileSession.capability]
            return [.send(.hello(hello), compress: false)]
        case .received(let message): return receive(message, now)
        case .looked(let listing, let moment):
            guard phase == .looking else { return [] }
            phase = .asking
            reconciler = Reconciler(listing, at: moment, limit: limit)
            return ask(now)
        case .failed(let refuse): return end(refuse, saying: true)
        case .tick:
            guard let deadline, now >= deadline else { return [] }
            return end(Refuse(.silence, words: "the hub does not answer"), saying: true)
        }
    }

    private mutating func receive(_ message: Message, _ now: UInt64) -> [Action] {
        switch (phase, message) {
        case (.greeting, .welcome(let welcome)):
            guard welcome.capabilities.contains(where: { $0.utf8.elementsEqual(Self.capability.utf8) }) else {
                return end(Refuse(.tooOld, words: "this hub does not compare; update it"), saying: true)
            }
            phase = .looking
            return [.look(welcome)]
        case (_, .refuse(let refuse)), (_, .close(let refuse)):
            return end(refuse.code == .done ? Refuse(.shuttingDown) : refuse, saying: false)
        case (.asking, .tally(let answer)):
            do throws(Refuse) {
                try reconciler?.take(answer)
            } catch {
                return end(error, saying: true)
            }
            return ask(now)
        case (_, .ping(let ping)):
            return ping.isReply ? [] : [.send(.ping(Ping(isReply: true, token: ping.token)), compress: false)]
        case (_, .unknown): return []
        default:
            return end(Refuse(.wrongOrder, words: "a message came that does not belong here"), saying: true)
        }
    }

    private mutating func ask(_ now: UInt64) -> [Action] {
        guard questions < Limits.tallyQuestions, let question = reconciler?.question() else {
            phase = .ended
            return [.send(.close(Refuse(.done)), compress: false), .end(nil)]
        }
        questions += 1
        askedAt = now
        return [.send(.ask(question), compress: true)]
    }

    private mutating func end(_ refuse: Refuse, saying: Bool) -> [Action] {
        phase = .ended
        return saying ? [.send(.close(refuse), compress: false), .end(refuse)] : [.end(refuse)]
    }
}
