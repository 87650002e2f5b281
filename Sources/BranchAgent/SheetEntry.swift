import Console
import Forms
import SyncCore

/// What was typed as `field=value ...`: read by the same rules as a row of a sheet.
enum SheetEntry {
    /// - Parameter pairs: names as in the form or its sheets; `recorded_at` may say when the entry was made.
    /// - Returns: the row, or why it was refused.
    /// - Throws: `Failure` when a key is missing or a name unknown; ``SheetError`` when one stands there
    ///   twice.
    static func read(
        _ pairs: [(name: String, value: String)], form: CompiledForm, now: Milliseconds,
        isClockTrusted: Bool = true
    ) throws -> Result<SheetRow, RefusedEntry> {
        let layout: SheetLayout
        do {
            layout = try SheetLayout(
                header: pairs.map { Array($0.name.utf8)[...] }, form: form.definition, map: HeaderMap(),
                file: "")
        } catch let error as SheetError where error.code == .missingColumn {
            let keys = form.definition.keys.map { "\($0.name)=" }.joined(separator: " ")
            throw Failure(
                .usage,
                Words(
                    "\(form.definition.form) needs its key: \(keys)",
                    zh: "\(form.definition.form) 需要填写主键：\(keys)"))
        }
        if let unknown = layout.unknown.first {
            let names = (form.definition.keys.map(\.name) + form.definition.fields.map(\.name))
                .joined(separator: " ")
            throw Failure(
                .usage,
                Words(
                    "\(form.definition.form) has no field \(unknown); it has: \(names)",
                    zh: "\(form.definition.form) 没有字段 \(unknown)；可用字段：\(names)"))
        }
        let record = SheetRecord(
            number: 1, line: 1, cells: pairs.map { Array($0.value.utf8)[...] }, isBlank: false)
        let reader = SheetRowReader(
            form: form, layout: layout, file: 0, now: now, isClockTrusted: isClockTrusted)
        let read = reader.read([record])
        if let row = read.rows.first { return .success(row) }
        return .failure(RefusedEntry(errors: read.errors))
    }
}

/// Why what was typed was refused.
struct RefusedEntry: Error, Sendable, Hashable {
    var errors: [RowError]
}
