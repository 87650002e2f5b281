import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct CoverageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "coverage",
        Words(
            "Who has answered on a day, who is missing and who is flagged, as of that day.",
            zh: "某日的覆盖情况：谁已打卡、谁缺、谁异常，以当日登记册为准。"),
        example: "aggregator coverage --date 2020-02-03 --data DIR")

    @OptionGroup var store: DataOption
    @Option(name: .long, help: ArgumentHelp("The committee's local day, YYYY-MM-DD.", zh: "当地日期，YYYY-MM-DD。"))
    var date: String
    @Option(name: .long, help: ArgumentHelp("Only this unit.", zh: "只看此单位。"))
    var unit: String?
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "With --json: lists of person ids instead of numbers.", zh: "与 --json 同用：列出人员编号而非人数。"))
    var people = false

    func run() async throws {
        try await Program.run {
            guard let day = CivilDay.parse(date) else {
                throw Failure(
                    .usage,
                    Words(
                        "\(date) is no day of the calendar; write it as 2020-02-03",
                        zh: "\(date) 不是有效日期；请写成 2020-02-03 的样式"))
            }
            var board = try store.folder.open().coverage(of: day)
            if let unit {
                board.lines = board.lines.filter { $0.unit.utf8.elementsEqual(unit.utf8) }
                guard !board.lines.isEmpty else {
                    throw Failure(
                        .noInput,
                        Words(
                            "no unit \(unit) in the party line on \(date); `aggregator coverage` without "
                                + "--unit lists them all",
                            zh: "\(date) 党组织中没有单位 \(unit)；不加 --unit 可列出全部单位"))
                }
            }
            if json {
                try Output.json(BoardJSON(board, date: date, people: people))
            } else {
                BoardText(board, date: date).lines().forEach { Output.line($0) }
            }
        }
    }
}

/// The board as scripts read it; `--people` turns counts into sorted lists of person ids.
struct BoardJSON: Encodable {
    /// A number, or the people behind it.
    enum Tally: Encodable {
        case count(Int)
        case people([String])

        init(_ people: [String], listed: Bool) { self = listed ? .people(people) : .count(people.count) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .count(let count): try container.encode(count)
            case .people(let people): try container.encode(people)
            }
        }
    }

    struct Report: Encodable {
        var status: String
        var kind: String?

        private enum CodingKeys: String, CodingKey { case status, kind }

        /// `kind` is always there, null while the report is missing.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(status, forKey: .status)
            try container.encode(kind, forKey: .kind)
        }
    }

    struct Line: Encodable {
        var unit: String
        var register: Int
        var checkedIn: Int
        var missing: Tally
        var excused: Tally
        var late: Tally
        var flagged: Tally
        var report: Report
    }

    struct Total: Encodable {
        var register: Int
        var checkedIn: Int
        var missing: Int
        var excused: Int
        var late: Int
        var flagged: Int
        /// Units by the state of their report.
        var reports: [String: Int]
    }

    var date: String
    var units: [Line]
    var total: Total

    init(_ board: CoverageBoard, date: String, people: Bool) {
        self.date = date
        units = board.lines.map { line in
            Line(
                unit: line.unit, register: line.register, checkedIn: line.checkedIn,
                missing: Tally(line.missing, listed: people), excused: Tally(line.excused, listed: people),
                late: Tally(line.late, listed: people), flagged: Tally(line.flagged, listed: people),
                report: Report(status: line.report.status, kind: line.report.kind))
        }
        let sums = BoardSums(board)
        var reports = ["MISSING": 0, "ON_TIME": 0, "LATE": 0, CoverageBoard.Report.notDue: 0]
        for line in board.lines { reports[line.report.status, default: 0] += 1 }
        total = Total(
            register: sums.register, checkedIn: sums.checkedIn, missing: sums.missing, excused: sums.excused,
            late: sums.late, flagged: sums.flagged, reports: reports)
    }
}

struct BoardSums {
    var register = 0
    var checkedIn = 0
    var missing = 0
    var excused = 0
    var late = 0
    var flagged = 0

    init(_ board: CoverageBoard) {
        for line in board.lines {
            register += line.register
            checkedIn += line.checkedIn
            missing += line.missing.count
            excused += line.excused.count
            late += line.late.count
            flagged += line.flagged.count
        }
    }
}

/// The board as people read it.
struct BoardText {
    let board: CoverageBoard
    let date: String

    init(_ board: CoverageBoard, date: String) {
        self.board = board
        self.date = date
    }

    func lines() -> [String] {
        let head = [
            Words("unit", zh: "单位"), Words("register", zh: "应打卡"), Words("checked in", zh: "已打卡"),
            Words("missing", zh: "缺"), Words("excused", zh: "免"), Words("late", zh: "晚"),
            Words("flagged", zh: "异常"), Words("report", zh: "日报"), Words("name", zh: "名称"),
        ]
        var table = TextTable(head.map { $0.text() })
        for line in board.lines {
            table.add([
                line.unit, "\(line.register)", "\(line.checkedIn)", "\(line.missing.count)",
                "\(line.excused.count)", "\(line.late.count)", "\(line.flagged.count)", report(line.report),
                line.unitName,
            ])
        }
        let sums = BoardSums(board)
        table.add([
            Words("total", zh: "合计").text(), "\(sums.register)", "\(sums.checkedIn)", "\(sums.missing)",
            "\(sums.excused)", "\(sums.late)", "\(sums.flagged)", "", "",
        ])
        return [Words("Coverage of \(date)", zh: "\(date) 覆盖情况").text()] + table.lines() + people()
    }

    /// How many ids of a unit are written out; `--json --people` has all.
    private static let listed = 12

    /// Who is missing and who is flagged, by unit.
    private func people() -> [String] {
        let lists: [(Words, KeyPath<CoverageBoard.Line, [String]>)] = [
            (Words("missing", zh: "缺"), \.missing), (Words("flagged", zh: "异常"), \.flagged),
        ]
        return lists.flatMap { name, path in
            board.lines.filter { !$0[keyPath: path].isEmpty }.map { line in
                let ids = line[keyPath: path]
                let rest = ids.count - BoardText.listed
                let more = rest > 0 ? Words(" and \(rest) more", zh: " 等，另有 \(rest) 人").text() : ""
                return "\(name.text()) \(line.unit): " + ids.prefix(BoardText.listed).joined(separator: " ")
                    + more
            }
        }
    }

    private func report(_ report: CoverageBoard.Report) -> String {
        let status =
            switch report.status {
            case "ON_TIME": Words("on time", zh: "按时")
            case "LATE": Words("late", zh: "迟报")
            case CoverageBoard.Report.notDue: Words("none due", zh: "无需报告")
            default: Words("missing", zh: "未报")
            }
        let kind: Words? =
            switch report.kind {
            case "ZERO": Words("zero", zh: "零报告")
            case "CASES": Words("cases", zh: "有情况")
            default: nil
            }
        return [status.text(), kind?.text()].compactMap { $0 }.joined(separator: " · ")
    }
}
