import SyncCore
import SyncWire
import Testing

/// What is written is planned first, to the byte: rows of every shape come back as they were.
@Suite struct PlanTests {
    private static func check(_ rows: VersionColumns, _ what: String) throws {
        let bytes = RowsCodec.encode(rows)
        let back = try RowsCodec.decode(bytes)
        #expect(back == rows, "\(what)")
        #expect(RowsCodec.encode(back) == bytes, "\(what)")
    }

    private static func versions(_ values: [Value], keys: [Value], times: [Milliseconds]) -> VersionColumns {
        VersionColumns(
            values.indices.map { row in
                Version(
                    dot: Dot(origin: 1, sequence: UInt64(row + 1)),
                    key: RecordKey(form: "f", values: [keys[row % keys.count]]), formRevision: 1,
                    authored: times[row % times.count], stated: times[(row * 7) % times.count],
                    firstCreated: times[(row * 3) % times.count], author: [],
                    assignments: [Assignment(field: 1, retentionClass: 0, value: values[row])])
            })
    }

    @Test func integersOfEveryShape() throws {
        let extremes: [Int64] = [.min, .min + 1, -1 << 62, -129, -1, 0, 1, 63, 64, 127, 128, 1 << 40, .max]
        var random = SeededGenerator(seed: 4)
        for count in [1, 2, 3, 9, 40, 300] {
            for step: Int64 in [0, 1, 7, 1000, 60_000, 1 << 33, 1 << 62] {
                for spread in [1, 2, 90, 40_000] {
                    var number = extremes[random.number(0...(extremes.count - 1))]
                    let values = (0..<count).map { _ -> Value in
                        if random.chance(60) { number &+= step &* Int64(random.number(-spread...spread)) }
                        if random.chance(1) { number = extremes[random.number(0...(extremes.count - 1))] }
                        return .integer(number)
                    }
                    let times = (0..<5).map { Milliseconds($0) * 60_000 * (step & 1) }
                    let rows = Self.versions(
                        values, keys: [.integer(1), .integer(1), values[0]], times: times)
                    try Self.check(rows, "\(count) rows, step \(step), spread \(spread)")
                }
            }
        }
    }

    /// A column that lies close to another one whose numbers are all the same, also at the ends of time.
    @Test(arguments: [0, Limits.time, -Limits.time])
    func timesBesideOneMoment(_ moment: Milliseconds) throws {
        var random = SeededGenerator(seed: 11)
        for spread in [0, 1, 50, 100_000] {
            var versions: [Version] = []
            for row in 0..<60 {
                let stated = moment - moment.signum() * Int64(random.number(0...spread))
                versions.append(
                    Version(
                        dot: Dot(origin: 1, sequence: UInt64(row + 1)),
                        key: RecordKey(form: "f", values: [.integer(1)]), formRevision: 1, authored: moment,
                        stated: stated, firstCreated: row % 9 == 0 ? 0 : stated, author: [], assignments: []))
            }
            try Self.check(VersionColumns(versions), "\(moment), spread \(spread)")
        }
    }

    /// Numbers of every length behind prefixes, with texts among them that are none, beside a key that they
    /// follow and one that they do not.
    @Test(arguments: [10, 16])
    func textsOfEveryShape(_ radix: Int) throws {
        var random = SeededGenerator(seed: UInt64(radix))
        for digits in [1, 2, 7, 8, 9, 15, 16, 17, 18, 19] {
            for (prefix, odd, count) in [("", 0, 40), ("p-", 3, 90), ("2020", 20, 300), ("名 ", 0, 700)] {
                let texts = (0..<count).map { _ -> Value in
                    if random.chance(odd) { return .text(Samples.text(&random)) }
                    let number = String(random.number(0...99_999_999), radix: radix)
                    let zeros = String(repeating: "0", count: max(0, digits - number.count))
                    return .text(Array((prefix + zeros + String(number.suffix(digits))).utf8))
                }
                let others = texts.indices.map { texts[($0 * 13 + 5) % texts.count] }
                for keys in [texts, others, texts.reversed(), [texts[0], others[0]]] {
                    let rows = Self.versions(texts, keys: keys, times: [5])
                    try Self.check(rows, "\(digits) digits behind \(prefix), \(count) rows")
                    try Self.check(
                        Self.versions(
                            texts.map { random.chance(20) ? .notStated : $0 }, keys: keys, times: [5]),
                        "\(digits) digits behind \(prefix), \(count) rows, not all stated")
                }
            }
        }
    }

    /// Numbers whose texts are made from those before, and from nothing.
    @Test func numbersThatHaveNoNeighbour() throws {
        let numbers = [0, 99, 100, 101, 199, 9_999, 10_000, 99_999, 5, 4, 3, 100_000, 100_001]
        for width in 6...18 {
            let texts = numbers.map { number -> Value in
                let text = String(number)
                return .text(Array((String(repeating: "0", count: width - text.count) + text).utf8))
            }
            try Self.check(
                Self.versions(texts, keys: [.integer(1)], times: [1]), "\(width) digits")
        }
    }
}
