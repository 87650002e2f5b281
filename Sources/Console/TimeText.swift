import Forms
import Foundation
public import SyncCore

/// Times as people read them: the committee's local time.
public struct TimeText: Sendable {
    private let zone: LocalZone
    /// How the zone is called, such as `Asia/Shanghai`; said once wherever times are shown.
    public let name: String

    /// - Parameter identifier: an IANA name; UTC when this machine does not know it.
    public init(zone identifier: String) {
        if let zone = LocalZone(identifier: identifier) {
            self.zone = zone
            name = identifier
        } else {
            zone = .fixed(hours: 0)
            name = "UTC"
        }
    }

    /// "YYYY-MM-DD HH:MM".
    public func text(_ time: Milliseconds) -> String { String(zone.text(time).dropLast(3)) }

    /// Days since 1970-01-01 and seconds of the day, rounded down.
    static func parts(_ time: Milliseconds) -> (day: Int64, second: Int) {
        let (seconds, rest) = time.quotientAndRemainder(dividingBy: 1_000)
        let whole = rest < 0 ? seconds - 1 : seconds
        let (day, second) = whole.quotientAndRemainder(dividingBy: 86_400)
        return second < 0 ? (day - 1, Int(second) + 86_400) : (day, Int(second))
    }

    /// "HH:MM:SS".
    static func clock(_ second: Int) -> String {
        [second / 3_600, second / 60 % 60, second % 60].map { ($0 < 10 ? "0" : "") + String($0) }
            .joined(separator: ":")
    }

    /// How long something takes or lies apart, roughly: "3 h 20 min"; the sign does not count.
    public static func span(_ milliseconds: Milliseconds) -> Words {
        let seconds = milliseconds.magnitude / 1_000
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400)
        if days >= 730 { return Words("\(days / 365) years", zh: "\(days / 365) 年") }
        if days > 0 { return Words("\(days) d \(hours % 24) h", zh: "\(days) 天 \(hours % 24) 小时") }
        if hours > 0 { return Words("\(hours) h \(minutes % 60) min", zh: "\(hours) 小时 \(minutes % 60) 分") }
        if minutes > 0 { return Words("\(minutes) min", zh: "\(minutes) 分") }
        return Words("\(seconds) s", zh: "\(seconds) 秒")
    }
}
