public import SyncCore

/// One session as a store remembers it, or several tries in a row that came to nothing in the same way. For
/// people who look for what went wrong: nothing depends on it.
public struct SessionEntry: Sendable, Hashable {
    /// How far a lane's journal was given to the link.
    public struct Sent: Sendable, Hashable {
        public var origin: OriginID
        public var through: UInt64

        public init(origin: OriginID, through: UInt64) {
            self.origin = origin
            self.through = through
        }
    }

    /// So many are kept by a branch, and by a hub of each device.
    public static let keptAtBranch = 200
    public static let keptOfDevice = 50

    /// How a session ended of which the program did not say how: it was killed, or the power failed.
    public static let lost = "lost"
    /// Both sides had nothing more to say.
    public static let done = "done"

    /// 0 at a branch.
    public var device: Int64
    /// By this machine's clock; names the entry together with the device.
    public var began: Milliseconds
    /// Of the last try; nil while it runs, and where it was lost.
    public var ended: Milliseconds?
    /// ``done``, ``lost``, a refusal's number, or a word; nil while it runs.
    public var ending: String?
    /// The hub said Welcome.
    public var isWelcomed: Bool
    public var tries: UInt32
    /// Up is from the branch to the hub, before TLS.
    public var bytesUp: UInt64
    public var bytesDown: UInt64
    public var versionsUp: UInt64
    public var versionsDown: UInt64
    /// At a branch, by lane.
    public var sent: [Lane: Sent]
    /// The program at the other end, as a hub hears it.
    public var program: String

    public init(device: Int64 = 0, began: Milliseconds) {
        self.device = device
        self.began = began
        isWelcomed = false
        tries = 1
        bytesUp = 0
        bytesDown = 0
        versionsUp = 0
        versionsDown = 0
        sent = [:]
        program = ""
    }

    /// Milliseconds; nil where the end is not known or the clock was set back meanwhile.
    public var length: Milliseconds? {
        guard let ended, ended >= began else { return nil }
        let length = ended.subtractingReportingOverflow(began)
        return length.overflow ? nil : length.partialValue
    }

    /// This try came to nothing in the same way as that one, right behind it.
    public func repeats(_ last: SessionEntry) -> Bool {
        device == last.device && ending != nil && ending == last.ending && last.ended != nil
            && !isWelcomed && !last.isWelcomed
    }
}

/// A store that remembers its last sessions. Entries are written beside the work, and whoever cannot write
/// one goes on.
public protocol SessionKeeper: AnyObject {
    /// Adds entries, or takes the place of those with the same device and beginning; a try that repeats the
    /// one before it is added to that. The oldest make way.
    func keep(_ sessions: [SessionEntry]) throws
    /// Entries that another run of the program left open are lost.
    func loseOpenSessions() throws
    /// Newest first.
    ///
    /// - Parameter device: nil: all.
    func sessions(of device: Int64?, limit: Int) throws -> [SessionEntry]
}
