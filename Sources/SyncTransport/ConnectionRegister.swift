import NIOCore
import SyncCore
import Synchronization

/// The connections of one listener: how many, which of them strangers, and how to close them.
///
/// When more strangers come than may be, the oldest makes way for the newest, so that nobody keeps others out
/// by saying nothing. While strangers come through, though, the hub is merely busy and the oldest is the next
/// to come through: then newcomers stand in line.
final class ConnectionRegister: Sendable {
    /// Milliseconds after which those in line are looked at again.
    static let lookInterval: UInt64 = 250
    /// Strangers come through when so many have within ``flowWindow``.
    static let flowCount = 16
    /// Milliseconds.
    static let flowWindow: UInt64 = 2_000
    /// Milliseconds after which a stranger makes way in any case.
    static let patience: UInt64 = 10_000

    private struct Entry {
        var drop: @Sendable () -> Void
        var close: (@Sendable (Refuse) -> Void)?
    }

    private struct Stranger {
        var number: UInt64
        var address: String
        var since: UInt64
    }

    /// Somebody in line.
    private struct Newcomer {
        var address: String
        var drop: @Sendable () -> Void
        var enter: @Sendable (UInt64?) -> Void
    }

    /// What is to be called once the state is not locked any more.
    private typealias Calls = [@Sendable () -> Void]

    private enum Decision {
        case enter(insteadOf: Int?)
        /// - Parameter ofAddress: its address has as many strangers as may be.
        case wait(ofAddress: Bool)
        case full
    }

    private struct State {
        var next: UInt64 = 0
        /// Ascending, so the oldest is first.
        var strangers: [Stranger] = []
        /// Those that have said who they are, and are judged.
        var judged: Set<UInt64> = []
        /// Called once there is room for more of them.
        var whenCalm: (@Sendable () -> Void)?
        var open: [UInt64: Entry] = [:]
        var whenEmpty: (@Sendable () -> Void)?
        /// When the last ``flowCount`` strangers came through, the earliest first.
        var passed: [UInt64] = []
        /// In line for any place.
        var line = CircularBuffer<Newcomer>()
        /// In line behind others of their address.
        var lines: [String: CircularBuffer<Newcomer>] = [:]
        var waiting = 0
        /// Somebody calls ``letIn(now:)`` before long: once is enough, however often the line is empty.
        var isLookedAt = false
        /// Nobody comes in any more.
        var isClosing = false

        func flows(_ now: UInt64) -> Bool {
            passed.count == flowCount && now - min(now, passed[0]) < flowWindow
        }

        mutating func pass(_ now: UInt64) {
            if passed.count == flowCount { passed.removeFirst() }
            passed.append(now)
        }

        func decide(_ address: String, _ limits: HubLimits, _ now: UInt64) -> Decision {
            guard !isClosing, limits.strangers > 0 else { return .full }
            guard open.count < limits.connections else {
                return flows(now) ? .wait(ofAddress: false) : .full
            }
            var counts: [String: Int] = [:]
            for stranger in strangers { counts[stranger.address, default: 0] += 1 }
            var crowded = address
            let isOfAddress = counts[address, default: 0] >= limits.strangersOfOne
            if !isOfAddress {
                guard strangers.count >= limits.strangers else { return .enter(insteadOf: nil) }
                let most = counts.values.max()
                // Of addresses with as many each, the one that has been here longest.
                crowded = strangers.first { counts[$0.address] == most }?.address ?? address
            }
            guard let oldest = strangers.firstIndex(where: { $0.address == crowded }) else { return .full }
            let age = now - min(now, strangers[oldest].since)
            if flows(now), age < patience { return .wait(ofAddress: isOfAddress) }
            return .enter(insteadOf: oldest)
        }

        mutating func enter(
            _ newcomer: Newcomer, insteadOf oldest: Int?, now: UInt64, _ calls: inout Calls
        ) {
            if let oldest, let entry = open[strangers.remove(at: oldest).number] { calls.append(entry.drop) }
            next += 1
            let number = next
            strangers.append(Stranger(number: number, address: newcomer.address, since: now))
            open[number] = Entry(drop: newcomer.drop)
            calls.append { newcomer.enter(number) }
        }

        /// Those in line for whom there is a place by now.
        mutating func letIn(_ limits: HubLimits, _ now: UInt64, _ calls: inout Calls) {
            while let newcomer = line.first, letIn(newcomer, limits, now, &calls) { line.removeFirst() }
            for address in lines.keys.sorted() {
                while let newcomer = lines[address]?.first, letIn(newcomer, limits, now, &calls) {
                    lines[address]?.removeFirst()
                }
                if lines[address]?.first == nil { lines[address] = nil }
            }
        }

        /// - Returns: whether the newcomer waits no more.
        private mutating func letIn(
            _ newcomer: Newcomer, _ limits: HubLimits, _ now: UInt64, _ calls: inout Calls
        ) -> Bool {
            switch decide(newcomer.address, limits, now) {
            case .enter(let oldest): enter(newcomer, insteadOf: oldest, now: now, &calls)
            case .wait: return false
            case .full: calls.append { newcomer.enter(nil) }
            }
            waiting -= 1
            return true
        }
    }

