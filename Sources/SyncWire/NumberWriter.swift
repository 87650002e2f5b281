/// How the numbers of a dictionary are written out: a prefix, and digits of one length.
struct NumberForm {
    var prefix: [UInt8]
    /// At least one.
    var digits: Int
    /// 10 or 16.
    var base: UInt64

    /// Bytes of an entry.
    var width: Int { prefix.count + digits }

    /// Room behind the last entry that ``NumberWriter`` may write to.
    static let slack = 8
}

/// Writes entries one after the other: most differ from the one before in their last two digits alone.
struct NumberWriter {
    private let form: NumberForm
    private let width: Int
    /// An entry of this hundred. Not the entry before, in the place where it was written: to read what was
    /// written just now in other pieces takes longer than all the rest.
    private let pattern: UnsafeMutableRawPointer
    /// The number of that entry without its last two digits.
    private var hundreds = NumberWriter.nowhere

    /// No number, which lie below 10^18 and 16^15, is less than 100 above it.
    private static let nowhere: UInt64 = 1 << 63

    /// - Parameter pattern: room for an entry and ``NumberForm/slack``.
    init(_ form: NumberForm, pattern: UnsafeMutableRawBufferPointer) {
        precondition(pattern.count >= form.width + NumberForm.slack)
        self.form = form
        width = form.width
        guard let base = pattern.baseAddress else { preconditionFailure("no room") }
        self.pattern = base
    }

    /// - Parameter bytes: has room for the entry and ``NumberForm/slack``.
    @inline(__always)
    mutating func write(_ number: UInt64, to bytes: UnsafeMutableRawPointer) {
        if number &- hundreds >= 100 { turn(to: number) }
        var at = 0
        repeat {
            let word = pattern.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            bytes.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
            at &+= 8
        } while at < width
        let last = number &- hundreds
        guard last < 100 else { return }
        let tens = (last &* 103) &>> 10
        let pair = 0x3030 &+ tens &+ (last &- tens &* 10) &<< 8
        bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: pair).littleEndian, toByteOffset: width &- 2, as: UInt16.self)
    }

    /// Writes an entry out as the pattern of its hundred, if it has one.
    @inline(never)
    private mutating func turn(to number: UInt64) {
        for at in form.prefix.indices {
            pattern.storeBytes(of: form.prefix[at], toByteOffset: at, as: UInt8.self)
        }
        var rest = number
        var at = width
        while at > form.prefix.count {
            at -= 1
            let next = form.base == 10 ? rest / 10 : rest &>> 4
            let digit = UInt8(truncatingIfNeeded: rest &- next &* form.base)
            let character = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
            pattern.storeBytes(of: character, toByteOffset: at, as: UInt8.self)
            rest = next
        }
        hundreds = form.base == 10 && form.digits >= 2 ? number / 100 &* 100 : NumberWriter.nowhere
    }
}
