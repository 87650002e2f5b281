import SyncCore
import Testing

@testable import SyncWire

/// What the batches of a stream leave to those after them.
@Suite struct StreamMemoryTests {
    private func batch(_ versions: [Version], first: UInt64 = 1) -> VersionBatch {
        VersionBatch(
            origin: 77, first: first, headBefore: .zero, headAfter: .zero, salts: [], seals: [],
            rows: VersionColumns(versions))
    }

    /// What the reader makes of the frame.
    private func passed(
        _ batch: VersionBatch, _ writer: inout FrameWriter, _ reader: inout FrameReader, compress: Bool = true
    ) throws -> VersionBatch {
        reader.append(try writer.frame(.batch(batch), compress: compress))
        let message = try #require(try reader.next()).message
        guard case .batch(let back) = message else { throw WireError(.notCanonical, .frame) }
        return back
    }

    /// Versions about a few people, whose keys and fields are texts and lists that go with them or do not.
    private func versions(_ people: Int, _ random: inout SeededGenerator) -> [Version] {
        (0..<random.number(1...30)).map { row in
            let person = random.number(0...people)
            let name = Array("2020\(person)".utf8)
            let other = Array("desk \(random.number(0...3))".utf8)
            let form = random.number(0...2)
            var keys: [Value] = [.integer(18_300), .text(name)]
            if form == 1 { keys = [.list([name, other]), .text(other), .text(name)] }
            if form == 2 { keys = [.text(other)] }
            var fields: [Value] = [
                .text(random.chance(80) ? name : other),
                .text(random.chance(90) ? [UInt8(person % 100)] : other),
                .list(random.chance(90) ? [name] : []), .text(Samples.text(&random)), .integer(Int64(person)),
            ]
            if random.chance(10) { fields[random.number(0...4)] = .notStated }
            return Version(
                dot: Dot(origin: 77, sequence: UInt64(row + 1)),
                key: RecordKey(form: "form-\(form)", values: keys),
                formRevision: UInt32(random.number(1...2)),
                authored: 1_580_000_000_000, stated: 1_580_000_000_000, firstCreated: 1_580_000_000_000,
                assignments: fields.enumerated().filter { _ in random.chance(93) }.map {
                    Assignment(field: FieldID($0.offset + 1), retentionClass: 1, value: $0.element)
                })
        }
    }

    @Test func whatIsKeptOfABatchCanBeRead() throws {
        var writer = FrameWriter()
        var reader = FrameReader()
        let people = batch(Samples.longTexts(groups: 1, rows: 250, fields: 0))
        _ = try passed(people, &writer, &reader)
        let long = batch(Samples.longTexts(groups: 8, rows: 250, fields: 5))
        let back = try passed(long, &writer, &reader)
        #expect(back.rows == long.rows)
        #expect(try RowsCodec.decode(back.encodedRows) == long.rows)
    }

    @Test(arguments: 0..<40)
    func batchesOfAStreamComeBackAsTheyWere(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var writer = FrameWriter()
        var reader = FrameReader()
        var last: VersionBatch?
        for turn in 0..<40 {
            if random.chance(5) { writer.dropContext() }
            let made =
                random.chance(20)
                ? Samples.versions(random.number(1...60), mixed: random.chance(30), &random)
                : versions(random.chance(80) ? 12 : 4_000, &random)
            var next = random.chance(10) ? last ?? batch(made) : batch(made)
            // As a store hands it over.
            if random.chance(50) { next.encodedRows = RowsCodec.encode(next.rows) }
            let back = try passed(next, &writer, &reader, compress: random.chance(90))
            #expect(back.rows == next.rows, "seed \(seed), turn \(turn)")
            #expect(back.encodedRows == RowsCodec.encode(next.rows), "seed \(seed), turn \(turn)")
            last = next
        }
    }

    /// Forms with more columns than are remembered, each with two keys that a field may go by.
    @Test(arguments: 0..<5)
    func moreColumnsThanAreRemembered(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var writer = FrameWriter()
        var reader = FrameReader()
        for turn in 0..<12 {
            let made = (0..<20).map { row -> Version in
                let keys = [random.number(0...9), random.number(0...9)]
                return Version(
                    dot: Dot(origin: 77, sequence: UInt64(row + 1)),
                    key: RecordKey(
                        form: "f\(random.number(0...2))", values: keys.map { .text([UInt8($0)]) }),
                    formRevision: 1, authored: 1, stated: 1, firstCreated: 1,
                    assignments: (1...30).map { field in
                        let goes = random.chance(80) ? keys[field % 2] : random.number(0...9)
                        return Assignment(
                            field: FieldID(field), retentionClass: 0,
                            value: .text([UInt8(goes), UInt8(field)]))
                    })
            }
            let next = batch(made)
            #expect(try passed(next, &writer, &reader).rows == next.rows, "seed \(seed), turn \(turn)")
        }
    }

    /// More people than are remembered, and more text.
    @Test(arguments: [(700, 0), (30, 9_000)])
    func whatIsNotRememberedIsSaidAgain(people: Int, length: Int) throws {
        var writer = FrameWriter()
        var reader = FrameReader()
        for turn in 0..<10 {
            let made = (0..<people).map { row -> Version in
                let person = row + (turn % 5) * people
                let name = "p\(person)" + String(repeating: "x", count: length)
                return Version(
                    dot: Dot(origin: 77, sequence: UInt64(row + 1)),
                    key: RecordKey(form: "f", values: [.text(Array(name.utf8))]), formRevision: 1,
                    authored: 1, stated: 1, firstCreated: 1,
                    assignments: [
                        Assignment(
                            field: 1, retentionClass: 0, value: .text(Array("d\(person + turn / 5)".utf8)))
                    ])
            }
            let next = batch(made)
            #expect(try passed(next, &writer, &reader).rows == next.rows, "turn \(turn)")
        }
    }

