import SyncCore

/// SplitMix64: the same seed gives the same samples everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }
}

/// Random versions that use everything a version can have.
enum Samples {
    /// Versions about the same people in each group, whose texts of 480 bytes end in numbers.
    static func longTexts(groups: Int, rows: Int, fields: Int) -> [Version] {
        func text(_ letter: UInt8, _ number: Int) -> [UInt8] {
            [UInt8](repeating: letter, count: 470) + Array("\(1_000_000_000 + number)".utf8)
        }
        return (0..<(groups * rows)).map { number in
            Version(
                dot: Dot(origin: 77, sequence: UInt64(number + 1)),
                key: RecordKey(form: "form-\(number / rows)", values: [.text(text(0x41, number % rows))]),
                formRevision: 1, authored: 1_580_000_000_000, stated: 1_580_000_000_000,
                firstCreated: 1_580_000_000_000,
                assignments: (0..<fields).map {
                    Assignment(
                        field: FieldID($0 + 1), retentionClass: 1,
                        value: .text(text(0x42 + UInt8($0), 7 * number + $0)))
                })
        }
    }

    static func dot(_ random: inout SeededGenerator) -> Dot {
        Dot(origin: UInt64(random.number(1...5)) << 60 | 7, sequence: UInt64(random.number(1...900)))
    }

    static func context(_ random: inout SeededGenerator) -> Context {
        var context = Context()
        for _ in 0..<random.number(0...3) { context.includePrefix(dot(&random)) }
        if random.chance(20) { context.includeSingle(dot(&random)) }
        return context
    }

    static func text(_ random: inout SeededGenerator) -> [UInt8] {
        switch random.number(0...5) {
        case 0: Array("".utf8)
        case 1: Array("居家；\(random.number(0...9)) 号楼".utf8)
        case 2: Array("20170\(random.number(10000...99999))".utf8)
        case 3: Array("ph-\(String(random.number(0x100000...0xffffff), radix: 16))".utf8)
        case 4: Array("é\u{301} 🌡".utf8)
        default: Array(String(repeating: "x", count: random.number(0...300)).utf8)
        }
    }

    static func value(_ kind: Int, _ random: inout SeededGenerator) -> Value {
        switch kind {
        case 0: .integer(random.chance(5) ? Int64.min : Int64(random.number(-5...70_000)) * 1000)
        case 1: .decimal(unscaled: Int64(random.number(3500...4200)), scale: 2)
        case 2: .text(text(&random))
        case 3: .list((0..<random.number(0...3)).map { _ in text(&random) })
        case 4: .integer(random.chance(3) ? 1 : 0)
        default: .integer(Int64(bitPattern: random.next()))
        }
    }

    /// - Parameter mixed: a field may hold different kinds, scales and classes.
    static func versions(
        _ count: Int, mixed: Bool = false, _ random: inout SeededGenerator
    ) -> [Version] {
        let forms = (0..<random.number(1...3)).map { "form-\($0)" }
        let kinds = (0..<random.number(1...12)).map { _ in random.number(0...5) }
        var clock = Int64(1_580_000_000_000)
        return (0..<count).map { row in
            clock += Int64(random.number(0...90)) * (random.chance(90) ? 1000 : 1)
            let person = Array("201701\(1000 + random.number(0...150))".utf8)
            var assignments: [Assignment] = []
            for (index, kind) in kinds.enumerated() where random.chance(mixed ? 50 : 95) {
                let kind = mixed && random.chance(30) ? random.number(0...5) : kind
                var value = random.chance(4) ? .notStated : value(kind, &random)
                if kind == 2 && random.chance(50) { value = .text(person) }
                assignments.append(
                    Assignment(
                        field: FieldID(index * 3 + 1),
                        retentionClass: mixed ? UInt8(random.number(0...2)) : 1,
                        value: value))
            }
            let stated = random.chance(80) ? clock : clock - Int64(random.number(0...99_999_999))
            return Version(
                dot: Dot(origin: 77, sequence: UInt64(row + 1)),
                key: RecordKey(
                    form: forms[random.number(0...(forms.count - 1))],
                    values: [.integer(Int64(18_000 + row / 40)), .text(person)]),
                formRevision: UInt32(random.number(1...2)),
                context: random.chance(20) ? context(&random) : .empty,
                isDelete: random.chance(2), clockTrusted: !random.chance(3), authored: clock, stated: stated,
                firstCreated: random.chance(90) ? stated : stated - 500,
                author: random.chance(70) ? [] : person,
                authoredDot: random.chance(5) ? dot(&random) : nil, assignments: assignments)
        }
    }
}
