import SyncCore

/// What a group says before and between its values: form, revision, and what each column is;
/// `Protocol/SPEC.md`, "What a stream remembers".
struct GroupShape {
    struct Key: Equatable {
        var kind: ValueKind
        var scale: UInt8
    }

    struct Field: Equatable {
        var field: FieldID
        var kind: ValueKind
        var scale: UInt8
        var retentionClass: RetentionClass
        /// Of all rows; nil where they differ, or where each batch says it.
        var presence: Presence?
    }

    var form: String
    var revision: UInt32
    var keys: [Key]
    var fields: [Field]

    init(_ group: FormGroup) {
        form = group.form
        revision = group.revision
        keys = group.keys.map { Key(kind: $0.kind, scale: $0.scale) }
        fields = group.fields.map {
            Field(
                field: $0.field, kind: $0.kind, scale: $0.scale, retentionClass: $0.retentionClass,
                presence: GroupShape.presence($0))
        }
    }

    private static func presence(_ column: Column) -> Presence? {
        guard let first = column.presence.first else { return .value }
        return column.presence.allSatisfy { $0 == first } ? Presence(rawValue: first) : nil
    }

    /// What it takes of a stream's memory.
    var cost: Int { form.utf8.count + Limits.memoryEntryOverhead * (1 + keys.count + fields.count) }

    /// How many columns of `group`, which are said once for all rows, this one has each batch say; nil where
    /// it cannot stand for the group.
    func spare(for group: GroupShape) -> Int? {
        guard revision == group.revision, keys == group.keys, fields.count == group.fields.count,
            form.utf8.elementsEqual(group.form.utf8)
        else { return nil }
        var spare = 0
        for (own, other) in zip(fields, group.fields) {
            var same = other
            same.presence = own.presence
            guard own == same, own.presence == nil || own.presence == other.presence else { return nil }
            if own.presence != other.presence { spare += 1 }
        }
        return spare
    }
}
