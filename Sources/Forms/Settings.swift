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

    /// A bound of a form, a number or the name of a setting, at `scale`; nil when it is neither.
    func bound(_ text: String, scale: UInt8) -> Int64? {
        CellText.decimal(Array((number(named: text) ?? text).utf8)[...], scale: scale)
    }
}
