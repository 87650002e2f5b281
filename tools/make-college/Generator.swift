/// SplitMix64: the same seed gives the same college on every machine.
struct Generator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `range`.
    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    /// One of `choices`, which are not empty.
    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[pick(0...(choices.count - 1))]
    }

    /// True `permille` times in a thousand.
    mutating func chance(_ permille: Int) -> Bool {
        pick(0...999) < permille
    }

    /// Six hexadecimal digits.
    mutating func hexadecimal() -> String {
        String(String(0x100_0000 + Int(next() & 0xFF_FFFF), radix: 16).dropFirst())
    }
}