    /// Names, devices and regions of the days before are not said again.
    @Test func theSecondDayTakesLess() throws {
        let days = Fortnight.versions(days: 2)
        let first = Array(days.filter { $0.key.values[0] == .integer(18_300) })
        let second = Array(days.filter { $0.key.values[0] == .integer(18_301) })
        func weight(_ before: [Version]) throws -> Int {
            let memory = StreamMemory()
            for start in stride(from: 0, to: before.count, by: 20) {
                let part = before[start..<min(start + 20, before.count)]
                _ = MessageCodec.encode(.batch(batch(Array(part))), memory: memory)
            }
            return MessageCodec.encode(.batch(batch(Array(second[..<20]))), memory: memory).payload.count
        }
        let (after, anew) = (try weight(first), try weight([]))
        #expect(after * 4 < anew * 3, "\(after) bytes after a day, \(anew) without")
    }

    @Test func noMoreIsRememberedThanTheLimitsSay() {
        func table(_ count: Int, _ length: Int) -> TextTable {
            var table = TextTable()
            for entry in 0..<count { table.append([UInt8](repeating: UInt8(entry & 127), count: length)) }
            return table
        }
        let memory = StreamMemory()
        let key = memory.key(0, of: "f", .text)
        memory.remember(table(Limits.memoryEntries + 1, 1), in: key)
        #expect(key.count == Limits.memoryEntries)
        let left = Limits.memoryBytes - Limits.memoryEntries * (1 + Limits.memoryEntryOverhead)
        let other = memory.key(1, of: "f", .text)
        memory.remember(table(1, left - 7), in: other)
        #expect(other.count == 0)
        memory.remember(table(1, left - 8), in: other)
        memory.remember(table(1, 0), in: other)
        #expect(other.count == 1)
        for place in 2..<Limits.memoryColumns {
            #expect(memory.key(place, of: "f", .text).number != nil)
        }
        #expect(memory.key(Limits.memoryColumns, of: "f", .text).number == nil)
        #expect(memory.key(0, of: "another", .text).number == nil)
        #expect(memory.column(1, isKey: false, .text, after: key).number == nil)
        #expect(memory.key(1, of: "f", .text) === other)
    }

    private func shape(_ form: String, fields: Int = 1, isEverywhere: Bool = true) -> GroupShape {
        let group = FormGroup(
            form: form, revision: 1, rows: [0, 1], keys: [Column(field: 0, kind: .text)],
            fields: (1...fields).map { field in
                var column = Column(field: FieldID(field), kind: .integer)
                if !isEverywhere { column.presence = [2, 0] }
                return column
            })
        return GroupShape(group)
    }

    @Test func noMoreShapesAreRememberedThanTheLimitsSay() {
        let memory = StreamMemory()
        for number in 0..<(Limits.memoryShapes + 1) { memory.remember(shape("f\(number)")) }
        #expect(memory.shape(Limits.memoryShapes - 1)?.form == "f\(Limits.memoryShapes - 1)")
        #expect(memory.shape(Limits.memoryShapes) == nil)
        #expect(memory.number(of: shape("f7")) == 7 && memory.number(of: shape("f64")) == nil)
        // What a shape takes, entries cannot have.
        let wide = StreamMemory()
        let cost = 1 + 8 * (2 + 255)
        for _ in 0..<(Limits.memoryBytes / cost) { wide.remember(shape("w", fields: 255)) }
        let left = Limits.memoryBytes % cost
        var table = TextTable()
        table.append([UInt8](repeating: 1, count: left - 7))
        let key = wide.key(0, of: "w", .text)
        wide.remember(table, in: key)
        #expect(key.count == 0)
    }

    /// What the rows of one batch happen to share, those of the next need not.
    @Test func aShapeStandsForGroupsThatItFits() {
        let memory = StreamMemory()
        memory.remember(shape("f", fields: 6))
        memory.remember(shape("g", fields: 6, isEverywhere: false))
        #expect(memory.number(of: shape("f", fields: 6)) == 0)
        #expect(memory.number(of: shape("f", fields: 6, isEverywhere: false)) == nil)
        #expect(memory.number(of: shape("f", fields: 5)) == nil)
        #expect(memory.number(of: shape("g", fields: 6)) == 1)
        memory.remember(shape("h", fields: 9, isEverywhere: false))
        #expect(memory.number(of: shape("h", fields: 9)) == nil)
    }

    /// A frame that cannot be sent leaves nothing that the other side has not heard.
    @Test func aFrameTooLargeForgets() throws {
        var writer = FrameWriter()
        var reader = FrameReader()
        var random = SeededGenerator(seed: 9)
        func version(_ bytes: [UInt8]) -> Version {
            Version(
                dot: Dot(origin: 77, sequence: 1), key: RecordKey(form: "f", values: [.text([112])]),
                formRevision: 1, authored: 1, stated: 1, firstCreated: 1,
                assignments: [Assignment(field: 1, retentionClass: 0, value: .list([bytes]))])
        }
        let small = batch([version([1])])
        #expect(try passed(small, &writer, &reader).rows == small.rows)
        let large = batch(
            (0..<40).map { _ in
                version((0..<60_000).map { _ in UInt8(truncatingIfNeeded: random.next() & 127) })
            })
        #expect(throws: WireError.self) { try writer.frame(.batch(large), compress: true) }
        #expect(!writer.holdsContext)
        #expect(try passed(small, &writer, &reader).rows == small.rows)
    }
}
