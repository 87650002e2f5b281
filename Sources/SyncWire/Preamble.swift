/// The first twelve bytes of each direction: who this is, and which versions it speaks.
public enum Preamble {
    public static let magic: [UInt8] = Array("ROLLCALL".utf8)
    public static let size = 12
    /// The versions that this code speaks.
    public static let lowest: UInt16 = 1
    public static let highest: UInt16 = 1

    public static func bytes(min: UInt16 = lowest, max: UInt16 = highest) -> [UInt8] {
        magic + [UInt8(min >> 8), UInt8(min & 0xff), UInt8(max >> 8), UInt8(max & 0xff)]
    }
}

/// Collects the peer's preamble, in whatever pieces it comes, and chooses the version.
public struct PreambleReader {
    private let lowest: UInt16
    private let highest: UInt16
    private var pending: [UInt8] = []

    public init(min: UInt16 = Preamble.lowest, max: UInt16 = Preamble.highest) {
        lowest = min
        highest = max
    }

    /// Takes bytes in; nil while the preamble is not complete. `rest` belongs to the frames behind it.
    ///
    /// - Throws: `.notRollcall` as soon as a byte differs, `.tooOld` or `.tooNew` when no version is common.
    public mutating func append(_ bytes: [UInt8]) throws(WireError) -> (version: UInt16, rest: [UInt8])? {
        pending.append(contentsOf: bytes)
        let known = min(pending.count, Preamble.magic.count)
        guard pending[..<known].elementsEqual(Preamble.magic[..<known]) else {
            throw WireError(.notRollcall, .preamble)
        }
        guard pending.count >= Preamble.size else { return nil }
        let theirLowest = UInt16(pending[8]) << 8 | UInt16(pending[9])
        let theirHighest = UInt16(pending[10]) << 8 | UInt16(pending[11])
        guard theirLowest >= 1, theirLowest <= theirHighest else {
            throw WireError(.notRollcall, .preamble, offset: 8)
        }
        let version = min(highest, theirHighest)
        if version < lowest { throw WireError(.tooOld, .preamble, offset: 10) }
        if version < theirLowest { throw WireError(.tooNew, .preamble, offset: 8) }
        return (version, Array(pending[Preamble.size...]))
    }
}
