import Console
import Forms
import SyncCore
import SyncStore

/// What an import did, as `import --json` prints it.
struct ImportResult: Encodable, Sendable, Hashable {
    struct Issue: Encodable, Sendable, Hashable {
        var file: String
        /// Data records count from 1; 0 stands for the file as a whole.
        var record: Int
        /// The physical line on which the record begins; the header is line 1.
        var line: Int
        var column: String
        var reason: String
        var message: String
    }

    /// accepted + unchanged + rejected + blank.
    var records = 0
    var accepted = 0
    var unchanged = 0
    var rejected = 0
    var blank = 0
    /// Rows that were refused, and files of which nothing could be read (record 0).
    var errors: [Issue] = []
    /// Columns whose content was left out.
    var unknownColumns: [UnknownColumn] = []
    /// Files of which nothing could be read.
    var filesRefused = 0
    /// Rows that were taken and say otherwise than is counted here.
    var differing: [CountedOtherwise] = []
    /// People of rows that were taken whom the register here does not know.
    var unknownPeople: [String] = []
    /// Rows that say something else of a record than an earlier one of their sheet, where neither says when.
    var twice: [Twice] = []
    /// Alerts that the rows called for.
    var alerts = 0
    /// Rows that were taken and said something new.
    var taken: [SheetRow] = []

    private enum CodingKeys: String, CodingKey {
        case records, accepted, unchanged, rejected, blank, errors, unknownColumns, filesRefused, differing
        case unknownPeople, twice, alerts
    }

    /// Two rows of one sheet about one record; the later one stands.
    struct Twice: Encodable, Sendable, Hashable {
        var file: String
        var key: String
        var line: Int
        var earlierLine: Int
    }

    struct UnknownColumn: Encodable, Sendable, Hashable {
        var file: String
        var heading: String
        /// A heading that the form knows and that looks much like it.
        var suggestion: String?
        /// It is a field that the form's revision hides.
        var isHidden = false
    }
}

/// A file as it was given on the command line.
struct SheetFile: Sendable {
    var path: String
    /// Nil when the file cannot be read.
    var bytes: [UInt8]?

    /// The file's own name: with the form, the source that an import remembers.
    var name: String {
        path.utf8.split(separator: 0x2f).last.map { String(decoding: Array($0), as: UTF8.self) } ?? path
    }
}

/// All rows of one invocation, read and checked, in stated order. Nothing has been written yet.
struct ImportPlan: Sendable {
    var rows: [SheetRow] = []
    /// File by file, record by record.
    var errors: [RowError] = []
    var records = 0
    var blank = 0
    var files: [String] = []
    var sources: [String] = []
    var unknownColumns: [ImportResult.UnknownColumn] = []
    /// Why files as a whole were left out.
    var refused: [SheetError] = []

    /// Rows that are checked at a time.
    private static let chunk = 4096

    /// - Parameter now: the clock, for rows that say no time.
    /// - Throws: ``SheetError`` when the only file cannot be read; of several the others are taken.
    init(
        form: CompiledForm, files: [SheetFile], map: HeaderMap, now: Milliseconds,
        isClockTrusted: Bool = true, progress: (Int) -> Void = { _ in }
    ) throws {
        for (index, file) in files.enumerated() {
            self.files.append(file.path)
            sources.append(form.definition.form + "\n" + file.name)
            do {
                try read(file, index, form: form, map: map, now: now, isClockTrusted: isClockTrusted)
            } catch let error as SheetError where files.count > 1 {
                refused.append(error)
            }
            progress(index + 1)
        }
        rows.sort {
            ($0.stated ?? .max, $0.file, $0.record) < ($1.stated ?? .max, $1.file, $1.record)
        }
    }

