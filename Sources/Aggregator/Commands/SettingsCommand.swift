import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "settings",
        Words("Show the committee's settings, or change them.", zh: "查看或更改党委的设置。"),
        discussion: Words(
            "Hours change from a day on: today, if both the old and the new one are still to come, else "
                + "tomorrow, or with --from a later day; days before are judged as they were. The hospital "
                + "and spans of time change at once, and bounds can be widened. The hub may go on serving.",
            zh: "截止时间自某日起变更：新旧时间今日均未到则从今日起，否则从明日起，也可用 --from 指定更晚的日期；此前各日仍按原时间判定。"
                + "定点医院和各时限即时生效，各范围只能放宽。汇总端可继续运行。"),
        example: "aggregator settings --data DIR; aggregator settings --set checkInCutoff=15:00 "
            + "--set \"hospital=First Hospital\" --data DIR")

    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "What to change, NAME=VALUE (see OPERATING.md).", zh: "要更改的设置，名称=值（见 OPERATING.md）。"))
    var set: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The first day of another hour, such as 2020-02-10.", zh: "新截止时间的起始日期，例如 2020-02-10。"))
    var from: String?
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try set.isEmpty ? store.folder.open() : act.folder(store).open()
            if !set.isEmpty { try change(hub) }
            let settings = try hub.settings()
            if json { return try Output.json(settings) }
            if set.isEmpty { SettingsCommand.lines(settings).forEach { Output.line($0) } }
        }
    }

    private func change(_ hub: SQLiteHubStore) throws {
        guard let zone = LocalZone(identifier: try hub.settings().timeZone) else {
            throw StoreError(.corrupt, "the settings name an unknown time zone")
        }
        let now = HubFolder.milliseconds()
        let day = try day()
        let judged = try hub.lastDayJudged(after: zone.day(of: now), zone)
        // What was due before is judged by what was set before.
        var rules = HubRules()
        _ = try? rules.lookAll(at: hub, now: now)
        var said = [Words("nothing to change: it says so already", zh: "无需更改：设置已是如此")]
        try hub.changeSettings(clock: AuthoringClock(now: now, isTrusted: true)) { known in
            var change = SettingsChange(known, zone: zone, now: now, judged: judged)
            for assignment in set { try change.take(assignment, from: day) }
            guard !change.details.isEmpty else { return nil }
            said = change.said
            return (change.settings, change.firstDay, change.details.joined(separator: "; "))
        }
        said.forEach { Output.remark($0) }
    }

    private func day() throws -> Int32? {
        guard let from else { return nil }
        if let day = CivilDay.parse(from) { return day }
        throw Failure(
            .usage,
            Words(
                "\(from) is no day of the calendar; write it as 2020-02-03",
                zh: "\(from) 不是有效日期；请写成 2020-02-03 的样式"))
    }

    static func lines(_ settings: Settings) -> [String] {
        func hours(_ name: String, _ first: String) -> String {
            let later = (settings.laterHours ?? []).filter { $0.setting == name }.map { later in
                Words("\(later.hour) from \(later.from)", zh: "\(later.from) 起 \(later.hour)").text()
            }
            return ([first] + later).joined(separator: "; ")
        }
        let rows: [(String, String?)] = [
            ("timeZone", settings.timeZone),
            ("checkInCutoff", hours("checkInCutoff", settings.checkInCutoff)),
            ("reportCutoff", hours("reportCutoff", settings.reportCutoff)),
            ("temperatureMinimum", settings.temperatureMinimum),
            ("temperatureMaximum", settings.temperatureMaximum),
            ("temperatureAlert", settings.temperatureAlert),
            ("entryWindowDays", "\(settings.entryWindowDays)"), ("firstDay", settings.firstDay),
            ("lastDay", settings.lastDay), ("answerMinutes", settings.answerMinutes.map { "\($0)" }),
            ("attendMinutes", settings.attendMinutes.map { "\($0)" }),
            ("arrivalMinutes", settings.arrivalMinutes.map { "\($0)" }),
            ("dutyAheadHours", settings.dutyAheadHours.map { "\($0)" }), ("hospital", settings.hospital),
        ]
        return rows.map { "\($0)=" + Output.printable($1 ?? "") }
    }
}
