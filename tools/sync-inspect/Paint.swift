import Foundation
import Glibc

/// Colours, where a person is watching.
enum Paint {
    /// Results go to a terminal, and nobody has asked for plain text (`NO_COLOR`, a terminal that is dumb).
    private static let isOn: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return isatty(1) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    static func green(_ text: String) -> String { painted(text, 32) }
    static func yellow(_ text: String) -> String { painted(text, 33) }
    static func red(_ text: String) -> String { painted(text, 31) }

    private static func painted(_ text: String, _ colour: Int) -> String {
        isOn ? "\u{1b}[\(colour)m\(text)\u{1b}[0m" : text
    }
}