    private mutating func read(
        _ file: SheetFile, _ index: Int, form: CompiledForm, map: HeaderMap, now: Milliseconds,
        isClockTrusted: Bool
    ) throws {
        let sheet: Sheet
        guard let bytes = file.bytes else { throw SheetError(.unreadable, file: file.path) }
        do {
            sheet = try Sheet(bytes)
        } catch var error as SheetError {
            error.file = file.path
            throw error
        }
        let layout = try SheetLayout(
            header: sheet.header, form: form.definition, map: map, file: file.path)
        unknownColumns += layout.unknown.map {
            ImportResult.UnknownColumn(
                file: file.path, heading: $0,
                suggestion: SheetLayout.suggestion(for: $0, in: form.definition),
                isHidden: SheetLayout.isHidden($0, in: form.definition))
        }
        records += sheet.records.count
        let filled = sheet.records.filter { !$0.isBlank }
        blank += sheet.records.count - filled.count
        let reader = SheetRowReader(
            form: form, layout: layout, file: index, now: now, isClockTrusted: isClockTrusted)
        for start in stride(from: 0, to: filled.count, by: ImportPlan.chunk) {
            let part = reader.read(filled[start..<min(start + ImportPlan.chunk, filled.count)])
            rows += part.rows
            errors += part.errors
        }
    }
}

/// Imports sheets: decides what each row changes and writes it, all files of an invocation in one
/// transaction.
struct Importer {
    let form: CompiledForm
    let author: RecordAuthor
    let hashing: Hashing
    /// Who imports.
    var name: [UInt8] = []
    var language = Language.current

    /// - Throws: ``SheetError`` when the catalog does not know the form.
    init(form name: String, catalog: CompiledCatalog, hashing: Hashing) throws {
        guard let form = catalog[name] else { throw SheetError(.unknownForm, subject: name) }
        self.form = form
        author = RecordAuthor(catalog: catalog)
        self.hashing = hashing
    }

    private struct DryRunEnd: Error { var result: ImportResult }

