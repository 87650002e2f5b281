public import Forms
import Foundation

extension LocalZone {
    /// A zone of the system's own table, by its IANA name; nil when there is no such zone.
    public static func named(_ name: String) -> LocalZone? {
        guard let zone = TimeZone(identifier: name) else { return nil }
        return LocalZone { zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval($0))) }
    }
}
