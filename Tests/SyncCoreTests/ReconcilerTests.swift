import Testing

@testable import SyncCore

/// Two made-up ends, and what the questions between them bring to light.
@Suite struct ReconcilerTests {
    struct Record: Hashable {
        var place: TallyPlace
        var key: [UInt8]
        var print: UInt64
        var flags: TallyFlags = []

        var hash: UInt64 { RecordPrint.hasher(form: place.form, key: key).value }
    }

    static let forms: [[UInt8]] = [Array("check-in".utf8), Array("person".utf8), Array("报告".utf8)]

    static func record(_ number: Int, days: Int, units: Int, print: UInt64) -> Record {
        let form = forms[number % forms.count]
        let day = form == forms[1] ? nil : Int32(18_200 + number % days)
        let person = Canonical.encode(.text("P\(number)"))
        return Record(
            place: TallyPlace(form: form, day: day, unit: Array("U\(number / 7 % units)".utf8)),
            key: (day.map { Canonical.encode(.integer(Int64($0))) } ?? []) + person, print: print)
    }

    static func listing(_ records: some Sequence<Record>) -> TallyListing {
        var groups: [TallyPlace: [TallyListing.Entry]] = [:]
        for record in records {
            groups[record.place, default: []].append(
                TallyListing.Entry(
                    RecordPrint(hash: record.hash, print: record.print), flags: record.flags))
        }
        return TallyListing(groups.map { TallyListing.Group(place: $0.key, entries: $0.value) })
    }

    static func answer(_ question: TallyQuestion, from records: [Record]) -> TallyAnswer {
        var builder = TallyBuilder(question.paths)
        for record in records {
            builder.add(
                record.place, RecordPrint(hash: record.hash, print: record.print), flags: record.flags
            ) {
                record.key
            }
        }
        return builder.answer(position: 77, today: 18_300)
    }

    /// Asks until nothing more is to be asked.
    static func compare(
        _ here: [Record], _ there: [Record], limit: Int = 10_000
    ) throws -> (findings: TallyFindings, questions: Int, entries: Int) {
        var reconciler = Reconciler(
            listing(here), at: Reconciler.Moment(position: 5, own: []), limit: limit)
        var questions = 0
        var entries = 0
        while let question = reconciler.question() {
            let answer = answer(question, from: there)
            for part in answer.parts {
                switch part.content {
                case .groups(let groups): entries += groups.count
                case .records(let records): entries += records.count
                }
            }
            try reconciler.take(answer)
            questions += 1
            try #require(questions < 10_000)
        }
        return (reconciler.findings(), questions, entries)
    }

    @Test func whatIsTheSameTakesOneQuestion() throws {
        let all = (0..<5_000).map { Self.record($0, days: 40, units: 9, print: UInt64($0) &* 0x9e37_79b9) }
        let (findings, questions, _) = try Self.compare(all, all.reversed())
        #expect(findings.agrees)
        #expect(questions == 1)
        #expect(try Self.compare([], []).findings.agrees)
        #expect(Self.listing(all).compared(with: Self.listing(all), limit: 10).agrees)
    }

    @Test func oneRecordThatTheOtherLacksIsNamedAmongMany() throws {
        let all = (0..<60_000).map { Self.record($0, days: 60, units: 40, print: UInt64($0) &* 0x9e37_79b9) }
        var fewer = all
        let gone = fewer.remove(at: 31_234)
        let (findings, questions, entries) = try Self.compare(all, fewer)
        #expect(findings.differences.map(\.kind) == [.lackedThere])
        #expect(findings.differences.first?.hash == gone.hash)
        #expect(findings.differences.first?.place == gone.place)
        #expect(questions <= 6)
        #expect(entries < 400, "a few hundred small entries, whatever there is")
        let other = try Self.compare(fewer, all)
        #expect(other.findings.differences.map(\.kind) == [.lackedHere])
        #expect(other.findings.differences.first?.key == gone.key)
    }

