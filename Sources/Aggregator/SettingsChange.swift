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

    init(_ settings: Settings, zone: LocalZone, now: Milliseconds) {
        self.settings = settings
        self.zone = zone
        self.now = now
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
        said.append(
            Words(
                "\(text) from now on; a branch hears of it when it next connects",
                zh: "\(text)，即时生效；各支部下次连接时得知"))
    }

    private mutating func change(_ name: String, to text: String, from: Int32?) throws {
        guard let hours = settings.hour(named: name), let hour = CutOff(text) else {
            throw SettingsChange.fixed(name)
        }
        let today = zone.day(of: now)
        func isAhead(_ hour: CutOff, of day: Int32) -> Bool {
            zone.time(fromLocal: Milliseconds(day) * 86_400_000 + hour.milliseconds) > now
        }
        let first = isAhead(hour, of: today) && isAhead(hours.on(today), of: today) ? today : today + 1
        let day = from ?? first
        guard day >= first else {
            throw Failure(
                .usage,
                Words(
                    "\(CivilDay.text(day)) has been judged by \(name) already, in whole or in part; the "
                        + "first day that can have another is \(CivilDay.text(first))",
                    zh: "\(CivilDay.text(day)) 已（部分）按原 \(name) 判定；最早可从 \(CivilDay.text(first)) 起变更"))
        }
        let later = (settings.laterHours ?? []).filter {
            $0.setting != name || CivilDay.parse($0.from).map { $0 < day } ?? false
        }
        guard hours.on(day) != hour || later.count < settings.laterHours?.count ?? 0 else { return }
        let change = Settings.LaterHour(setting: name, from: CivilDay.text(day), hour: text)
        settings.laterHours = (later + [change]).sorted { ($0.setting, $0.from) < ($1.setting, $1.from) }
        firstDay = min(firstDay ?? .max, day)
        details.append("\(name)=\(text) from \(change.from)")
        said.append(
            Words(
                "\(name) is \(text) from \(change.from) on; days before are judged as they were. A branch "
                    + "hears of it when it next connects",
                zh: "自 \(change.from) 起 \(name) 为 \(text)；此前各日仍按原时间判定。各支部下次连接时得知"))
    }

    // MARK: - What cannot be

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
        return number(temperatureMinimum) <= number(other.temperatureMinimum)
            && number(temperatureMaximum) >= number(other.temperatureMaximum)
            && entryWindowDays >= other.entryWindowDays && day(firstDay, .min) <= day(other.firstDay, .min)
            && day(lastDay, .max) >= day(other.lastDay, .max)
    }
}
