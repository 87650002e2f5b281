import SyncCore

/// The columns of one form group, copied to where SQLite can read them while it is bound to them.
///
/// Unsafe memory is confined to this file: every index is checked against the group's rows when it is made.
final class HubRows {
    /// One field's column, beside the table's column that it goes to.
    struct Column {
        let field: FieldID
        let parameter: Int32
        let isDictionary: Bool
        let isText: Bool
        /// Nil: every row has a value.
        let presence: UnsafeMutablePointer<UInt8>?
        /// Values, or where each row's text lies in `heap`; minus the number of a text that stands as one.
        let numbers: UnsafeMutablePointer<Int64>
        let heap: UnsafeMutablePointer<UInt8>?

        /// Where a text begins, and its bytes, in one number: texts that lie elsewhere have another.
        static func place(of range: Range<Int>) -> Int64 {
            Int64(range.lowerBound) << 32 | Int64(range.count)
        }

        static func start(of place: Int64) -> Int { Int(place >> 32) }
        static func count(of place: Int64) -> Int32 { Int32(truncatingIfNeeded: place) }
    }

    let count: Int
    let columns: [Column]
    /// Bits of the fields that every row assigns.
    let commonMask: Int64
    /// Indices of `columns` whose rows may leave the field alone.
    let partial: [Int]

    /// Nil when a column does not fit the table: then the rows go the slow way.
    init?(_ group: FormGroup, in table: HubTable, _ terms: HubTerms) throws {
        var made: [Column] = []
        var mask: Int64 = 0
        var some: [Int] = []
        var used: Set<FieldID> = []
        // Asked first: where that fails there is nothing yet to give back.
        let entries = try group.fields.map { column -> [Int64?] in
            guard column.isDictionary, let index = table.field(column.field), table.fields[index].isNumbered
            else { return [] }
            return try column.heap.withUnsafeBytes { heap in
                try column.ends.indices.map {
                    try terms.find(UnsafeRawBufferPointer(rebasing: heap[column.range(ofEntry: $0)]))
                }
            }
        }
        for column in group.fields {
            guard let index = table.field(column.field), used.insert(column.field).inserted,
                HubRows.fits(column, table.fields[index])
            else {
                made.forEach(HubRows.free)
                return nil
            }
            let field = table.fields[index]
            if column.presence.contains(Presence.leftAlone.rawValue) {
                some.append(made.count)
            } else {
                mask |= 1 << Int64(field.id)
            }
            made.append(
                HubRows.copy(
                    column, count: group.rows.count, parameter: table.firstField + Int32(index) + 1,
                    entries: entries[made.count]))
        }
        count = group.rows.count
        columns = made
        commonMask = mask
        partial = some
    }

    deinit { columns.forEach(HubRows.free) }

    private static func fits(_ column: SyncCore.Column, _ field: HubTable.Field) -> Bool {
        guard column.retentionClass == field.retentionClass else { return false }
        if column.kind == field.kind && (column.kind != .decimal || column.scale == field.scale) {
            return true
        }
        // Without a single value the kind says nothing.
        return !column.presence.isEmpty && !column.presence.contains(Presence.value.rawValue)
    }

    private static func copy(
        _ column: SyncCore.Column, count: Int, parameter: Int32, entries: [Int64?]
    ) -> Column {
        let numbers = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, count))
        var presence: UnsafeMutablePointer<UInt8>?
        if !column.presence.isEmpty {
            let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, count))
            for row in 0..<count { copy[row] = column.presence[row] }
            presence = copy
        }
        guard column.isDictionary else {
            for row in 0..<count { numbers[row] = column.integers[row] }
            return Column(
                field: column.field, parameter: parameter, isDictionary: false, isText: false,
                presence: presence,
                numbers: numbers, heap: nil)
        }
        let heap = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, column.heap.count))
        column.heap.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress { heap.update(from: base, count: bytes.count) }
        }
        for row in 0..<count {
            let isValue = column.presence.isEmpty || column.presence[row] == Presence.value.rawValue
            let range = isValue ? column.range(ofEntry: Int(column.index[row])) : 0..<0
            let term = isValue && !entries.isEmpty ? entries[Int(column.index[row])] : nil
            numbers[row] = term.map { -$0 } ?? Column.place(of: range)
        }
        return Column(
            field: column.field, parameter: parameter, isDictionary: true, isText: column.kind == .text,
            presence: presence, numbers: numbers, heap: heap)
    }

    private static func free(_ column: Column) {
        column.presence?.deallocate()
        column.numbers.deallocate()
        column.heap?.deallocate()
    }
}
