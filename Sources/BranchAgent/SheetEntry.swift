import Console
import Forms
import SyncCore

/// What was typed as `field=value ...`: read by the same rules as a row of a sheet.
enum SheetEntry {
    /// - Parameter pairs: names as in the form or its sheets; `recorded_at` may say when the entry was made.
    /// - Returns: the row, or why it was refused.
    /// - Throws: ``SheetError`` when a key is missing, or a name is unknown or stands there twice.
    static func read(
        _ pairs: [(name: String, value: String)], form: CompiledForm, now: Milliseconds
    ) throws -> Result<SheetRow, RefusedEntry> {
        let layout = try SheetLayout(
            header: pairs.map { Array($0.name.utf8)[...] }, form: form.definition, map: HeaderMap(), file: "")
        if let unknown = layout.unknown.first { throw SheetError(.missingColumn, subject: unknown) }
        let record = SheetRecord(
            number: 1, line: 1, cells: pairs.map { Array($0.value.utf8)[...] }, isBlank: false)
        let reader = SheetRowReader(form: form, layout: layout, file: 0, now: now)
        let read = reader.read([record])
        if let row = read.rows.first { return .success(row) }
        return .failure(RefusedEntry(errors: read.errors))
    }
}

/// Why what was typed was refused.
struct RefusedEntry: Error, Sendable, Hashable {
    var errors: [RowError]
}
