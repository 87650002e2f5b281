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

    /// A local time of day, or the name of a setting that holds one.
    func cutOff(_ text: String) -> CutOff? {
        switch text {
        case "checkInCutoff": CutOff(checkInCutoff)
        case "reportCutoff": CutOff(reportCutoff)
        default: CutOff(text)
        }
    }

    /// A bound of a form, a number or the name of a setting, at `scale`; nil when it is neither.
    func bound(_ text: String, scale: UInt8) -> Int64? {
        CellText.decimal(Array((number(named: text) ?? text).utf8)[...], scale: scale)
    }
}
