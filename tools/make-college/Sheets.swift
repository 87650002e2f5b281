import Foundation

/// How a branch's spreadsheet program writes a file.
enum Style {
    /// UTF-8, line feeds, English header.
    case plain
    /// GBK, CRLF, Chinese header, 2020/3/4 8:31 and 是/否.
    case chinese
    /// UTF-8 with a byte order mark and CRLF.
    case marked

    init(unit: String, offset: Int) {
        switch (unit, offset) {
        case ("B03", _): self = .chinese
        case ("B04", 5): self = .marked
        default: self = .plain
        }
    }
}

struct CannotEncode: Error {}

/// Writes the college's tables as the files that branches and centre send.
struct Sheets {
    let college: College
    let folder: URL

    private static let header =
        "person_id,name,check_date,recorded_at,entered_by,device_id,region_code,track,temperature,"
        + "fever,fatigue,cough,sob,headache,sore_throat,contact_key_region,remark"
    private static let chineseHeader =
        "学号/工号,姓名,打卡日期,填报时间,填报人,设备号,所在地代码,行动轨迹,体温,发热,乏力,咳嗽,气促,头痛,咽痛,接触重点地区人员,备注"

    func write() throws {
        try writeCentre()
        for branch in college.branches {
            try writeCheckIns(of: branch.id)
            try writeCorrections(of: branch.id)
        }
        try writeExpected()
        try writeStory()
    }

    private func put(_ lines: [String], _ path: String, style: Style = .plain) throws {
        let end = style == .plain ? "\n" : "\r\n"
        let text = lines.map { $0 + end }.joined()
        var data = Data()
        switch style {
        case .plain:
            data = Data(text.utf8)
        case .marked:
            data = Data([0xEF, 0xBB, 0xBF]) + Data(text.utf8)
        case .chinese:
            guard let encoded = text.data(using: String.Encoding(rawValue: 0x8000_0632)) else {
                throw CannotEncode()
            }
            data = encoded
        }
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    private func writeCentre() throws {
        try put(
            ["unit_id,unit_name,unit_type,parent_id,line"]
                + college.units.map { "\($0.id),\($0.name),\($0.kind),\($0.parent),\($0.line)" },
            "units.csv")
        let departments = ["B01": "D01", "B02": "D01", "B03": "D02", "B04": "D02", "Z01": "D03"]
        let header =
            "person_id,name,sex,role,party_member,unit_id,department_id,phone,home_region_code,"
            + "responsible_for,duty_flag"
        try put(
            [header]
                + college.people.map { person in
                    [
                        person.id, person.name, person.sex, person.isStudent ? "student" : "staff",
                        person.isMember ? "Y" : "N", person.unit, departments[person.unit] ?? "",
                        person.phone,
                        person.region, person.leads, "",
                    ].joined(separator: ",")
                },
            "people.csv")
        try put(
            [
                "effective_date,person_id,change,from_unit,to_unit,note",
                [college.moveDay.iso, college.mover.id, "MOVE", college.mover.unit, college.moveTo, "转专业"]
                    .joined(separator: ","),
            ], "register_changes.csv")
        try put(
            [
                "person_id,from_date,to_date,reason",
                "\(college.excused.id),\(college.excusedFrom.iso),\(college.last.iso),住院",
            ], "excused.csv")
    }

    private func writeCheckIns(of unit: String) throws {
        for (offset, rows) in (college.sheets[unit] ?? []).enumerated() {
            let style = Style(unit: unit, offset: offset)
            var lines = [style == .chinese ? Sheets.chineseHeader : Sheets.header]
            lines += rows.map { cells(of: $0, style: style).joined(separator: ",") }
            // Two rows that nobody can accept: a slipped decimal point, and a day that no calendar has.
            if unit == "Z01" && offset == 2, var row = rows.first {
                row.temperature = 36_500
                lines.append(cells(of: row, style: style).joined(separator: ","))
                var wrongDay = cells(of: row, style: style)
                wrongDay[2] = "2020-02-30"
                wrongDay[8] = "36.50"
                lines.append(wrongDay.joined(separator: ","))
            }
            let day = Day(number: college.first.number + offset)
            try put(lines, "checkins/\(unit)/\(day.iso).csv", style: style)
        }
    }

    private func cells(of row: CheckIn, style: Style) -> [String] {
        let flag: (Bool) -> String = { style == .chinese ? ($0 ? "是" : "否") : ($0 ? "True" : "False") }
        return [
            row.person.id, row.person.name, style == .chinese ? row.day.slashed : row.day.iso,
            time(row.day, row.seconds, style: style), row.person.id, row.device, row.person.region, "居家",
            row.temperature.map { "\($0 / 100).\(padded($0 % 100))" } ?? "",
            flag(row.fever), flag(row.fatigue), flag(row.cough), flag(false), flag(false), flag(false),
            flag(false), row.remark,
        ]
    }

    private func time(_ day: Day, _ seconds: Int, style: Style) -> String {
        let hour = seconds / 3600
        let minute = padded(seconds / 60 % 60)
        if style == .chinese { return "\(day.slashed) \(hour):\(minute)" }
        return "\(day.iso) \(padded(hour)):\(minute):\(padded(seconds % 60))"
    }

    private func writeCorrections(of unit: String) throws {
        guard let corrections = college.corrections[unit], !corrections.isEmpty else { return }
        try put(
            [Sheets.header + ",corrected_at,corrected_by,reason"]
                + corrections.map { correction in
                    let more = [
                        time(correction.row.day, correction.seconds, style: .plain), correction.by,
                        correction.reason,
                    ]
                    return (cells(of: correction.row, style: .plain) + more).joined(separator: ",")
                },
            "corrections/\(unit).csv")
    }

    /// What the board must show for each branch and day once everything has arrived.
    private func writeExpected() throws {
        var lines = ["date,unit_id,register,checked_in,missing,excused,late,flagged"]
        for offset in 0..<College.days {
            let day = Day(number: college.first.number + offset)
            for branch in college.branches {
                let register = college.people.filter { college.unit(of: $0, on: day) == branch.id }
                let rows = register.compactMap { college.truth[$0.id]?[offset] }
                let excused = register.filter {
                    $0.id == college.excused.id && day >= college.excusedFrom
                }.count
                let figures = [
                    register.count, rows.count, register.count - rows.count - excused, excused,
                    rows.filter(\.isLate).count, rows.filter(\.isFlagged).count,
                ]
                lines.append(([day.iso, branch.id] + figures.map(String.init)).joined(separator: ","))
            }
        }
        try put(lines, "expected.csv")
    }

    /// The names that the demonstration needs.
    private func writeStory() throws {
        try put(
            [
                "first_day=\(college.first.iso)",
                "last_day=\(college.last.iso)",
                "branches=\(college.branches.map(\.id).joined(separator: " "))",
                "people=\(college.people.count)",
                "move_day=\(college.moveDay.iso)",
                "mover=\(college.mover.id)",
                "excused=\(college.excused.id)",
                "mistyped_branch=\(college.mistyped.person.unit)",
                "mistyped_person=\(college.mistyped.person.id)",
                "mistyped_as=38.60",
                "mistyped_for=36.80",
                "refused_branch=Z01",
                "refused_rows=2",
            ], "story.txt")
    }
}
