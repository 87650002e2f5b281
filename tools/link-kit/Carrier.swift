import Glibc

/// Carries one connection both ways, on a thread of its own.
struct Carrier {
    enum Ending { case over, cut, gone }

    private struct Piece {
        var bytes: [UInt8]
        var written = 0
        var leaves: UInt64
        var arrives: UInt64
    }

    private struct Direction {
        var line: Line
        var pieces: [Piece] = []
        /// The side that sends has ended.
        var isOver = false
        /// Nothing more is taken.
        var isStalled = false
        /// The side that receives takes nothing now.
        var isBlocked = false
    }

    /// As large as a segment on most lines.
    private static let pieceBytes = 1_400
    /// Bytes under way that one direction may have at most.
    private static let flightBytes = 4 << 20

    private let link: EmulatedLink
    private let ends: [Int32]
    private let cut: EmulatedLink.Cut?
    private var ways: [Direction]
    private var dice: UInt64
    private(set) var sent = [0, 0]
    private var isBreaking = false

    init(_ link: EmulatedLink, ends: [Int32], cut: EmulatedLink.Cut?, seed: UInt64) {
        self.link = link
        self.ends = ends
        self.cut = cut
        dice = seed &+ 1
        let line = Line(
            rate: link.profile.rate, delay: link.profile.roundTrip * 500, ticksPerSecond: 1_000_000)
        ways = [Direction(line: line), Direction(line: line)]
        // The connection is open, for the side that connects, after one round trip.
        let now = EmulatedLink.now()
        for way in ways.indices { ways[way].line.stall(until: now + link.profile.roundTrip * 1_000) }
        ends.forEach(Loopback.prepare)
    }

    mutating func run(_ counts: (UnsafeRawBufferPointer, EmulatedLink.Way) -> Void) -> Ending {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            var now = EmulatedLink.now()
            for way in 0...1 where !deliver(way, now) { return .over }
            if isBreaking, ways.allSatisfy(\.pieces.isEmpty) { return .cut }
            for way in 0...1 where ways[way].isOver && ways[way].pieces.isEmpty { return .over }
            var waiting = (0...1).map { events(way: $0, now) }
            let pause = dueTime(now).map { Int32(clamping: ($0 - min($0, now) + 999) / 1_000) }
            guard poll(&waiting, 2, pause ?? -1) >= 0 || errno == EINTR else { return .over }
            now = EmulatedLink.now()
            if link.remaining(at: now) == 0 { return .gone }
            for way in 0...1 {
                if waiting[1 - way].revents & Int16(POLLOUT | POLLERR | POLLHUP) != 0 {
                    ways[way].isBlocked = false
                }
                let isThere = waiting[way].revents & Int16(POLLIN | POLLERR | POLLHUP) != 0
                let mayRead = waiting[way].events & Int16(POLLIN) != 0
                // Who has hung up is heard also while nothing is taken of it.
                if isThere, !mayRead, waiting[way].revents & Int16(POLLERR) != 0 { return .over }
                guard isThere, mayRead else { continue }
                take(way, &buffer, now, counts)
            }
        }
    }

    private func dueTime(_ now: UInt64) -> UInt64? {
        var due = link.remaining(at: now).map { now + $0 }
        for way in ways {
            if let first = way.pieces.first, !way.isBlocked { due = min(due ?? .max, first.arrives) }
            // Room comes about when what waits leaves.
            for piece in way.pieces where piece.leaves > now {
                due = min(due ?? .max, piece.leaves)
                break
            }
        }
        return due
    }

    /// What an end is asked for: to give, when there is room on its way, and to take.
    private func events(way: Int, _ now: UInt64) -> pollfd {
        var events: Int16 = 0
        if room(way, now) > 0 { events |= Int16(POLLIN) }
        if ways[1 - way].isBlocked { events |= Int16(POLLOUT) }
        // An end that is asked for nothing is not looked at: one that has hung up would wake us for ever.
        return pollfd(fd: events == 0 ? -1 : ends[way], events: events, revents: 0)
    }

    private func room(_ way: Int, _ now: UInt64) -> Int {
        guard !ways[way].isOver, !ways[way].isStalled, !isBreaking else { return 0 }
        let waiting = ways[way].pieces.reduce(0) { $0 + ($1.leaves > now ? $1.bytes.count : 0) }
        let flying = ways[way].pieces.reduce(0) { $0 + $1.bytes.count }
        let left = cut.map { $0.way.rawValue == way ? $0.after - sent[way] : .max } ?? .max
        return min(link.profile.buffer - waiting, Carrier.flightBytes - flying, left)
    }

    private mutating func take(
        _ way: Int, _ buffer: inout [UInt8], _ now: UInt64,
        _ counts: (UnsafeRawBufferPointer, EmulatedLink.Way) -> Void
    ) {
        let room = min(buffer.count, room(way, now))
        let count = read(ends[way], &buffer, room)
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { ways[way].isOver = true }
            return
        }
        buffer.withUnsafeBytes {
            counts(UnsafeRawBufferPointer(rebasing: $0[..<count]), way == 0 ? .up : .down)
        }
        sent[way] += count
        for start in stride(from: 0, to: count, by: Carrier.pieceBytes) {
            let bytes = Array(buffer[start..<min(count, start + Carrier.pieceBytes)])
            let (leaves, arrives) = ways[way].line.carry(bytes.count, at: now)
            ways[way].pieces.append(Piece(bytes: bytes, leaves: leaves, arrives: arrives))
            if isLost() { ways[way].line.stall(until: leaves + link.profile.roundTrip * 1_000 + 200_000) }
        }
        if let cut, cut.way.rawValue == way, sent[way] >= cut.after {
            if cut.isStall { ways[way].isStalled = true } else { isBreaking = true }
        }
    }

    /// Seeded by the connection's number: the same pieces are lost in every run.
    private mutating func isLost() -> Bool {
        guard link.profile.lossPerMille > 0 else { return false }
        dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (dice >> 33) % 1_000 < link.profile.lossPerMille
    }

    /// Hands over what has arrived; false when nobody takes it any more.
    private mutating func deliver(_ way: Int, _ now: UInt64) -> Bool {
        while let piece = ways[way].pieces.first, piece.arrives <= now, !ways[way].isBlocked {
            let written = piece.bytes.withUnsafeBytes { bytes in
                send(
                    ends[1 - way], bytes.baseAddress.map { $0 + piece.written },
                    bytes.count - piece.written, Int32(MSG_NOSIGNAL))
            }
            if written < 0 {
                guard errno == EAGAIN || errno == EINTR else { return false }
                ways[way].isBlocked = true
            } else if piece.written + written == piece.bytes.count {
                ways[way].pieces.removeFirst()
            } else {
                ways[way].pieces[0].written += written
            }
        }
        return true
    }
}
