/// What a program's exit code means; one meaning each, the same in all programs.
public enum ExitStatus: Int32, Sendable {
    case done = 0
    /// Done, but some rows, files or columns were left out.
    case someRefused = 1
    case unreachable = 2
    case refusedByHub = 3
    case storeInUse = 4
    case diskFull = 5
    /// Done: two ends were compared, and they differ.
    case different = 6
    /// What was looked at is not what was written or submitted.
    case altered = 7
    /// A seal that the device has not signed.
    case forgedSeal = 8
    /// A receipt that the hub has not signed.
    case forgedReceipt = 9
    /// Evidence about another hub than the one that was named.
    case otherHub = 10
    case usage = 64
    /// No store, or a file that cannot be read.
    case noInput = 66
    /// Something that should not happen; the message says what was being done.
    case software = 70
    /// The disk failed while something was written: what of it is durable is not known.
    case diskFailed = 74
    /// Whoever asks may not do this, or has not shown who they are.
    case notAllowed = 77
    /// Stopped with ctrl-C.
    case interrupted = 130
}

/// An end of a program that a person is told about in words.
public struct Failure: Error, Sendable {
    public var status: ExitStatus
    public var message: Words

    public init(_ status: ExitStatus, _ message: Words) {
        self.status = status
        self.message = message
    }
}
