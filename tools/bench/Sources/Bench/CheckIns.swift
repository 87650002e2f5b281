import SyncCore
import SyncTransport

/// A small seeded generator: the same rows in every run.
struct BenchRandom: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

/// Made-up check-ins of some people, a day after the other, as a backlog arrives.
struct CheckIns {
    /// Their numbers.
    let people: Range<Int>
    let firstDay: Int32
    /// Of all of them.
    let authored: Milliseconds
    private var random: BenchRandom

    init(people: Range<Int>, firstDay: Int32, authored: Milliseconds) {
        self.people = people
        self.firstDay = firstDay
        self.authored = authored
        random = BenchRandom(state: UInt64(people.lowerBound + 1))
    }

    static func person(_ number: Int) -> String { "2020\(100_000 + number)" }

    /// Classes of the form's fields, in the order of their ids from 1 on.
    private static let classes: [RetentionClass] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]

    mutating func version(_ number: Int) -> Version {
        let person = people.lowerBound + number % people.count
        let day = firstDay + Int32(number / people.count)
        let stated = Milliseconds(day) * 86_400_000 + Int64.random(in: 0...36_000_000, using: &random)
        var values: [Value] = [.decimal(unscaled: Int64.random(in: 3_600...3_720, using: &random), scale: 2)]
        for _ in 0..<7 { values.append(.boolean(Int.random(in: 0..<100, using: &random) == 0)) }
        values.append(.text("33\(1000 + Int.random(in: 0..<90, using: &random))"))
        values.append(
            Int.random(in: 0..<20, using: &random) == 0 ? .text("by bus to town \(number % 97)") : .notStated)
        values.append(.text(CheckIns.person(person)))
        values.append(.text("dev-\(person % 211)"))
        values.append(.text("Name \(person)"))
        values += [.notStated, .notStated, .notStated]
        return Version(
            dot: Dot(origin: 1, sequence: UInt64(number + 1)),
            key: RecordKey(form: "check-in", values: [.integer(Int64(day)), .text(CheckIns.person(person))]),
            formRevision: 1, authored: authored, stated: stated, firstCreated: stated, author: [],
            assignments: values.enumerated().map {
                Assignment(
                    field: FieldID($0.offset + 1), retentionClass: CheckIns.classes[$0.offset],
                    value: $0.element)
            })
    }

    /// What the rule on symptoms makes of a temperature, as the branch writes it beside the check-in.
    static func alert(for checkIn: Version) -> Version {
        Version(
            dot: Dot(origin: checkIn.dot.origin, sequence: checkIn.dot.sequence + 1),
            key: RecordKey(
                form: "alert",
                values: [checkIn.key.values[0], .text("symptoms"), checkIn.key.values[1]]),
            formRevision: 2, authored: checkIn.authored, stated: checkIn.stated,
            firstCreated: checkIn.firstCreated, author: [],
            assignments: [
                Assignment(field: 1, retentionClass: 0, value: .list([Array("temperature".utf8)])),
                Assignment(field: 2, retentionClass: 0, value: .text("open")),
            ])
    }

    mutating func versions(_ numbers: Range<Int>) -> [Version] { numbers.map { version($0) } }
}