    private let limits: HubLimits
    private let state = Mutex(State())

    init(limits: HubLimits) { self.limits = limits }

    var count: Int { state.withLock { $0.open.count } }

    /// Somebody has connected.
    ///
    /// - Parameters:
    ///   - now: milliseconds of a clock that only goes on.
    ///   - drop: closes the new connection without a word.
    ///   - enter: called with its number, now or later, or with nil when there are too many.
    ///   - wait: called when nobody looks at the line: ``letIn(now:)`` must be, as long as it returns true.
    func admit(
        from address: String, now: UInt64, drop: @escaping @Sendable () -> Void,
        enter: @escaping @Sendable (UInt64?) -> Void, wait: @escaping @Sendable () -> Void
    ) {
        let newcomer = Newcomer(address: address, drop: drop, enter: enter)
        let calls = state.withLock { state in
            var calls: Calls = []
            switch state.decide(address, limits, now) {
            case .enter(let oldest): state.enter(newcomer, insteadOf: oldest, now: now, &calls)
            case .wait(let ofAddress) where state.waiting < limits.line:
                if !state.isLookedAt { calls.append(wait) }
                state.isLookedAt = true
                state.waiting += 1
                if ofAddress {
                    state.lines[address, default: CircularBuffer()].append(newcomer)
                } else {
                    state.line.append(newcomer)
                }
            case .wait, .full: calls.append { enter(nil) }
            }
            return calls
        }
        for call in calls { call() }
    }

    /// Lets in who is in line and has a place by now.
    ///
    /// - Returns: whether somebody still waits.
    func letIn(now: UInt64) -> Bool {
        let (calls, isWaiting) = state.withLock { state in
            var calls: Calls = []
            state.letIn(limits, now, &calls)
            state.isLookedAt = state.waiting > 0
            return (calls, state.isLookedAt)
        }
        for call in calls { call() }
        return isWaiting
    }

    func add(_ number: UInt64, close: @escaping @Sendable (Refuse) -> Void) {
        state.withLock { $0.open[number]?.close = close }
    }

    /// It has said who it is: from now on it waits for the hub, and nobody takes its place.
    func greeted(_ number: UInt64, now: UInt64) {
        change(now) { state, _ in
            let before = state.strangers.count
            state.strangers.removeAll { $0.number == number }
            if state.strangers.count < before { state.pass(now) }
            if state.open[number] != nil { state.judged.insert(number) }
        }
    }

    /// Whatever the judgement was: a connection that only compares, or hands over what it has, waits no more.
    func judged(_ number: UInt64) {
        let whenCalm = state.withLock { calm(&$0, without: number) }
        whenCalm?()
    }

    func welcomed(_ number: UInt64, now: UInt64) {
        change(now) { [self] state, calls in
            state.strangers.removeAll { $0.number == number }
            if let whenCalm = calm(&state, without: number) { calls.append(whenCalm) }
        }
    }

    func remove(_ number: UInt64, now: UInt64) {
        change(now) { [self] state, calls in
            guard state.open.removeValue(forKey: number) != nil else { return }
            state.strangers.removeAll { $0.number == number }
            if let whenCalm = calm(&state, without: number) { calls.append(whenCalm) }
            if state.open.isEmpty, let whenEmpty = state.whenEmpty { calls.append(whenEmpty) }
        }
    }

    /// Changes who is there, and lets in who has a place by that.
    private func change(_ now: UInt64, _ body: (inout State, inout Calls) -> Void) {
        let calls = state.withLock { state in
            var calls: Calls = []
            body(&state, &calls)
            if state.waiting > 0 { state.letIn(limits, now, &calls) }
            return calls
        }
        for call in calls { call() }
    }

    private func calm(_ state: inout State, without number: UInt64) -> (@Sendable () -> Void)? {
        guard state.judged.remove(number) != nil, state.judged.count < limits.judging else { return nil }
        defer { state.whenCalm = nil }
        return state.whenCalm
    }

    /// - Parameter body: called once fewer wait to be judged, unless this returns true at once.
    func isCalm(orElse body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let isCalm = state.judged.count < limits.judging
            state.whenCalm = isCalm ? nil : body
            return isCalm
        }
    }

    /// Nobody comes in any more; who waits in line is sent away, and who is in is told.
    func closeAll(_ refuse: Refuse) {
        let (all, calls) = state.withLock { state in
            var calls: Calls = []
            state.isClosing = true
            state.letIn(limits, 0, &calls)
            return (state.open.sorted { $0.key < $1.key }.compactMap(\.value.close), calls)
        }
        for call in calls { call() }
        for close in all { close(refuse) }
    }

    func whenEmpty(_ body: @escaping @Sendable () -> Void) {
        let isEmpty = state.withLock { state in
            state.whenEmpty = body
            return state.open.isEmpty
        }
        if isEmpty { body() }
    }
}
