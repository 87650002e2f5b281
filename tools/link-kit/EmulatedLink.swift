import Foundation
import Glibc
import Synchronization

/// Carries connections on loopback to a port as a ``LinkProfile`` would, counts their bytes, and breaks them
/// where it is told to.
public final class EmulatedLink: Sendable {
    public enum Way: Int, Sendable, CaseIterable { case up, down }

    public struct Cut: Sendable, Hashable {
        public var way: Way
        /// Bytes of that way that still get through.
        public var after: Int
        /// With a reset, which may throw away what was not read yet, or with an orderly end: what got through
        /// is read.
        public var isReset: Bool
        /// Nothing breaks, but nothing more of that way gets through.
        public var isStall: Bool

        public init(way: Way, after: Int, isReset: Bool, isStall: Bool = false) {
            self.way = way
            self.after = after
            self.isReset = isReset
            self.isStall = isStall
        }
    }

    /// What one connection has carried: bytes of TCP's payload.
    public struct Count: Sendable, Hashable {
        public var up = 0
        public var down = 0
        /// The first bytes of each way, as many as ``EmulatedLink/keptBytes``.
        public var beginnings: [[UInt8]] = [[], []]
        /// Microseconds from when the side that connects began until it last said something.
        public var lastUp: UInt64 = 0

        mutating func add(_ bytes: UnsafeRawBufferPointer, _ way: Way, at time: UInt64) {
            if way == .up { lastUp = time }
            if way == .up { up += bytes.count } else { down += bytes.count }
            let room = EmulatedLink.keptBytes - beginnings[way.rawValue].count
            if room > 0 { beginnings[way.rawValue].append(contentsOf: bytes.prefix(room)) }
        }
    }

    /// Of each way of a connection so many bytes are kept to be looked at.
    public static let keptBytes = 8_192

    private struct State {
        var cuts: [Cut] = []
        var chooses: (@Sendable () -> Cut?)?
        var hears: (@Sendable (Int) -> Void)?
        var done = 0
        var carrying = 0
        var counts: [Count] = []
        var target: UInt16
    }

    public let port: UInt16
    public let profile: LinkProfile
    private let listener: Int32
    private let startedAt: UInt64
    private let state: Mutex<State>

    /// - Parameter port: where it listens; 0 for any.
    public init(to target: UInt16, at port: UInt16 = 0, profile: LinkProfile = .plain) throws {
        let buffer = profile.rate == nil ? nil : profile.buffer / 2
        (listener, self.port) = try Loopback.listen(port: port, buffer: buffer)
        self.profile = profile
        startedAt = EmulatedLink.now()
        state = Mutex(State(target: target))
        Thread.detachNewThread { [self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread { [self] in serve(client) }
            }
        }
    }

    /// Nobody is accepted any more.
    public func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    /// The next connections are cut there, one each.
    public func plan(_ cuts: [Cut]) {
        state.withLock { state in
            state.cuts = cuts
            state.chooses = nil
        }
    }

    /// The next connection is cut there in good order, and of later ones nothing gets through.
    public func cutOnce(_ way: Way, after bytes: Int) {
        let isFirst = Mutex(true)
        plan {
            let isFirst = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            return isFirst
                ? Cut(way: way, after: bytes, isReset: false) : Cut(way: .up, after: 1, isReset: true)
        }
    }

    /// Asked for each connection whether and where it is cut.
    public func plan(_ chooses: @escaping @Sendable () -> Cut?) { state.withLock { $0.chooses = chooses } }

    /// Told of each cut when it has happened, with the bytes that had gone up.
    public func onCut(_ hears: @escaping @Sendable (Int) -> Void) { state.withLock { $0.hears = hears } }

    /// Later connections go to another port.
    public func redirect(to port: UInt16) { state.withLock { $0.target = port } }

    /// Connections that stand at the moment.
    public var carrying: Int { state.withLock { $0.carrying } }
    /// Cuts that have happened, stalls apart; of an orderly one what got through has been read.
    public var done: Int { state.withLock { $0.done } }
    /// Cuts that no connection has met with.
    public var left: Int { state.withLock { $0.cuts.count } }
    /// Of all connections so far, in the order in which they came.
    public var counts: [Count] { state.withLock { $0.counts } }

    /// Microseconds.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }

    /// Microseconds until the link goes; nil when it does not. 0 when it is gone.
    func remaining(at now: UInt64) -> UInt64? {
        guard let presence = profile.presence else { return nil }
        let time = (now - startedAt) / 1_000
        guard presence.isUp(at: time) else { return 0 }
        return (presence.up - time % (presence.up + presence.down)) * 1_000
    }

    private func serve(_ client: Int32) {
        let openedAt = EmulatedLink.now()
        let (target, cut, number) = state.withLock { state -> (UInt16, Cut?, Int) in
            let planned = state.chooses?() ?? (state.cuts.isEmpty ? nil : state.cuts.removeFirst())
            state.counts.append(Count())
            return (state.target, planned, state.counts.count - 1)
        }
        let buffer = profile.rate == nil ? nil : profile.buffer / 2
        guard remaining(at: EmulatedLink.now()) != 0,
            let server = Loopback.connect(port: target, buffer: buffer)
        else { return Loopback.reset(client) }
        state.withLock { $0.carrying += 1 }
        var carrier = Carrier(self, ends: [client, server], cut: cut, seed: UInt64(number))
        let ending = carrier.run { [self] bytes, way in
            let time = EmulatedLink.now() - openedAt
            state.withLock { $0.counts[number].add(bytes, way, at: time) }
        }
        let isReset = ending == .gone || cut?.isReset ?? false
        if ending == .cut {
            if !isReset { Loopback.finish([client, server]) }
            let hears = state.withLock { state in
                state.done += 1
                return state.hears
            }
            hears?(carrier.sent[Way.up.rawValue])
        }
        for end in [client, server] {
            if isReset { Loopback.reset(end) } else { Glibc.close(end) }
        }
        state.withLock { $0.carrying -= 1 }
    }
}
