import Foundation

/// Made-up check-ins with few and plain fields, of fifty branches, 200 people each, ten days.
enum SimpleCheckIns {
    private struct Line: Codable {
        var branch: String
        var person: String
        var date: String
        var at: String
        var temperature: Double
        var symptoms: Int
        var location: String
        var travelled: Bool
        var contact: Bool
        var isolation: String
        var note: String
    }

    private static let notes = ["居家", "在家休息,未外出", "已向社区报备", "轻微咳嗽,已就诊", "实习单位停工", "与家人同住"]

    /// As JSON lines.
    static func lines() throws -> [String] {
        var random = BenchRandom(state: 3)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let regions = (0..<460).map { "\([33, 42, 51, 44, 36, 31][$0 % 6])\(1_001 + $0)" }
        var lines: [String] = []
        func chance(_ perMille: Int) -> Bool { Int.random(in: 0..<1_000, using: &random) < perMille }
        func spread() -> Double {
            (0..<4).reduce(0) { sum, _ in sum + .random(in: -0.13...0.13, using: &random) }
        }
        for branch in 0..<50 {
            let homes = (0..<200).map { _ in regions.randomElement(using: &random) ?? "331001" }
            let usual = (0..<200).map { _ in 36.4 + spread() }
            for day in 1...10 {
                var second = 7 * 3_600
                for person in (0..<200).shuffled(using: &random) {
                    second += Int(-40 * log(Double.random(in: 0.0001...1, using: &random)))
                    let isIll = chance(4)
                    let date = String(format: "2020-02-%02d", day)
                    let degrees = isIll ? .random(in: 37.3...38.9, using: &random) : usual[person] + spread()
                    let line = Line(
                        branch: String(format: "B%04d", branch),
                        person: String(format: "20%02d%03d%04d", 17 + person % 3, branch, person), date: date,
                        at: date
                            + String(
                                format: "T%02d:%02d:%02d+08:00", second / 3_600, second / 60 % 60, second % 60
                            ),
                        temperature: (degrees * 10).rounded() / 10,
                        symptoms: isIll ? Int.random(in: 1...7, using: &random) : 0,
                        location: chance(985) ? homes[person] : regions[person], travelled: chance(10),
                        contact: chance(3), isolation: chance(970) ? "none" : "home",
                        note: chance(33) ? notes.randomElement(using: &random) ?? "" : "")
                    lines.append(String(decoding: try encoder.encode(line), as: UTF8.self))
                }
            }
        }
        return lines
    }

    /// The same as sheets, one a branch: everything that the lines say stands in one of the form's fields.
    ///
    /// - Returns: their paths.
    static func sheets(_ lines: [String], in folder: String) throws -> [String] {
        let header =
            "person_id,check_date,recorded_at,temperature,fever,fatigue,cough,sob,contact_key_region,"
            + "region_code,track,remark\n"
        var sheets: [(name: String, text: String)] = []
        let decoder = JSONDecoder()
        for text in lines {
            let line = try decoder.decode(Line.self, from: Data(text.utf8))
            if sheets.last?.name != line.branch { sheets.append((line.branch, header)) }
            func flag(_ isTrue: Bool) -> String { isTrue ? "True" : "False" }
            let cells = [
                line.person, line.date, line.at.prefix(19).replacingOccurrences(of: "T", with: " "),
                String(format: "%.1f", line.temperature), flag(line.symptoms & 1 != 0),
                flag(line.symptoms & 2 != 0), flag(line.symptoms & 4 != 0), flag(line.travelled),
                flag(line.contact), line.location, line.isolation, "\"\(line.note)\"",
            ]
            sheets[sheets.count - 1].text += cells.joined(separator: ",") + "\n"
        }
        return try sheets.map { sheet in
            let path = folder + "/\(sheet.name).csv"
            try sheet.text.write(toFile: path, atomically: false, encoding: .utf8)
            return path
        }
    }
}