    /// Reads the files and writes what changed. With `isDryRun` the same is computed and nothing kept.
    ///
    /// - Throws: ``SheetError`` before anything is written, and whatever the store throws.
    func run(
        _ files: [SheetFile], map: HeaderMap = HeaderMap(), on store: any AgentStore, clock: AuthoringClock,
        isDryRun: Bool = false, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> ImportResult {
        // Checked under the times that the versions will carry: the centre must come to the same judgement.
        let moment = try store.moment(of: clock)
        let plan = try ImportPlan(
            form: form, files: files, map: map, now: moment.time, isClockTrusted: moment.isTrusted)
        do {
            return try store.write(clock: clock) { transaction in
                let result = try write(
                    plan, isTrusted: moment.isTrusted, in: transaction, progress: progress)
                if isDryRun { throw DryRunEnd(result: result) }
                return result
            }
        } catch let end as DryRunEnd {
            return end.result
        }
    }

    /// Writes the rows of a plan in their stated order.
    func write(
        _ plan: ImportPlan, isTrusted: Bool, in transaction: any AgentTransaction,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> ImportResult {
        var result = ImportResult()
        result.records = plan.records
        result.blank = plan.blank
        result.rejected = plan.errors.count
        result.errors = plan.refused.map { whole($0) } + plan.errors.map { issue(of: $0, in: plan) }
        result.filesRefused = plan.refused.count
        result.unknownColumns = plan.unknownColumns
        result.twice = twice(plan)
        for (index, row) in plan.rows.enumerated() {
            let alerts = try write(
                row, source: plan.sources[row.file], isTrusted: isTrusted, in: transaction)
            result.alerts += alerts ?? 0
            if alerts == nil { result.unchanged += 1 } else { result.accepted += 1 }
            if alerts != nil { result.taken.append(row) }
            if index % 256 == 255 { progress(index + 1, plan.rows.count) }
        }
        return result
    }

    /// Rows of one sheet that are about one record and say different things, with nothing to tell which came
    /// later: the order of the sheet decides, and that is to be said.
    private func twice(_ plan: ImportPlan) -> [ImportResult.Twice] {
        struct Place: Hashable {
            var file: Int
            var key: RecordKey
            var stated: Milliseconds?
        }
        var last: [Place: SheetRow] = [:]
        return plan.rows.compactMap { row in
            let place = Place(file: row.file, key: row.key, stated: row.stated)
            defer { last[place] = row }
            guard let earlier = last[place], earlier.assignments != row.assignments else { return nil }
            return ImportResult.Twice(
                file: plan.files[row.file], key: RecordText.text(row.key), line: row.line,
                earlierLine: earlier.line)
        }
    }

    /// - Returns: how many alerts it called for; nil when an equal row or version is known already.
    private func write(
        _ row: SheetRow, source: String, isTrusted: Bool, in transaction: any AgentTransaction
    ) throws -> Int? {
        let print = RowPrint.digest(
            of: row.key, row.assignments, stated: row.stated, firstCreated: row.firstCreated, hashing: hashing
        )
        if try transaction.isKnown(print, of: row.key) { return nil }
        let state = try transaction.record(row.key) ?? RecordState()
        let assignments = try changes(
            of: row, source: source, onto: state, isTrusted: isTrusted, in: transaction)
        // A row without a time of its own that says nothing new has nothing to be kept for.
        if assignments.isEmpty && !state.isEmpty && hasNoTime(row, beside: state) {
            try transaction.remember(print, of: row.key)
            return nil
        }
        let written = try author.author(
            form, key: row.key, assignments: assignments, stated: row.stated, firstCreated: row.firstCreated,
            author: name, in: transaction)
        try transaction.remember(print, of: row.key)
        return written.raised.count
    }

    /// What the row assigns: nothing when it is older than the version in force; everything when its source
    /// says something of the record for the first time that does not stand there already; otherwise what
    /// changed against what the source said last, and, when the row itself is dated after all that is known
    /// here, also what differs from the record as it stands.
    private func changes(
        of row: SheetRow, source: String, onto state: RecordState, isTrusted: Bool,
        in transaction: any AgentTransaction
    ) throws -> [Assignment] {
        let said = try transaction.imported(from: source, row.key)
        if let latest = state.latest, let stated = row.stated, !isOutranked(latest, byTrusted: isTrusted),
            stated < latest.stated
        {
            return []
        }
        try transaction.rememberImport(from: source, row.key, row.assignments)
        let effective = state.effective(under: form.mergeRules)
        guard let said, let latest = state.latest else {
            // An export that is imported again, say, is no correction.
            let isKnown = effective.exists && !effective.hasConflict && hasNoTime(row, beside: state)
            let isSaid = row.assignments.allSatisfy { (effective[$0.field] ?? .notStated) == $0.value }
            return isKnown && isSaid ? [] : row.assignments
        }
        let isNewer = row.stated.map { $0 > latest.stated } ?? false
        return row.assignments.filter { assignment in
            let last = said.first { $0.field == assignment.field }?.value
            return last != assignment.value
                || (isNewer && (effective[assignment.field] ?? .notStated) != assignment.value)
        }
    }

    /// Neither a time of its own, nor an earlier beginning.
    private func hasNoTime(_ row: SheetRow, beside state: RecordState) -> Bool {
        guard let stated = row.stated else { return true }
        return stated == state.latest?.stated && (row.firstCreated ?? .max) >= state.firstCreated
    }

    /// A version by a clock that cannot be trusted does not hold back one by a clock that can.
    private func isOutranked(_ latest: Version, byTrusted isTrusted: Bool) -> Bool {
        !latest.clockTrusted && isTrusted
    }

    private func whole(_ error: SheetError) -> ImportResult.Issue {
        ImportResult.Issue(
            file: error.file, record: 0, line: 0, column: error.subject, reason: error.code.rawValue,
            message: error.words.text(language))
    }

    private func issue(of error: RowError, in plan: ImportPlan) -> ImportResult.Issue {
        ImportResult.Issue(
            file: plan.files[error.file], record: error.record, line: error.line, column: error.column,
            reason: error.reason,
            message: SheetMessages.words(for: error, form: form, settings: author.catalog.settings).text(
                language))
    }
}
