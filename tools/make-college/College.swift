/// One unit of the tree.
struct CollegeUnit {
    var id: String
    var name: String
    var kind: String
    var parent: String
    var line: String
    var size: Int
}

struct Person {
    var id: String
    var name: String
    var sex: String
    var isStudent: Bool
    var isMember: Bool
    var unit: String
    var phone: String
    var region: String
    var leads: String
}

/// One row of a check-in sheet.
struct CheckIn {
    var person: Person
    var day: Day
    /// Seconds after midnight of the day on which it was written down.
    var seconds: Int
    var device: String
    /// Hundredths of a degree; nil is not stated.
    var temperature: Int?
    var fever = false
    var fatigue = false
    var cough = false
    var remark = ""

    /// Flagged by the centre's defaults: 37.3 °C, fever, fatigue or cough.
    var isFlagged: Bool { (temperature ?? 0) >= 3730 || fever || fatigue || cough }
    /// Made after four in the afternoon.
    var isLate: Bool { seconds > 16 * 3600 }
}

/// What a correction sheet adds to the row.
struct Correction {
    var row: CheckIn
    var seconds: Int
    var by: String
    var reason: String
}

/// A made-up college: nobody in it exists.
struct College {
    static let days = 14

    let first: Day
    let last: Day
    var units: [CollegeUnit] = []
    var people: [Person] = []
    /// By unit and day of the fortnight.
    var sheets: [String: [[CheckIn]]] = [:]
    var corrections: [String: [Correction]] = [:]
    /// What holds in the end, by person and day.
    var truth: [String: [CheckIn?]] = [:]
    var mover: Person
    let moveDay: Day
    let moveTo = "B02"
    var excused: Person
    let excusedFrom: Day
    /// People who have not answered on the last day.
    let silent: [String]
    var mistyped: CheckIn

    var branches: [CollegeUnit] { units.filter { $0.size > 0 } }

    /// The unit on whose register the person stands that day.
    func unit(of person: Person, on day: Day) -> String {
        person.id == mover.id && day >= moveDay ? moveTo : person.unit
    }

    init?(last: Day, using generator: inout Generator) {
        self.last = last
        first = Day(number: last.number - College.days + 1)
        moveDay = Day(number: last.number - 6)
        excusedFrom = Day(number: last.number - 3)
        units = College.makeUnits()
        for unit in units where unit.size > 0 {
            for place in 1...unit.size {
                people.append(
                    College.makePerson(unit: unit, place: place, total: people.count, using: &generator))
            }
        }
        guard let mover = people.first(where: { $0.unit == "B01" && $0.isStudent && $0.leads.isEmpty }),
            let excused = people.last(where: { $0.unit == "B02" }),
            let typist = people.last(where: { $0.unit == "B01" })
        else { return nil }
        self.mover = mover
        self.excused = excused
        let everyone = people
        silent = ["B03", "B04"].compactMap { unit in everyone.last { $0.unit == unit }?.id }
        mistyped = CheckIn(person: typist, day: last, seconds: 8 * 3600 + 120, device: "ph-000000")
        makeSheets(using: &generator)
    }
}

// MARK: - Making it

extension College {
    private static func makeUnits() -> [CollegeUnit] {
        let rows: [(String, String, String, String, String, Int)] = [
            ("C00", "示例乙学院委员会", "committee", "", "party", 0),
            ("G01", "工学院党总支", "general_branch", "C00", "party", 0),
            ("B01", "工学院学生第一党支部", "branch", "G01", "party", 60),
            ("B02", "工学院学生第二党支部", "branch", "G01", "party", 30),
            ("G02", "文学院党总支", "general_branch", "C00", "party", 0),
            ("B03", "文学院学生党支部", "branch", "G02", "party", 25),
            ("B04", "文学院教工党支部", "branch", "G02", "party", 20),
            ("Z01", "图书馆直属党支部", "direct_branch", "C00", "party", 15),
            ("D01", "工学院", "secondary_college", "C00", "administration", 0),
            ("D02", "文学院", "secondary_college", "C00", "administration", 0),
            ("D03", "图书馆", "department", "C00", "administration", 0),
        ]
        return rows.map {
            CollegeUnit(id: $0.0, name: $0.1, kind: $0.2, parent: $0.3, line: $0.4, size: $0.5)
        }
    }

