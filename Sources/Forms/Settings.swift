/// A committee's settings. They travel as JSON with sorted keys, so that equal settings are equal bytes.
public struct Settings: Codable, Sendable, Hashable {
    /// IANA name of the committee's zone; days and cut-offs are local to it.
    public var timeZone: String = "Asia/Shanghai"
    /// Check-ins first created after this local time of their day are late, "HH:mm".
    public var checkInCutoff: String = "16:00"
    public var reportCutoff: String = "18:00"
    /// Accepted temperatures, °C, both included.
    public var temperatureMinimum: String = "34.0"
    public var temperatureMaximum: String = "43.0"
    /// A temperature from here on is flagged.
    public var temperatureAlert: String = "37.3"
    /// A day as key lies at most so many days before the day on which it was recorded.
    public var entryWindowDays: Int = 60
    /// First and last day that are accepted at all, "YYYY-MM-DD"; nil is open.
    public var firstDay: String?
    public var lastDay: String?
    /// Minutes after which an alert that nobody answers goes to the next; absent: 30.
    public var answerMinutes: Int?
    /// The same for what is not urgent; absent: 240.
    public var attendMinutes: Int?
    /// Minutes after which a branch is to ring when its alert has not arrived; absent: 10.
    public var arrivalMinutes: Int?
    /// Hours before a gap in the duty roster at which it is said; absent: 24.
    public var dutyAheadHours: Int?

    /// The designated hospital, as branches are to name it.
    public var hospital: String?

    /// Hours that were changed since, each from a day on: a day that has passed is judged as it was.
    public var laterHours: [LaterHour]?

    public struct LaterHour: Codable, Sendable, Hashable {
        /// `checkInCutoff` or `reportCutoff`.
        public var setting: String
        /// "YYYY-MM-DD".
        public var from: String
        /// "HH:mm".
        public var hour: String

        public init(setting: String, from: String, hour: String) {
            self.setting = setting
            self.from = from
            self.hour = hour
        }
    }

    public init() {}
}

extension Settings {
    /// The text of a number setting by its name, as form definitions refer to it; nil for any other name.
    func number(named name: String) -> String? {
        switch name {
        case "temperatureMinimum": temperatureMinimum
        case "temperatureMaximum": temperatureMaximum
        case "temperatureAlert": temperatureAlert
        default: nil
        }
    }

    /// A span by the name of a setting, or a number; nil for anything else.
    func span(_ text: String) -> Int? {
        switch text {
        case "answerMinutes": answerMinutes ?? 30
        case "attendMinutes": attendMinutes ?? 240
        case "arrivalMinutes": arrivalMinutes ?? 10
        case "dutyAheadHours": dutyAheadHours ?? 24
        default: Int(text).flatMap { (0...1_000_000).contains($0) ? $0 : nil }
        }
    }

    public var minutesToArrive: Int { arrivalMinutes ?? 10 }

    /// An hour of the day by the setting's name, as it is on each day; nil for any other name, and for one
    /// that does not read.
    public func hour(named name: String) -> DatedHour? {
        let text: String
        switch name {
        case "checkInCutoff": text = checkInCutoff
        case "reportCutoff": text = reportCutoff
        default: return nil
        }
        guard let first = CutOff(text) else { return nil }
        var dated = DatedHour(first)
        for later in laterHours ?? [] where later.setting.utf8.elementsEqual(name.utf8) {
            guard let from = CivilDay.parse(later.from), let hour = CutOff(later.hour) else { return nil }
            dated.change(to: hour, from: from)
        }
        return dated
    }

    /// A local time of day, or the name of a setting that holds one.
    func cutOff(_ text: String) -> DatedHour? { hour(named: text) ?? CutOff(text).map { DatedHour($0) } }

    /// A bound of a form, a number or the name of a setting, at `scale`; nil when it is neither.
    func bound(_ text: String, scale: UInt8) -> Int64? {
        CellText.decimal(Array((number(named: text) ?? text).utf8)[...], scale: scale)
    }
}
