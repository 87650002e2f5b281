import LinkKit
import SyncCore
import SyncWire

/// One connection: real frames, in both directions, over a line with a rate, a delay and a buffer.
final class SimLink {
    enum End: Int { case agent, hub }

    private struct Way {
        var line: Line
        var unsent = 0
        var wasWritable = true
        var writer: FrameWriter
        var reader = FrameReader()
        /// Bytes that still arrive; nil while the line is whole.
        var allowance: Int?
    }

    /// Above so many unsent bytes an end is not writable, until they are fewer than a quarter of it.
    static let highWater = 16_384
    private static let piece = 1_400

    unowned let world: World
    let agent: Int
    /// Bytes in a second.
    let rate: UInt64
    let delay: UInt64
    private var ways: [Way]
    /// Something was done to it.
    private(set) var isTouched = false
    /// Frames in both directions.
    private(set) var frames = 0
    private(set) var isOver = [false, false]
    /// Who hears of it.
    var received: [(Message, Int) throws -> Void] = [{ _, _ in }, { _, _ in }]
    var failed: [(Refuse) throws -> Void] = [{ _ in }, { _ in }]
    var closed: [() throws -> Void] = [{}, {}]
    var writable: [(Bool) throws -> Void] = [{ _ in }, { _ in }]

    init(_ world: World, agent: Int, using numbers: inout Numbers) {
        self.world = world
        self.agent = agent
        let (rate, delay) = (UInt64(1_000 << numbers.below(11)), UInt64(1 << numbers.below(12)))
        self.rate = world.line?.rate ?? rate
        self.delay = world.line?.delay ?? delay
        let line = Line(rate: self.rate, delay: self.delay, ticksPerSecond: 1_000)
        let dictionary = PresetDictionary.bytes(Hello.dictionary)
        ways = [false, true].map {
            Way(line: line, writer: FrameWriter(dictionary: dictionary, isDownward: $0))
        }
        for way in ways.indices {
            ways[way].reader.dictionary = dictionary
            ways[way].reader.acceptsInStream = false
            ways[way].reader.frameLimit = Limits.frameBeforeWelcome
        }
    }

    func acceptInStream(at end: End) {
        ways[1 - end.rawValue].reader.acceptsInStream = true
        ways[1 - end.rawValue].reader.frameLimit = Limits.framePayload
    }

    // MARK: - Sending

    /// - Returns: bytes on the wire; nil when nothing was sent.
    func send(_ message: Message, compress: Bool, from end: End, limit: Int = .max) throws -> Int? {
        guard !isOver[end.rawValue] else { return nil }
        guard limit == .max || MessageCodec.weight(message) <= limit else { return nil }
        let bytes = try ways[end.rawValue].writer.frame(message, compress: compress)
        frames += 1
        var start = 0
        while start < bytes.count {
            let stop = min(bytes.count, start + SimLink.piece)
            carry(Array(bytes[start..<stop]), from: end)
            start = stop
        }
        try balance(end)
        return bytes.count
    }

    private func carry(_ bytes: [UInt8], from end: End) {
        let now = world.timeline.now
        let (ends, arrives) = ways[end.rawValue].line.carry(bytes.count, at: now)
        ways[end.rawValue].unsent += bytes.count
        world.watch.unsent(ways[end.rawValue].unsent, at: agent)
        world.timeline.plan(in: ends - now) { [self] in
            ways[end.rawValue].unsent -= bytes.count
            try balance(end)
        }
        world.timeline.plan(in: arrives - now) { [self] in try arrive(bytes, from: end) }
    }

    /// Nothing gets through any more.
    var isBroken: Bool { ways.contains { $0.allowance != nil } || isOver.contains(true) }

    func isWritable(_ end: End) -> Bool { ways[end.rawValue].wasWritable }

    private func balance(_ end: End) throws {
        let way = end.rawValue
        let isWritable =
            ways[way].wasWritable
            ? ways[way].unsent <= SimLink.highWater : ways[way].unsent <= SimLink.highWater / 4
        guard isWritable != ways[way].wasWritable, !isOver[way] else { return }
        ways[way].wasWritable = isWritable
        try writable[way](isWritable)
    }

    private func arrive(_ bytes: [UInt8], from end: End) throws {
        let receiver = 1 - end.rawValue
        guard !isOver[receiver] else { return }
        var bytes = bytes
        if let allowance = ways[end.rawValue].allowance {
            bytes = Array(bytes.prefix(allowance))
            ways[end.rawValue].allowance = allowance - bytes.count
        }
        ways[end.rawValue].reader.append(bytes)
        do {
            while !isOver[receiver], let frame = try ways[end.rawValue].reader.next() {
                // The hub's session keeps what follows until Hello is judged.
                if case .hello = frame.message { ways[end.rawValue].reader.acceptsInStream = true }
                try received[receiver](frame.message, frame.wireBytes)
            }
        } catch let error as WireError {
            world.complain("agent \(agent): the wire says \(error)")
            try failed[receiver](Refuse(error.refusal, words: "\(error)"))
        }
    }

    // MARK: - The end

    /// What was sent still arrives; then the other end hears of it.
    func finish(_ end: End) throws {
        guard !isOver[end.rawValue] else { return }
        isOver[end.rawValue] = true
        let now = world.timeline.now
        let flushed = ways[end.rawValue].line.settled(at: now)
        world.timeline.plan(in: flushed - now) { [self] in try hangUp(1 - end.rawValue) }
        try closed[end.rawValue]()
    }

    private func hangUp(_ end: Int) throws {
        guard !isOver[end] else { return }
        isOver[end] = true
        try closed[end]()
    }

    /// Breaks: so many bytes of each way still arrive. One of the ends may never hear of it.
    func cut(bytes: Int, using numbers: inout Numbers) {
        isTouched = true
        for way in ways.indices where ways[way].allowance == nil { ways[way].allowance = bytes }
        let deaf = numbers.below(4)
        for end in 0...1 where end != deaf {
            world.timeline.plan(in: UInt64(numbers.below(2_000))) { [self] in try hangUp(end) }
        }
    }

    func stall(_ milliseconds: UInt64) {
        isTouched = true
        for way in ways.indices { ways[way].line.stall(until: world.timeline.now + milliseconds) }
    }

    /// An end's program is gone. The other hears of it, or does not.
    func vanish(_ end: End, using numbers: inout Numbers) {
        isTouched = true
        isOver[end.rawValue] = true
        ways[end.rawValue].allowance = ways[end.rawValue].allowance ?? numbers.below(3_000)
        guard !numbers.isOne(in: 4) else { return }
        world.timeline.plan(in: delay + UInt64(numbers.below(100))) { [self] in try hangUp(1 - end.rawValue) }
    }
}
