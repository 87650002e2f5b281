import Console
import Forms
import SyncCore

/// Settings as they become, and what is said of it. What is kept was judged by the settings that there were:
/// a change never judges it anew.
struct SettingsChange {
    private(set) var settings: Settings
    /// Of each setting that is another now.
    private(set) var said: [Words] = []
    /// The same for the audit log.
    private(set) var details: [String] = []
    /// The first day that another hour judges; nil where none has changed.
    private(set) var firstDay: Int32?

    private let zone: LocalZone
    private let now: Milliseconds
    /// The last day to come, by this clock, of which the hub has entries or has judged something.
    private let judged: Int32?

    init(_ settings: Settings, zone: LocalZone, now: Milliseconds, judged: Int32? = nil) {
        self.settings = settings
        self.zone = zone
        self.now = now
        self.judged = judged
    }

    /// - Parameters:
    ///   - assignment: NAME=VALUE.
    ///   - from: the first day, for hours; nil: the first whose hours, old and new, are still to come.
    /// - Throws: ``Failure`` with words for whoever typed it.
    mutating func take(_ assignment: String, from: Int32?) throws {
        let name = String(assignment.prefix { $0 != "=" })
        if name == "timeZone" { throw SettingsChange.fixed(name) }
        var typed = settings
        try typed.apply(assignment)
        switch name {
        case "checkInCutoff", "reportCutoff":
            let hour = name == "checkInCutoff" ? typed.checkInCutoff : typed.reportCutoff
            try change(name, to: hour, from: from)
            return
        case "hospital", "answerMinutes", "attendMinutes", "arrivalMinutes", "dutyAheadHours": break
        case "temperatureMinimum", "temperatureMaximum", "entryWindowDays", "firstDay", "lastDay":
            guard typed.isWider(than: settings) else { throw SettingsChange.narrower(assignment) }
        default: throw SettingsChange.fixed(name)
        }
        guard from == nil else { throw SettingsChange.atOnce(name) }
        guard typed != settings else { return }
        settings = typed
        let text = Output.printable(assignment)
        details.append(text)
        let isOpen = ["firstDay", "lastDay"].contains(name) && assignment == name + "="
        let open = isOpen ? Words(" (no bound)", zh: "（不限）") : Words("", zh: "")
        said.append(
            Words("\(text)", zh: "\(text)").joined(open).joined(
                Words(
                    " from now on; connected branches hear of it at once, others when they next connect",
                    zh: "，即时生效；已连接的支部立即得知，其他支部下次连接时得知")))
    }

    private mutating func change(_ name: String, to text: String, from: Int32?) throws {
        guard let hours = settings.hour(named: name), let hour = CutOff(text) else {
            throw SettingsChange.fixed(name)
        }
        let today = zone.day(of: now)
        func isAhead(_ hour: CutOff, of day: Int32) -> Bool {
            zone.time(fromLocal: Milliseconds(day) * 86_400_000 + hour.milliseconds) > now
        }
        var first = isAhead(hour, of: today) && isAhead(hours.on(today), of: today) ? today : today + 1
        if let judged, judged >= first {
            first = judged + 1
            said.append(SettingsChange.clockBehind(today, judged))
        }
        let day = from ?? first
        guard day >= first else {
            throw Failure(
                .usage,
                Words(
                    "\(CivilDay.text(day)) has been judged by \(name) already, in whole or in part; the "
                        + "first day that can have another is \(CivilDay.text(first))",
                    zh: "\(CivilDay.text(day)) 已（部分）按原 \(name) 判定；最早可从 \(CivilDay.text(first)) 起变更"))
        }
        let change = Settings.LaterHour(setting: name, from: CivilDay.text(day), hour: text)
        let known = settings.laterHours ?? []
        let later = SettingsChange.with(
            change, known.filter { $0.setting != name || $0.from != change.from }, beside: settings)
        guard later != known else { return }
        guard later.count <= max(Limits.datedHours, known.count) else { throw SettingsChange.full }
        settings.laterHours = later.isEmpty ? nil : later
        firstDay = min(firstDay ?? .max, day)
        details.append("\(name)=\(text) from \(change.from)")
        said.append(
            Words(
                "\(name) is \(text) from \(change.from) on; days before are judged as they were. Connected "
                    + "branches hear of it at once, others when they next connect",
                zh: "自 \(change.from) 起 \(name) 为 \(text)；此前各日仍按原时间判定。已连接的支部立即得知，"
                    + "其他支部下次连接时得知"))
        guard let next = later.first(where: { $0.setting == name && $0.from > change.from }) else { return }
        said.append(
            Words(
                "from \(next.from) on it is \(next.hour), as it was planned",
                zh: "\(next.from) 起仍按原计划为 \(next.hour)"))
    }

