import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

/// Writes records of forms that the centre fills in, as typed or from a sheet.
struct CentreEntries {
    let store: SQLiteHubStore
    let form: CompiledForm
    let catalog: CompiledCatalog

    /// - Throws: ``Failure`` when there is no such form, or it has its own import.
    init(_ store: SQLiteHubStore, form name: String) throws {
        self.store = store
        catalog = try store.compiledForms()
        guard let form = catalog[name] else { throw SheetError(.unknownForm, subject: name) }
        guard form.definition.isWritable(by: .centre), !CentreEntries.isRegister(name) else {
            throw Failure(
                .usage,
                Words(
                    "\(name) is not written so at the centre: what belongs to the register comes with "
                        + "`aggregator import`",
                    zh: "\(name) 不能这样填写：登记册内容请用 aggregator import 导入"))
        }
        self.form = form
    }

    /// What the form is called in Chinese.
    var chineseName: String { Output.printable(form.definition.labels.zh) }

    private static func isRegister(_ name: String) -> Bool {
        [
            BuiltIn.unit, BuiltIn.placement, BuiltIn.person, BuiltIn.membership, BuiltIn.excuse,
            BuiltIn.alert, BuiltIn.concern,
        ].contains(name)
    }

    /// Whether sheets of this kind are read by the form alone.
    static func takes(_ name: String, _ store: SQLiteHubStore) -> Bool {
        (try? CentreEntries(store, form: name)) != nil
    }

    /// - Returns: false when the record says all of it already.
    func add(_ pairs: [(name: String, value: String)], by author: String, now: Milliseconds) throws -> Bool {
        let read = try SheetEntry.read(
            pairs, form: form, now: now, isKnown: { try store.effective($0)?.exists ?? false })
        switch read {
        case .failure(let refused):
            for error in refused.errors {
                let words = SheetMessages.words(for: error, form: form, settings: catalog.settings)
                let column = Output.printable(error.column.isEmpty ? form.definition.form : error.column)
                Output.remark(
                    Words(
                        "refused, nothing was saved: \(column): \(words.en)",
                        zh: "拒绝，未保存任何内容：\(column)：\(words.zh)"))
            }
            Program.end(.someRefused)
        case .success(let row):
            let check = EntryCheck(store, form)
            if let words = try check.refusal(of: row) {
                Output.remark(
                    Words(
                        "refused, nothing was saved: \(words.en)", zh: "拒绝，未保存任何内容：\(words.zh)"))
                Program.end(.someRefused)
            }
            try check.notes(on: [row]).forEach { Output.remark($0) }
            return try write([row], by: author, now: now) == 1
        }
    }

    func read(_ bytes: [UInt8], file: String, now: Milliseconds) throws -> (rows: [SheetRow], RegisterResult)
    {
        let sheet: Sheet
        do {
            sheet = try Sheet(bytes)
        } catch var error as SheetError {
            error.file = file
            throw error
        }
        let layout = try SheetLayout(
            header: sheet.header, form: form.definition, map: HeaderMap(), file: file)
        let filled = sheet.records.filter { !$0.isBlank }
        let read = SheetRowReader(form: form, layout: layout, file: 0, now: now).read(filled[...])
        var result = RegisterResult()
        result.records = sheet.records.count
        result.blank = sheet.records.count - filled.count
        result.rejected = read.errors.count
        result.errors = read.errors.map { error in
            RegisterResult.Rejection(
                record: error.record, line: error.line, column: error.column, reason: error.reason,
                message: SheetMessages.words(for: error, form: form, settings: catalog.settings).text())
        }
        let check = EntryCheck(store, form)
        var rows: [SheetRow] = []
        var lines: [RecordKey: SheetRow] = [:]
        func refuse(_ row: SheetRow, _ column: String, _ reason: String, _ words: Words) {
            result.rejected += 1
            result.errors.append(
                RegisterResult.Rejection(
                    record: row.record, line: row.line, column: column, reason: reason, message: words.text())
            )
        }
        for row in read.rows {
            if let words = try check.refusal(of: row) {
                refuse(row, form.definition.post?.to ?? "", "out_of_range", words)
            } else if let first = lines[row.key], first.stated == row.stated,
                first.assignments != row.assignments
            {
                refuse(row, form.definition.keys.last?.name ?? "", "listed_twice", twice(row, first))
            } else {
                lines[row.key] = lines[row.key] ?? row
                rows.append(row)
            }
        }
        try check.notes(on: rows).forEach { Output.remark($0) }
        result.unknownColumns = layout.unknown.map {
            RegisterResult.UnknownColumn(
                heading: $0, suggestion: SheetLayout.suggestion(for: $0, in: form.definition))
        }
        return (rows, result)
    }

    /// Nothing tells which of two rows is meant.
    private func twice(_ row: SheetRow, _ first: SheetRow) -> Words {
        let name = Output.printable(RecordText.text(row.key))
        return Words(
            "\(name) stands on line \(first.line) already, and there says something else; keep one of "
                + "the two",
            zh: "\(name) 在第 \(first.line) 行已出现，且内容不同；请只保留一行")
    }

    /// - Returns: how many of them said something new.
    func write(_ rows: [SheetRow], by author: String, now: Milliseconds) throws -> Int {
        var rules = HubRules()
        _ = try? rules.lookAll(at: store, now: now)
        return try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            var count = 0
            for row in rows where try write(row, by: author, in: transaction) {
                count += 1
                try transaction.raise(by: row.key, catalog, now: now)
            }
            if count > 0 {
                try transaction.act("entered", detail: "\(count) of \(form.definition.form)")
            }
            return count
        }
    }

    private func write(
        _ row: SheetRow, by author: String, in transaction: any HubTransaction
    ) throws -> Bool {
        let state = try transaction.record(row.key) ?? RecordState()
        let known = state.effective(under: form.mergeRules)
        var wanted = row.assignments
        if !known.exists {
            let missing = form.definition.fields.filter { field in
                !wanted.contains { $0.field == field.id }
            }
            wanted += missing.map {
                Assignment(field: $0.id, retentionClass: $0.retentionClass, value: .notStated)
            }
            wanted.sort { $0.field < $1.field }
        } else {
            wanted = wanted.filter { known[$0.field] != $0.value }
        }
        guard !wanted.isEmpty else { return false }
        for edit in state.edits(wanted, under: form.mergeRules) {
            try transaction.author(
                Draft(
                    lane: .routine, key: row.key, formRevision: form.definition.revision,
                    context: edit.context, stated: row.stated, firstCreated: row.firstCreated,
                    author: Array(author.utf8), assignments: edit.assignments))
        }
        return true
    }
}
