import SyncCore
import SyncStore
import SyncWire

/// What the handler of a trap leaves in a file: which run of the program it was, and what was in work.
///
/// The bytes are made before the work begins, with their checksum; the handler only adds the signal.
struct TrapMarker: Hashable {
    var run: Token16
    var work: TrapSuspicion.Work
    /// The signal's number; 0 until there was one.
    var signal: UInt8 = 0

    private static let magic = Array("RCtrap1".utf8)
    private static let entryBytes = 24
    /// So many batches of one transaction can be named.
    static let stretches = 256
    /// The longest marker.
    static let size = magic.count + 1 + 2 + Token16.size + stretches * entryBytes + 4 + 1

    init(run: Token16, work: TrapSuspicion.Work, signal: UInt8 = 0) {
        self.run = run
        self.work = work
        self.signal = signal
    }

    var bytes: [UInt8] {
        var entries: [[UInt64]]
        let kind: UInt8
        switch work {
        case .stretches(let stage, let stretches):
            kind = stage.number
            entries = stretches.prefix(TrapMarker.stretches).map { [$0.origin, $0.first, $0.last] }
        case .frame(let frame):
            kind = TrapMarker.frameKind
            entries = [[frame.device, UInt64(frame.checksum), UInt64(frame.length)]]
        }
        var bytes = TrapMarker.magic + [kind] + TrapMarker.bigEndian(UInt64(entries.count), 2) + run.bytes
        bytes.reserveCapacity(TrapMarker.size)
        for word in entries.joined() { bytes += TrapMarker.bigEndian(word, 8) }
        return bytes + TrapMarker.bigEndian(UInt64(Checksum.crc32(bytes)), 4) + [signal]
    }

    /// Nil when the marker is torn, empty or something else.
    init?(_ bytes: [UInt8]) {
        let head = TrapMarker.magic.count
        let start = head + 3 + Token16.size
        guard bytes.count >= start + 5, bytes.count <= TrapMarker.size, bytes.starts(with: TrapMarker.magic),
            let run = Token16(bytes: bytes[(head + 3)..<start])
        else { return nil }
        let count = Int(TrapMarker.word(bytes[(head + 1)..<(head + 3)]))
        let end = start + count * TrapMarker.entryBytes
        guard bytes.count == end + 5,
            TrapMarker.word(bytes[end..<(end + 4)]) == UInt64(Checksum.crc32(Array(bytes[..<end])))
        else { return nil }
        let entries = (0..<count).map { entry in
            (0..<3).map { part in
                let at = start + entry * TrapMarker.entryBytes + part * 8
                return TrapMarker.word(bytes[at..<(at + 8)])
            }
        }
        self.run = run
        signal = bytes[end + 4]
        if bytes[head] == TrapMarker.frameKind {
            guard let frame = entries.first, count == 1 else { return nil }
            work = .frame(
                TrapSuspicion.Frame(
                    device: frame[0], checksum: UInt32(truncatingIfNeeded: frame[1]),
                    length: UInt32(truncatingIfNeeded: frame[2])))
        } else {
            guard let stage = TrapSuspicion.Stage(number: bytes[head]) else { return nil }
            work = .stretches(
                stage,
                entries.map { TrapSuspicion.Stretch(origin: $0[0], first: $0[1], last: $0[2]) })
        }
    }

    private static let frameKind: UInt8 = 4

    private static func bigEndian(_ word: UInt64, _ bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension TrapSuspicion.Stage {
    fileprivate var number: UInt8 {
        switch self {
        case .judging: 1
        case .applying: 2
        case .settingAside: 3
        }
    }

    fileprivate init?(number: UInt8) {
        switch number {
        case 1: self = .judging
        case 2: self = .applying
        case 3: self = .settingAside
        default: return nil
        }
    }
}