    /// In order, with the change unless it only says what holds before it as well: that puts a plan back.
    /// Other plans stay, also those that say the same as what comes before them: that may change.
    private static func with(
        _ change: Settings.LaterHour, _ known: [Settings.LaterHour], beside settings: Settings
    ) -> [Settings.LaterHour] {
        let first = change.setting == "checkInCutoff" ? settings.checkInCutoff : settings.reportCutoff
        let before = known.filter { $0.setting == change.setting && $0.from < change.from }
            .max { $0.from < $1.from }
        if CutOff(before?.hour ?? first) == CutOff(change.hour) { return known }
        return (known + [change]).sorted { ($0.setting, $0.from) < ($1.setting, $1.from) }
    }

    // MARK: - What cannot be

    private static func clockBehind(_ today: Int32, _ judged: Int32) -> Words {
        let (today, judged) = (CivilDay.text(today), CivilDay.text(judged))
        return Words(
            "by this machine's clock it is \(today), and the hub has worked on \(judged) already: either the "
                + "clock is behind now, or it was ahead. Days up to \(judged) are judged as they were",
            zh: "按本机时钟今天是 \(today)，而汇总端已处理过 \(judged) 的内容：时钟现在过慢，或以前曾过快，请核对。"
                + "\(judged) 及以前各日仍按原时间判定")
    }

    private static var full: Failure {
        Failure(
            .usage,
            Words(
                "hours have been changed \(Limits.datedHours) times: no more can be kept, and none can be "
                    + "dropped, for each day is judged by the hour that it had. Put back a change that is "
                    + "still to come (the hour before it, with --from its day), or let the hours stay as "
                    + "they are",
                zh: "截止时间已更改 \(Limits.datedHours) 次，不能再增加；每一天都按当时的时间判定，已有的更改不能删除。"
                    + "可撤销尚未生效的更改（用 --from 写其起始日期，并写之前的时间），或保持现有时间不变"))
    }

    private static func fixed(_ name: String) -> Failure {
        let name = Output.printable(name)
        return Failure(
            .usage,
            Words(
                "\(name) stays as it was at `aggregator init`: days that have passed would be judged anew. "
                    + "Another threshold is a form's revision that says its own number (`aggregator forms "
                    + "publish`)",
                zh: "\(name) 在 aggregator init 之后不能更改：否则已过去的日子会被重新判定。若须用其他阈值，"
                    + "请发布写明数值的表单修订版（aggregator forms publish）"))
    }

    private static func narrower(_ assignment: String) -> Failure {
        let text = Output.printable(assignment)
        return Failure(
            .usage,
            Words(
                "\(text): this can only be made wider, for what was accepted must not be refused afterwards",
                zh: "\(text)：此设置只能放宽，已接受的内容不能事后拒绝"))
    }

    private static func atOnce(_ name: String) -> Failure {
        Failure(
            .usage,
            Words(
                "\(name) changes at once; leave --from out, which is for checkInCutoff and reportCutoff",
                zh: "\(name) 即时生效；请不要写 --from，它只用于 checkInCutoff 和 reportCutoff"))
    }
}

extension Settings {
    /// Whether everything that `other` accepts is accepted, as far as settings say.
    fileprivate func isWider(than other: Settings) -> Bool {
        func number(_ text: String) -> Int64 { CellText.decimal(Array(text.utf8)[...], scale: 2) ?? 0 }
        func day(_ text: String?, _ open: Int32) -> Int32 { text.flatMap { CivilDay.parse($0) } ?? open }
        // What no thermometer shows was never measured: bounds out there may come back.
        let possible = Settings.temperatures
        return number(temperatureMinimum) <= max(number(other.temperatureMinimum), possible.lowerBound)
            && number(temperatureMaximum) >= min(number(other.temperatureMaximum), possible.upperBound)
            && entryWindowDays >= other.entryWindowDays && day(firstDay, .min) <= day(other.firstDay, .min)
            && day(lastDay, .max) >= day(other.lastDay, .max)
    }
}