    private static func makePerson(
        unit: CollegeUnit, place: Int, total: Int, using generator: inout Generator
    ) -> Person {
        let isStudent = unit.id == "B01" || unit.id == "B02" || unit.id == "B03"
        let number = String(10_000 + total + 1).dropFirst()
        let surname = generator.pick(["田", "石", "江", "白", "安", "云", "乔", "金", "沙", "水", "木", "雷"])
        let given = generator.pick(["小一", "小二", "小三", "小四", "大五", "大六", "大七", "八", "九", "十"])
        return Person(
            id: (isStudent ? "S" : "T") + number, name: surname + given, sex: generator.pick(["男", "女"]),
            isStudent: isStudent, isMember: place % 7 == 1, unit: unit.id,
            phone: "100" + String(10_000_000 + generator.pick(0...9_999_999)),
            region: generator.chance(40)
                ? "" : generator.pick(["330102", "330702", "330782", "511702", "110105"]),
            leads: place == 1 ? unit.id : "")
    }

    private mutating func makeSheets(using generator: inout Generator) {
        for branch in branches {
            sheets[branch.id] = Array(repeating: [], count: College.days)
        }
        for person in people {
            let device = "ph-" + generator.hexadecimal()
            truth[person.id] = (0..<College.days).map { offset in
                let day = Day(number: first.number + offset)
                return makeCheckIn(person: person, day: day, device: device, using: &generator)
            }
        }
        for offset in 0..<College.days {
            let day = Day(number: first.number + offset)
            for person in people {
                guard let row = truth[person.id]?[offset] else { continue }
                file(row, as: unit(of: person, on: day), offset: offset, using: &generator)
            }
            for branch in branches {
                sheets[branch.id]?[offset].sort { ($0.seconds, $0.person.id) < ($1.seconds, $1.person.id) }
            }
        }
    }

    /// What holds in the end for the person on that day; nil is a missing check-in.
    private func makeCheckIn(
        person: Person, day: Day, device: String, using generator: inout Generator
    ) -> CheckIn? {
        let absent = generator.chance(30)
        let isLate = generator.chance(45)
        let seconds =
            isLate ? generator.pick(58_200...75_000) : generator.pick(21_600...39_000)
        var row = CheckIn(person: person, day: day, seconds: seconds, device: device)
        row.temperature = generator.chance(60) ? nil : 3600 + 5 * generator.pick(0...22)
        if generator.chance(6) {
            row.temperature = 3730 + 10 * generator.pick(0...15)
            row.fever = true
            row.cough = generator.chance(500)
            row.remark = "已联系校医"
        } else if generator.chance(8) {
            row.fatigue = true
        }
        if person.id == mistyped.person.id && day == last {
            row = mistyped
            row.device = device
            row.temperature = 3680
            return row
        }
        if person.id == excused.id && day >= excusedFrom { return nil }
        if day == last && silent.contains(person.id) { return nil }
        return absent ? nil : row
    }

    /// Puts the row on the unit's sheet the way people do it: twice, wrong at first, mended later.
    private mutating func file(
        _ row: CheckIn, as unit: String, offset: Int, using generator: inout Generator
    ) {
        var first = row
        if row.person.id == mistyped.person.id && row.day == last {
            first.temperature = 3860
            mistyped = first
        } else if row.temperature != nil && offset < College.days - 1 && generator.chance(12) {
            first.temperature = generator.pick([3690, 3700, 3740])
            corrections[unit, default: []].append(
                Correction(
                    row: row, seconds: min(86_000, row.seconds + generator.pick(600...7200)),
                    by: leader(of: unit), reason: "体温重测"))
        }
        sheets[unit]?[offset].append(first)
        if generator.chance(15) {
            sheets[unit]?[offset].append(first)
        }
    }

    private func leader(of unit: String) -> String {
        people.first { $0.leads == unit }?.id ?? ""
    }
}
