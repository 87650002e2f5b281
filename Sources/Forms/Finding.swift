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