    /// Any two sets of records: every difference is found, and nothing else.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func everyDifferenceIsFoundAndNothingElse(seed: UInt64) throws {
        var random = SessionPairTests.Generator(state: seed)
        for _ in 0..<6 {
            let size = Int.random(in: 0...3_000, using: &random)
            let days = Int.random(in: 1...90, using: &random)
            let units = Int.random(in: 1...12, using: &random)
            var here: [Record] = []
            var there: [Record] = []
            var wanted: [UInt64: TallyDifference.Kind] = [:]
            let rates: [Double] = [0, 0.001, 0.02, 0.4]
            let rate = rates.randomElement(using: &random) ?? 0
            for number in 0..<size {
                let record = Self.record(number, days: days, units: units, print: random.next())
                var other = record
                guard Double.random(in: 0..<1, using: &random) < rate else {
                    here.append(record)
                    there.append(other)
                    continue
                }
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    here.append(record)
                    wanted[record.hash] = .lackedThere
                case 1:
                    there.append(record)
                    wanted[record.hash] = .lackedHere
                case 2:
                    other.print = random.next()
                    here.append(record)
                    there.append(other)
                    wanted[record.hash] = .differs
                case 3:
                    // Counts under another unit: no difference of the record.
                    other.place.unit = Array("elsewhere".utf8)
                    here.append(record)
                    there.append(other)
                case 4:
                    other.print = random.next()
                    other.flags = .moving
                    here.append(record)
                    there.append(other)
                default:
                    other.print = random.next()
                    other.flags = [.heldBack]
                    here.append(other)
                }
            }
            let (findings, _, _) = try Self.compare(here, there.shuffled(using: &random))
            let found = Dictionary(uniqueKeysWithValues: findings.differences.map { ($0.hash, $0.kind) })
            #expect(found == wanted, "seed \(seed), \(size) records, \(days) days, \(units) units")
            #expect(findings.atLeastMore == 0 && !findings.isCut)
            let whole = Self.listing(here).compared(with: Self.listing(there), limit: .max)
            #expect(
                Dictionary(uniqueKeysWithValues: whole.differences.map { ($0.hash, $0.kind) }) == wanted,
                "the same at once, seed \(seed)")
        }
    }

    @Test func manyInOneUnitAreToldApartByTheirHashes() throws {
        let place = TallyPlace(form: Self.forms[0], day: 18_200, unit: Array("U".utf8))
        var all = (0..<20_000).map {
            Record(place: place, key: Canonical.encode(.text("P\($0)")), print: UInt64($0))
        }
        let before = all
        all[7_777].print = 1 << 40
        let (findings, questions, entries) = try Self.compare(all, before)
        #expect(findings.differences.map(\.hash) == [all[7_777].hash])
        #expect(questions <= 8)
        #expect(entries < 400)
    }

    @Test func whatIsBeyondTheLimitIsCountedAtLeast() throws {
        let all = (0..<9_000).map { Self.record($0, days: 30, units: 5, print: UInt64($0)) }
        let half = all.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        let (findings, _, _) = try Self.compare(all, half, limit: 20)
        #expect(findings.differences.count == 20)
        #expect(findings.atLeastMore > 0)
        #expect(findings.atLeastMore <= 4_480)
        // One end empty: everything is lacking there, and nothing needs to be asked for it.
        let none = try Self.compare(all, [], limit: 20)
        #expect(none.findings.differences.count == 20 && none.findings.atLeastMore == 8_980)
        #expect(none.questions == 1)
        let all2 = try Self.compare([], all, limit: 20)
        #expect(UInt64(all2.findings.differences.count) + all2.findings.atLeastMore == 9_000)
        #expect(all2.questions < 8)
    }

    @Test func aHubThatAnswersSomethingElseIsRefused() throws {
        let all = (0..<100).map { Self.record($0, days: 3, units: 2, print: UInt64($0)) }
        func asked() -> Reconciler {
            var reconciler = Reconciler(
                Self.listing(all), at: Reconciler.Moment(position: 5, own: []), limit: 10)
            _ = reconciler.question()
            return reconciler
        }
        var unasked = Reconciler(
            Self.listing(all), at: Reconciler.Moment(position: 5, own: []), limit: 10)
        let nothing = TallyAnswer(position: 1, today: 1, parts: [])
        #expect(throws: Refuse.self) { try unasked.take(nothing) }
        let place = all[0].place
        let records = TallyAnswer.Content.records([TallyRecord(key: all[0].key, print: 1)])
        let unit = TallyPath.unit(form: place.form, day: place.day, unit: place.unit)
        let wrong: [TallyAnswer.Part] = [
            .init(path: unit, content: records), .init(path: .all, content: records),
            .init(path: .all, content: .groups([TallyGroup(path: unit, tally: Tally())])),
        ]
        for part in wrong {
            var reconciler = asked()
            #expect(throws: Refuse.self) {
                try reconciler.take(TallyAnswer(position: 1, today: 1, parts: [part]))
            }
        }
        var reconciler = asked()
        #expect(throws: Refuse.self) { try reconciler.take(nothing) }
    }

    @Test func anAnswerStaysWithinItsLimits() {
        var builder = TallyBuilder([.day(form: Self.forms[0], day: 1)])
        for number in 0..<(Limits.tallyEntries + 10) {
            let place = TallyPlace(form: Self.forms[0], day: 1, unit: Array("unit \(number)".utf8))
            builder.add(place, RecordPrint(hash: UInt64(number), print: 1), flags: []) { [] }
        }
        let answer = builder.answer(position: 1, today: 1)
        guard case .groups(let groups)? = answer.parts.first?.content else {
            Issue.record("no groups")
            return
        }
        #expect(groups.count == Limits.tallyEntries)
        #expect(answer.parts.first?.isCut == true)
    }

    @Test func periodsAreWholeAndFollowOneAnother() {
        for day in [Int32.min, -65, -64, -33, -32, -1, 0, 1, 31, 32, 18_300, .max] {
            let path = TallyPath.period(form: [1], period: TallyPath.period(of: day))
            #expect(path.days?.contains(day) == true, "\(day)")
        }
        #expect(TallyPath.period(of: -1) == -1 && TallyPath.period(of: -32) == -1)
        #expect(TallyPath.period(of: -33) == -2)
    }
}
