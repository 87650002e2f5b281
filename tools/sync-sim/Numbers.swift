import SyncCore

/// SplitMix64 (Steele, Lea, Flood, 2014): the same seed gives the same numbers in every process.
struct Numbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
    mutating func isOne(in count: Int) -> Bool { below(count) == 0 }

    /// Most often small, sometimes as large as `bound`: each power of two is as likely as the next.
    mutating func logarithmic(below bound: Int) -> Int {
        let bits = Int.bitWidth - bound.leadingZeroBitCount
        return min(bound - 1, below(1 << below(bits + 1)))
    }

    /// One of them, as often as their weights say.
    mutating func choose<Choice>(_ weighted: [(weight: Int, choice: Choice)]) -> Choice? {
        var left = below(weighted.reduce(0) { $0 + $1.weight })
        for (weight, choice) in weighted {
            if left < weight { return choice }
            left -= weight
        }
        return nil
    }
}

/// Hashing and keys of a simulated world: as good as the real ones against everything but an attacker, and
/// fast.
enum SimKeys {
    /// Four lanes of multiply and rotate. Equal bytes give equal digests; others differ for all that happens
    /// here.
    static let hashing = Hashing { bytes in
        var lanes: (UInt64, UInt64, UInt64, UInt64) = (
            0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89
        )
        func mix(_ word: UInt64) {
            lanes.0 = ((lanes.0 ^ word) &* 0x9E37_79B9_7F4A_7C15).rotated(29) &+ lanes.1
            lanes.1 = ((lanes.1 &+ word) &* 0xBF58_476D_1CE4_E5B9).rotated(31) ^ lanes.2
            lanes.2 = ((lanes.2 ^ word.rotated(17)) &* 0x94D0_49BB_1331_11EB).rotated(37) &+ lanes.3
            lanes.3 = ((lanes.3 &+ word.rotated(41)) &* 0xD6E8_FEB8_6659_FD93).rotated(43) ^ lanes.0
        }
        let whole = bytes.count / 8 * 8
        var place = 0
        while place < whole {
            mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
            place += 8
        }
        var rest: UInt64 = 0
        while place < bytes.count {
            rest = rest << 8 | UInt64(bytes[place])
            place += 1
        }
        mix(rest)
        mix(UInt64(bytes.count))
        for _ in 0..<4 { mix(0) }
        return Digest(words: lanes)
    }

    /// The public key of the node with this number; the hub is 0.
    static func key(_ number: Int) -> [UInt8] {
        [4] + (0..<4).flatMap { Token16(high: UInt64(number) &+ 1, low: $0).bytes }
    }

    static func signing(_ number: Int) -> Signing {
        let key = key(number)
        return Signing(publicKey: key) { signature($0, key) }
    }

    private static func signature(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let digest = hashing(key + message).bytes
        return digest + digest
    }

    static let verifying = Verifying { message, signed, key in signature(message, key) == signed }
}

extension UInt64 {
    fileprivate func rotated(_ count: Int) -> UInt64 {
        self << UInt64(count) | self >> UInt64(64 - count)
    }
}
