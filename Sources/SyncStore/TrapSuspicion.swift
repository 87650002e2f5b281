public import SyncCore

/// What is remembered of work over which the hub's process died of a trap, and what is to be done next.
///
/// A value: traps and what got through go in, the next step comes out. Only a trap with a marker goes in; a
/// process that was killed leaves none. A stretch that trapped is taken in a transaction of its own; from its
/// third trap on in halves, until the one version that traps by itself is found and set aside.
public struct TrapSuspicion: Sendable, Hashable, Codable {
    /// What was being done with a stretch.
    public enum Stage: String, Sendable, Hashable, Codable {
        /// Chaining a batch and comparing heads; nothing was written.
        case judging
        /// Validating, merging and storing.
        case applying
        /// Storing one version without looking into it.
        case settingAside
    }

    /// A stretch of an origin's journal.
    public struct Stretch: Sendable, Hashable, Codable {
        public var origin: OriginID
        public var first: UInt64
        public var last: UInt64

        public init(origin: OriginID, first: UInt64, last: UInt64) {
            self.origin = origin
            self.first = first
            self.last = last
        }

        public init(_ batch: VersionBatch) {
            self.init(origin: batch.origin, first: batch.first, last: batch.last)
        }

        func overlaps(_ other: Stretch) -> Bool {
            origin == other.origin && first <= other.last && other.first <= last
        }

        func common(with other: Stretch) -> Stretch? {
            guard overlaps(other) else { return nil }
            return Stretch(origin: origin, first: max(first, other.first), last: min(last, other.last))
        }

        func contains(_ other: Stretch) -> Bool {
            origin == other.origin && first <= other.first && other.last <= last
        }
    }

    /// A frame as an event loop had it in work: whose, the checksum of its payload, the payload's bytes.
    public struct Frame: Sendable, Hashable, Codable {
        /// The first eight bytes of the device's fingerprint.
        public var device: UInt64
        public var checksum: UInt32
        public var length: UInt32

        public init(device: UInt64, checksum: UInt32, length: UInt32) {
            self.device = device
            self.checksum = checksum
            self.length = length
        }
    }

    /// What a thread had in work when it trapped.
    public enum Work: Sendable, Hashable {
        /// One stretch, or all of a transaction when it trapped in what they share.
        case stretches(Stage, [Stretch])
        case frame(Frame)
    }

    public struct Suspect: Sendable, Hashable, Codable {
        public var stretch: Stretch
        public var stage: Stage
        public var traps: Int
    }

    public struct SuspectFrame: Sendable, Hashable, Codable {
        public var frame: Frame
        public var traps: Int
    }

    /// What to do with (the rest of) a batch.
    public enum Step: Sendable, Hashable {
        /// Take these, in a transaction of their own.
        case take(ClosedRange<UInt64>)
        /// Quarantine this version raw.
        case setAside(UInt64)
        /// Nothing of the rest can be taken without dying again.
        case refuse
    }

    /// From so many traps on a stretch is taken in halves.
    public static let trapsBeforeHalves = 3
    /// From so many traps on a batch is not judged, and a frame not decoded, any more.
    public static let trapsBeforeRefusal = 2
    /// So many of each are remembered; beyond that those with the fewest traps are forgotten.
    public static let most = 512

    /// The program that died; a newer one gets to try everything again.
    public private(set) var program: String
    /// Ascending by origin and sequence. Those judged and those applied are counted apart.
    public private(set) var suspects: [Suspect] = []
    public private(set) var frames: [SuspectFrame] = []
    /// The run of the last marker that was counted: a marker that is read twice counts once.
    private var lastRun: [UInt64] = []

    public init(program: String) { self.program = program }

    public var isEmpty: Bool { suspects.isEmpty && frames.isEmpty }

    // MARK: - What happened

    /// A run of the program died of a trap while it had `work` in hand. False when that was counted already.
    @discardableResult
    public mutating func died(over work: Work, run: Token16) -> Bool {
        guard lastRun != [run.high, run.low] else { return false }
        lastRun = [run.high, run.low]
        switch work {
        case .stretches(let stage, let stretches):
            for stretch in stretches where stretch.first >= 1 && stretch.first <= stretch.last {
                note(stretch, stage)
            }
        case .frame(let frame):
            if let index = frames.firstIndex(where: { $0.frame == frame }) {
                frames[index].traps += 1
            } else {
                frames.append(SuspectFrame(frame: frame, traps: 1))
            }
        }
        trim()
        return true
    }

