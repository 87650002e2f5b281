/// Why a key file could not be used.
public struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case missing
        case alreadyExists
        /// Others may read the file, whose rights are these.
        case tooOpen(mode: UInt32)
        /// It holds no key.
        case unreadable
        /// The system's `errno`.
        case system(Int32)
    }

    public var reason: Reason
    public var path: String

    public init(_ reason: Reason, _ path: String) {
        self.reason = reason
        self.path = path
    }

    public var description: String { "\(path): \(reason)" }
}
