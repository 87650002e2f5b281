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
        /// Written by an older program, and only to be read: the next program that writes to it brings it up
        /// to date.
        case tooOld = "too_old"
        /// Something read back contradicts itself.
        case corrupt
        /// Something that should not happen while the store was read or written.
        case inputOutput = "input_output"
        /// The disk could not do a read or a write. Nothing of that transaction was kept.
        case deviceFailed = "device_failed"
        /// This user may not open, make or write the file.
        case denied
        /// Something else stands where a file of the store belongs: a folder, a link, a device.
        case notAFile = "not_a_file"
        /// A file or folder of the store may be read or written by others than its owner.
        case exposed
        /// The ballast cannot be made, and not for want of room: only urgent work is taken.
        case noBallast = "no_ballast"
        /// The file system cannot keep what a commit promises.
        case unfit = "unfit_file_system"
        /// A new store does not fit; nothing of it was made.
        case noRoomToBegin = "no_room_to_begin"
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
    /// The file or folder that it is about; empty when that is not known.
    public var file: String
    /// The system's `errno`; 0 when it is not known.
    public var systemError: Int32

    public init(_ code: Code, _ context: String, file: String = "", systemError: Int32 = 0) {
        self.code = code
        self.context = context
        self.file = file
        self.systemError = systemError
    }

    public var description: String {
        "\(code.rawValue): \(context)\(file.isEmpty ? "" : " (\(file))")"
    }

    /// Routine work is refused, urgent work is taken.
    public var isOfRoom: Bool { code == .diskFull || code == .noBallast }

    /// The same error, about this file unless it names one already.
    public func about(_ file: String) -> StoreError {
        var error = self
        if error.file.isEmpty { error.file = file }
        return error
    }
}

/// How much room the disk under a store has.
public enum StorageState: String, Sendable {
    case ample
    /// Nothing more fits, but urgent work still finds room.
    case full
    /// Urgent work has taken the ballast's room; routine work is refused until there is room to make it
    /// anew.
    case ballastInUse = "ballast_in_use"
    /// There is no ballast, and none can be made: something else stands in its place, or it may not be
    /// written.
    case noBallast = "no_ballast"
}