    private mutating func note(_ stretch: Stretch, _ stage: Stage) {
        let isSame: (Suspect) -> Bool = {
            $0.stretch.overlaps(stretch) && ($0.stage == .judging) == (stage == .judging)
        }
        let earlier = suspects.filter(isSame)
        suspects.removeAll(where: isSame)
        let traps = (earlier.map(\.traps).max() ?? 0) + 1
        guard stage != .judging else {
            // The same versions come again in batches that are cut elsewhere: what they have in common is it.
            let common = earlier.reduce(stretch) { $0.common(with: $1.stretch) ?? $0 }
            suspects.append(Suspect(stretch: common, stage: stage, traps: traps))
            return
        }
        suspects.append(Suspect(stretch: stretch, stage: stage, traps: traps))
        // There may be another behind it: at the first trap it is taken in halves again.
        for suspect in earlier where suspect.stretch.last > stretch.last {
            var rest = suspect
            rest.stretch.first = stretch.last + 1
            rest.traps = min(rest.traps, TrapSuspicion.trapsBeforeHalves - 1)
            suspects.append(rest)
        }
    }

    private mutating func trim() {
        suspects.sort {
            ($0.stretch.origin, $0.stretch.first, $0.stage.rawValue)
                < ($1.stretch.origin, $1.stretch.first, $1.stage.rawValue)
        }
        while suspects.count > TrapSuspicion.most,
            let least = suspects.indices.min(by: { suspects[$0].traps < suspects[$1].traps })
        {
            suspects.remove(at: least)
        }
        while frames.count > TrapSuspicion.most,
            let least = frames.indices.min(by: { frames[$0].traps < frames[$1].traps })
        {
            frames.remove(at: least)
        }
    }

    /// Everything of the origin up to `sequence` is durable: what was held against it is forgotten.
    ///
    /// - Returns: whether anything was.
    @discardableResult
    public mutating func through(_ sequence: UInt64, of origin: OriginID) -> Bool {
        let before = suspects.count
        suspects.removeAll { $0.stretch.origin == origin && $0.stretch.last <= sequence }
        return suspects.count != before
    }

    /// A frame was decoded after all.
    @discardableResult
    public mutating func decoded(_ frame: Frame) -> Bool {
        let before = frames.count
        frames.removeAll { $0.frame == frame }
        return frames.count != before
    }

    // MARK: - What to do

    /// Whether a batch must be taken by itself, step by step.
    public func concerns(_ batch: Stretch) -> Bool {
        suspects.contains { $0.stretch.overlaps(batch) }
    }

    /// The next step with what is left of a batch from `next` on; `next` lies in the batch.
    public func step(_ batch: Stretch, from next: UInt64) -> Step {
        // Every step judges the whole batch. A shorter one may do better, so only what is whole in it counts.
        let isHopeless = suspects.contains {
            $0.stage == .judging && $0.traps >= TrapSuspicion.trapsBeforeRefusal
                && batch.contains($0.stretch)
        }
        if isHopeless { return .refuse }
        let rest = Stretch(origin: batch.origin, first: next, last: batch.last)
        guard
            let suspect = suspects.first(where: { $0.stage != .judging && $0.stretch.overlaps(rest) })
        else { return .take(rest.first...rest.last) }
        if suspect.stretch.first > next { return .take(next...(suspect.stretch.first - 1)) }
        if suspect.stage == .settingAside { return .refuse }
        let last = min(suspect.stretch.last, rest.last)
        guard suspect.traps >= TrapSuspicion.trapsBeforeHalves else { return .take(next...last) }
        if next < last { return .take(next...(next + (last - next) / 2)) }
        // The last of a suspect stretch whose others got through has not trapped by itself yet.
        return suspect.stretch.first == suspect.stretch.last ? .setAside(next) : .take(next...next)
    }

    /// Whether a frame would kill the process again.
    public func refuses(_ frame: Frame) -> Bool {
        frames.contains { $0.frame == frame && $0.traps >= TrapSuspicion.trapsBeforeRefusal }
    }
}
