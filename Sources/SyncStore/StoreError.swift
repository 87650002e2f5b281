/// Why a store could not do its work. Programs turn the code into words and an exit code.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Nothing was acknowledged; free some space and try again.
        case diskFull = "disk_full"
        /// Another process holds the store.
        case inUse = "in_use"
        /// The folder holds no store, or one of the other kind.
        case notAStore = "not_a_store"
        /// Written by a newer program.
        case tooNew = "too_new"
        /// Something read back contradicts itself.
        case corrupt
        /// The system refused a read or a write.
        case inputOutput = "input_output"
        /// The disk did not confirm what was written, so that nobody knows what is durable. The store refuses
        /// everything from then on; the program ends, and the next one reads what is there.
        case syncFailed = "sync_failed"
        case alreadyExists = "already_exists"
        case unknownUnit = "unknown_unit"
        /// A version breaks a bound of the protocol; nothing of its transaction was written.
        case tooLarge = "too_large"
        /// No device has joined a hub with this store yet.
        case notJoined = "not_joined"
    }

    public var code: Code
    /// What was being done, without anybody's data.
    public var context: String

    public init(_ code: Code, _ context: String) {
        self.code = code
        self.context = context
    }

    public var description: String { "\(code.rawValue): \(context)" }
}

/// How much room the disk under a store has.
public enum StorageState: String, Sendable {
    case ample
    /// Nothing more fits, but urgent work still finds room.
    case full
    /// Urgent work has taken the ballast's room; routine work is refused until there is room to make it
    /// anew.
    case ballastInUse = "ballast_in_use"
}
