package import Forms
package import SyncCore

/// One row of a sheet, read: what it says about one record.
package struct SheetRow: Sendable, Hashable {
    /// Place of the file within the invocation.
    package var file: Int
    package var record: Int
    package var line: Int
    package var key: RecordKey
    /// One for each of the sheet's columns, ascending by field; a blank cell says *not stated*.
    package var assignments: [Assignment]
    /// Nil when the sheet says no time.
    package var stated: Milliseconds?
    package var firstCreated: Milliseconds?
}

/// Why a row was refused.
package struct RowError: Sendable, Hashable {
    package var file: Int
    package var record: Int
    package var line: Int
    /// The heading as it stands in the sheet; empty when the row as a whole is concerned.
    package var column: String
    /// The form's name of the field in that column; empty when it is none.
    package var field = ""
    package var reason: String
    /// What stands in the cell.
    package var cell: String
}

/// Reads the rows of one sheet by its form. The first reason that holds refuses a row, in this order: cells,
/// keys, day, period, time, before its day, then field by field.
package struct SheetRowReader {
    package let form: CompiledForm
    package let layout: SheetLayout
    package let file: Int
    /// The clock, for rows that say no time.
    package let now: Milliseconds
    /// False: what the clock says is not held against a day.
    package var isClockTrusted = true
    /// Records that are there already: what a record must say they need not be told again.
    package var known: Set<RecordKey> = []

    package init(
        form: CompiledForm, layout: SheetLayout, file: Int, now: Milliseconds, isClockTrusted: Bool = true
    ) {
        self.form = form
        self.layout = layout
        self.file = file
        self.now = now
        self.isClockTrusted = isClockTrusted
    }

    /// The record that a row is about, as far as its keys read.
    package func key(of record: SheetRecord) -> RecordKey { draft(of: record).row.key }

    /// A row with all that is wrong in its cells.
    struct Draft {
        var row: SheetRow
        var faults: [Fault] = []
    }

    struct Fault: Hashable {
        var rank: Int
        var reason: String
        var column: Int?
        /// The field concerned, where it has no column.
        var field = ""
    }

    private enum Rank {
        static let shape = 0
        static let key = 1
        static let day = 2
        static let period = 3
        static let time = 4
        static let beforeDay = 5
        static let fields = 10
        static let record = 1_000_000
    }

    /// Reads many records, checks them with the form's own checks, and sorts them into rows and errors.
    package func read(_ records: ArraySlice<SheetRecord>) -> (rows: [SheetRow], errors: [RowError]) {
        var drafts = records.map { (record: $0, draft: draft(of: $0)) }
        let columns = VersionColumns(drafts.map { version(of: $0.draft) })
        for group in columns.groups {
            for finding in form.findings(in: group, of: columns) where finding.isRefusal {
                drafts[finding.row].draft.faults.append(fault(of: finding))
            }
        }
        var rows: [SheetRow] = []
        var errors: [RowError] = []
        for (record, draft) in drafts {
            if let fault = draft.faults.min(by: { $0.rank < $1.rank }) {
                errors.append(error(fault, of: record))
            } else {
                rows.append(draft.row)
            }
        }
        return (rows, errors)
    }

    private func error(_ fault: Fault, of record: SheetRecord) -> RowError {
        let column = fault.column.flatMap { $0 < layout.headings.count ? $0 : nil }
        let cell = column.flatMap { $0 < record.cells.count ? record.cells[$0] : nil } ?? []
        return RowError(
            file: file, record: record.number, line: record.line,
            column: column.map { layout.headings[$0] } ?? "",
            field: column.map(fieldName) ?? fault.field,
            reason: fault.reason, cell: String(decoding: cell.prefix(80), as: UTF8.self))
    }

    private func fieldName(_ column: Int) -> String {
        guard case .field(let index) = layout.targets[column] else { return "" }
        return form.definition.fields[index].name
    }

    // MARK: - Cells

    private func draft(of record: SheetRecord) -> Draft {
        var draft = Draft(
            row: SheetRow(
                file: file, record: record.number, line: record.line,
                key: RecordKey(form: form.definition.form, values: []), assignments: []))
        guard record.cells.count == layout.targets.count else {
            draft.faults = [Fault(rank: Rank.shape, reason: Reason.malformedRow, column: nil)]
            return draft
        }
        for index in form.definition.keys.indices { readKey(index, of: record, into: &draft) }
        for (index, field) in form.definition.fields.enumerated() {
            guard let column = layout.column(of: .field(index)) else { continue }
            readField(field, in: record.cells[column], column: column, into: &draft)
        }
        readTimes(of: record, into: &draft)
        return draft
    }

    private func readKey(_ index: Int, of record: SheetRecord, into draft: inout Draft) {
        let key = form.definition.keys[index]
        guard let column = layout.column(of: .key(index)) else { return }
        let cell = CellText.trimmed(record.cells[column])
        switch CellValue.read(cell, as: key.type, scale: 0, zone: form.zone) {
        case .failure where key.type == .time || key.type == .integer:
            let reason = key.type == .time ? Reason.badTime : Reason.notANumber(key.name)
            draft.faults.append(Fault(rank: Rank.key, reason: reason, column: column))
            draft.row.key.values.append(.notStated)
        case .success(.notStated) where key.type != .date, .failure where key.type != .date:
            let reason =
                switch key.type {
                case .person: Reason.unknownPerson
                case .unit: Reason.unknownUnit
                default: Reason.missingKey
                }
            draft.faults.append(Fault(rank: Rank.key, reason: reason, column: column))
            draft.row.key.values.append(.notStated)
        case .success(.notStated), .failure:
            draft.faults.append(Fault(rank: Rank.day, reason: Reason.badDate, column: column))
            draft.row.key.values.append(.notStated)
        case .success(let value):
            draft.row.key.values.append(value)
        }
    }

    private func readField(
        _ field: FieldDefinition, in cell: ArraySlice<UInt8>, column: Int, into draft: inout Draft
    ) {
        switch CellValue.read(cell, as: field.type, scale: field.scale ?? 0, zone: form.zone) {
        case .success(let value):
            draft.row.assignments.append(
                Assignment(
                    field: field.id, retentionClass: field.retentionClass, value: field.chosen(value)))
        case .failure(let unreadable):
            draft.faults.append(
                Fault(
                    rank: Rank.fields + Int(field.id), reason: unreadable.reason(of: field), column: column))
        }
    }

    private func readTimes(of record: SheetRecord, into draft: inout Draft) {
        func time(_ target: SheetLayout.Target, mayBeBlank: Bool) -> Milliseconds? {
            guard let column = layout.column(of: target) else { return nil }
            let cell = CellText.trimmed(record.cells[column])
            if cell.isEmpty && mayBeBlank { return nil }
            guard let time = CellText.time(cell, in: form.zone) else {
                draft.faults.append(Fault(rank: Rank.time, reason: Reason.badTime, column: column))
                return nil
            }
            return time
        }
        let recorded = time(.recorded, mayBeBlank: false)
        draft.row.firstCreated = recorded
        draft.row.stated = time(.corrected, mayBeBlank: true) ?? recorded
    }

    // MARK: - The form's checks

    /// The row as a version, so that branch and centre check alike. Where day or time could not be read,
    /// something harmless stands in: the row is refused for that already.
    private func version(of draft: Draft) -> Version {
        var key = draft.row.key
        var first = draft.row.firstCreated ?? draft.row.stated ?? now
        var stated = draft.row.stated ?? now
        let isBroken = draft.faults.contains { $0.rank <= Rank.time }
        if isBroken {
            let day = form.definition.day.flatMap { form.definition.keyIndex($0.key) }
                .flatMap { $0 < key.values.count ? key.values[$0].integer : nil }
            if draft.row.stated == nil || day == nil {
                stated = day.map { form.zone.midnight(of: Int32(clamping: $0)) } ?? now
                first = stated
            }
        }
        for (index, definition) in form.definition.keys.enumerated() {
            let stub: Value = definition.type.kind == .integer ? .integer(0) : .text("-")
            if index >= key.values.count { key.values.append(stub) }
            if key.values[index] == .notStated { key.values[index] = stub }
        }
        var context = Context.empty
        if known.contains(key) { context.includeSingle(Dot(origin: 2, sequence: 1)) }
        return Version(
            dot: Dot(origin: 1, sequence: 1), key: key, formRevision: form.definition.revision,
            context: context, clockTrusted: isClockTrusted, authored: now, stated: stated,
            firstCreated: first,
            assignments: RecordState().completingGroups(
                of: draft.row.assignments, under: form.mergeRules))
    }

    private func fault(of finding: Finding) -> Fault {
        if let index = form.definition.fields.firstIndex(where: { $0.id == finding.field }) {
            return Fault(
                rank: Rank.fields + Int(finding.field), reason: finding.reason,
                column: layout.column(of: .field(index)), field: form.definition.fields[index].name)
        }
        let day = form.definition.day.flatMap { form.definition.keyIndex($0.key) }
        switch finding.reason {
        case Reason.dateOutOfPeriod, Reason.badDate:
            return Fault(
                rank: Rank.period, reason: finding.reason, column: day.flatMap { layout.column(of: .key($0)) }
            )
        case Reason.badTime:
            return Fault(rank: Rank.time, reason: finding.reason, column: layout.column(of: .recorded))
        case form.definition.day?.beforeReason:
            return Fault(rank: Rank.beforeDay, reason: finding.reason, column: layout.column(of: .recorded))
        default:
            return Fault(rank: Rank.record, reason: finding.reason, column: nil)
        }
    }
}
