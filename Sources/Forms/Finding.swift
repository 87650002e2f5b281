public import SyncCore

/// What validation says of one version: refused when typed, quarantined at the centre, or a note.
public struct Finding: Sendable, Hashable {
    /// The row in the batch, or 0 for a single version.
    public var row: Int
    /// False: a note, such as a reference to somebody unknown.
    public var isRefusal: Bool
    /// A reason code of `Protocol/GLOSSARY.md`, such as `temperature_out_of_range`.
    public var reason: String
    /// The field concerned; 0 for the key or the record as a whole.
    public var field: FieldID

    public init(row: Int, isRefusal: Bool, reason: String, field: FieldID) {
        self.row = row
        self.isRefusal = isRefusal
        self.reason = reason
        self.field = field
    }
}

/// Reason codes that the programs themselves know; a form may bring its own.
public enum Reason {
    public static let malformedRow = "malformed_row"
    public static let unknownPerson = "unknown_person"
    public static let unknownUnit = "unknown_unit"
    public static let notOnRegister = "not_on_register"
    public static let tooManySiblings = "too_many_siblings"
    public static let tooManyNames = "too_many_names"
    /// The same version had come under another name.
    public static let heldAlready = "held_already"
    /// The centre took it down over the telephone; no receipt has come yet.
    public static let takenByPhone = "taken_by_phone"
    /// The hub's program died over it; it is kept without having been looked into.
    public static let trap = "trap"
    /// It was surrendered by a device that had been revoked; it is kept without having been looked into.
    public static let revokedDevice = "revoked_device"
    /// As that, but the hub had held it before it was put back: it counts once the centre has released it.
    public static let deliveredBefore = "delivered_before"
    /// With which all is held back that a revoked device hands over.
    public static let ofRevokedDevices: Set<String> = [revokedDevice, deliveredBefore]
    /// The record may be kept no longer: what came was receipted and left out.
    public static let retentionOver = "retention_over"
    public static let notWritable = "form_not_writable"
    public static let unknownForm = "unknown_form"
    public static let unknownField = "unknown_field"
    public static let wrongKind = "wrong_kind"
    public static let wrongClass = "wrong_retention_class"
    public static let missingKey = "missing_key"
    public static let missingValue = "missing_value"
    /// Some fields of a merge group are assigned and others are not.
    public static let partialGroup = "partial_group"
    public static let badDate = "bad_date"
    public static let badTime = "bad_time"
    public static let badText = "bad_text"
    public static let badValue = "bad_value"
    public static let tooLarge = "too_large"
    public static let dateOutOfPeriod = "date_out_of_period"
    public static let recordedBeforeDay = "recorded_before_day"
    public static let submittedBeforeDay = "submitted_before_day"
    public static let statedAfterAuthored = "stated_after_authored"
    public static let clockUntrusted = "clock_untrusted"

    public static func notANumber(_ field: String) -> String { field + "_not_a_number" }
    public static func outOfRange(_ field: String) -> String {
        let end = "_out_of_range"
        return cut(field, to: Limits.reasonBytes - end.utf8.count) + end
    }

    /// As much of a text as a verdict holds, cut between characters.
    static func cut(_ text: String, to most: Int = Limits.reasonBytes) -> String {
        var rest = text.unicodeScalars
        while rest.reduce(0, { $0 + UTF8.width($1) }) > most { rest.removeLast() }
        return String(rest)
    }
}
