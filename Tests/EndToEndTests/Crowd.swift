import Foundation
import Testing

/// A hub with many branches, and the check-ins that each of them has to deliver.
class Crowd: Hub, @unchecked Sendable {
    /// One entry of one sheet.
    struct Entry: Hashable, Sendable {
        var day: String
        var person: String
        /// Hundredths of a degree.
        var temperature: Int

        /// From here on a check-in raises an alert.
        static let alertAt = 3_730

        var degrees: String { Entry.degrees(temperature) }
        static func degrees(_ temperature: Int) -> String {
            let rest = temperature % 100
            return "\(temperature / 100).\(rest < 10 ? "0" : "")\(rest)"
        }
    }

    struct Branch: Hashable, Sendable {
        var number: Int
        var unit: String
        var persons: [String]
    }

    let branches: [Branch]
    /// The days before today, in the committee's zone; the latest first.
    let days: [String]

    /// Makes the hub, its register and the folders of the branches; none has joined yet.
    init(branches count: Int, persons: Int, days: Int) async throws {
        branches = (0..<count).map { number in
            let unit = "B" + Crowd.padded(number, 3)
            return Branch(
                number: number, unit: unit,
                persons: (0..<persons).map { "S" + Crowd.padded(number, 3) + Crowd.padded($0, 3) })
        }
        self.days = (1...days).map { back in
            let time = Date(timeIntervalSinceNow: Double(8 - 24 * back) * 3_600)
            return String(time.ISO8601Format().prefix(10))
        }
        try await super.init(in: try Place(), name: "Large college")
        var units = "unit_id,unit_name,unit_type,parent_id,line\nC000,Committee,committee,,party\n"
        var people = "person_id,name,unit_id\n"
        for branch in branches {
            units += "\(branch.unit),Branch \(branch.number),branch,C000,party\n"
            for person in branch.persons { people += "\(person),Person \(person),\(branch.unit)\n" }
        }
        for (kind, text) in [("units", units), ("people", people)] {
            let file = place.path(kind + ".csv")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            try await hub("import", kind, file)
        }
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Every person of the branch on one day. About one entry in a hundred raises an alert.
    func entries(of branch: Branch, on day: String, using numbers: inout Numbers) -> [Entry] {
        branch.persons.map { person in
            let isIll = numbers.next(below: 100) == 0
            let temperature =
                isIll ? Entry.alertAt + Int(numbers.next(below: 200)) : 3_600 + Int(numbers.next(below: 125))
            return Entry(day: day, person: person, temperature: temperature)
        }
    }

    /// Writes a sheet; the same name gets a new content.
    func sheet(_ name: String, _ entries: [Entry]) throws -> String {
        var text = "check_date,person_id,recorded_at,temperature\n"
        for (place, entry) in entries.enumerated() {
            let seconds = 6 * 3_600 + place % 10_800
            let time = [seconds / 3_600, seconds / 60 % 60, seconds % 60].map { Crowd.padded($0, 2) }
            text +=
                "\(entry.day),\(entry.person),\(entry.day) \(time.joined(separator: ":")),\(entry.degrees)\n"
        }
        let file = place.path(name + ".csv")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// Runs `body` for all branches, `width` of them at a time.
    func forEachBranch(
        width: Int, _ body: @escaping @Sendable (Branch) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, branch) in branches.enumerated() {
                if place >= width { try await group.next() }
                group.addTask { try await body(branch) }
            }
            try await group.waitForAll()
        }
    }

    /// What has arrived: the export of the check-ins, each as it stands.
    func arrived() async throws -> [Entry] {
        try await rows("check-in") { cells in
            guard let degrees = Double(cells[2]) else { return nil }
            return Entry(
                day: String(cells[0]), person: String(cells[1]), temperature: Int((degrees * 100).rounded()))
        }
    }

    /// Day and person of each alert at the hub.
    func alerts() async throws -> [[String]] {
        try await rows("alert") { [String($0[0]), String($0[2])] }
    }

    private func rows<Row>(_ form: String, _ row: ([Substring]) -> Row?) async throws -> [Row] {
        try await export(form).output.split(separator: "\n").dropFirst().map { line in
            try #require(row(line.split(separator: ",", omittingEmptySubsequences: false)), "\(line)")
        }
    }
}
