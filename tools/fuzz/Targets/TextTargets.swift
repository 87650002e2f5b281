import Console
import Forms
import Foundation
import SyncCore
import SyncWire

/// What people type, paste or save, and what the centre publishes.
extension FuzzTarget {
    static let text: [FuzzTarget] = [
        FuzzTarget("join-code", joinCode), FuzzTarget("key", key), FuzzTarget("form", form),
        FuzzTarget("definition", definition),
        FuzzTarget("settings", settings), FuzzTarget("judgement", judgement), FuzzTarget("cell", cell),
        FuzzTarget("sheet", sheet), FuzzTarget("certificate", certificate),
        FuzzTarget("spoken", spoken), FuzzTarget("spoken-lines", spokenLines),
    ]

    private static let zone = LocalZone.fixed(hours: 8)
    private static let builtIn = try? CompiledCatalog(settings: Settings(), zone: zone)

    /// With the right prefix and check characters as well, which no change at random would hit.
    @Sendable private static func joinCode(_ bytes: [UInt8]) {
        if let code = JoinCode(text: String(decoding: bytes, as: UTF8.self)) {
            check(JoinCode(text: code.text) == code, "a join code reads as it was written")
        }
        guard let code = JoinCode(body: bytes) else { return }
        check(JoinCode(text: code.text) == code, "a join code reads as it was written")
    }

    @Sendable private static func key(_ bytes: [UInt8]) {
        if let values = Canonical.decode(key: bytes) {
            check(Canonical.encode(key: values) == bytes, "a key has one way to be written")
        }
        if let items = Canonical.decodeList(bytes[...]) {
            check(Canonical.encodeList(items) == bytes, "a list has one way to be written")
        }
    }

    @Sendable private static func spoken(_ bytes: [UInt8]) {
        guard let version = try? SpokenEntry.decode(bytes) else { return }
        // Longer than it came, it may be: a text has several ways to be said.
        guard let again = SpokenEntry.encode(version, maximum: .max / 16) else { return }
        check((try? SpokenEntry.decode(again)) == version, "what is said reads as it was written")
    }

    @Sendable private static func spokenLines(_ bytes: [UInt8]) {
        var reader = SpokenText.Reader()
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            _ = try? reader.take(line)
        }
        guard let read = reader.bytes else { return }
        var again = SpokenText.Reader()
        for line in SpokenText.lines(read) { _ = try? again.take(line) }
        check(again.bytes == read, "lines read as they were written")
    }

    /// A definition that is taken can be compiled and put beside those that are there, or is refused.
    @Sendable private static func form(_ bytes: [UInt8]) {
        guard let form = try? FormCatalog.decode(bytes) else { return }
        _ = try? CompiledForm(form, settings: Settings(), zone: zone)
        guard let catalog = try? FormCatalog.builtIn.adding(form) else { return }
        check(catalog[form.form] != nil, "a form that was added is there")
        guard let compiled = try? CompiledCatalog(catalog, settings: Settings(), zone: zone) else { return }
        judge(version(of: form), by: compiled)
    }

    /// What the centre has checked before it is published: a form's file, a board's file.
    @Sendable private static func definition(_ bytes: [UInt8]) {
        guard let builtIn else { return }
        let known = (try? BoardCatalog.decode(bytes)).flatMap { BoardCatalog.builtIn[$0.board] }
        if case .success(let board) = BoardCheck.check(bytes, catalog: builtIn, known: known) {
            check((try? BoardCatalog.decode(bytes)) == board, "a board that is taken reads")
            check((try? CompiledBoard(board, catalog: builtIn)) != nil, "a board that is taken counts")
        }
        if case .success(let form) = FormCheck.check(
            bytes, catalog: .builtIn, settings: Settings(), zone: zone)
        {
            check((try? FormCatalog.decode(bytes)) == form, "a form that is taken reads")
        }
    }

    /// A version of a form with a value of its type in every key and field.
    private static func version(of form: FormDefinition) -> Version {
        func value(_ kind: ValueKind, _ scale: UInt8) -> Value {
            switch kind {
            case .integer: .integer(.max)
            case .decimal: .decimal(unscaled: .min, scale: scale)
            case .text: .text([0x31])
            case .list: .list([[0x31]])
            }
        }
        return Version(
            dot: Dot(origin: 1, sequence: 1),
            key: RecordKey(form: form.form, values: form.keys.map { value($0.type.kind, 0) }),
            formRevision: UInt32(clamping: form.revision), authored: 0, stated: 0, firstCreated: 0,
            assignments: form.fields.map {
                Assignment(
                    field: $0.id, retentionClass: $0.retentionClass,
                    value: value($0.type.kind, $0.scale ?? 0))
            })
    }

    @Sendable private static func settings(_ bytes: [UInt8]) {
        var typed = Settings()
        try? typed.apply(String(decoding: bytes, as: UTF8.self))
        let read = try? JSONDecoder().decode(Settings.self, from: Data(bytes))
        for settings in [typed, read].compactMap({ $0 }) { use(settings) }
    }

    private static func use(_ settings: Settings) {
        if let compiled = try? CompiledCatalog(settings: settings, zone: zone) {
            for form in compiled.forms { judge(version(of: form.definition), by: compiled) }
        }
        guard let count = try? CoverageCount(settings: settings, zone: zone) else { return }
        for day in [Int32.min, 0, .max] {
            _ = count.isLate(checkIn: .min, of: day)
            _ = count.isLate(report: .max, of: day)
        }
    }

    private static func judge(_ version: Version, by compiled: CompiledCatalog) {
        let columns = VersionColumns(CollectionOfOne(version))
        for finding in compiled.findings(of: columns) { check(finding.row == 0, "findings name rows") }
    }

    /// Rows as a hub takes them: judged by the built-in forms, hashed, and trimmed to what may be kept.
    @Sendable private static func judgement(_ bytes: [UInt8]) {
        guard let columns = try? RowsCodec.decode(bytes), let builtIn else { return }
        for finding in builtIn.findings(of: columns) {
            check(finding.row < columns.count, "findings name rows")
        }
        let salt = Token16(high: 1, low: 2)
        let walk = try? JournalChain(hashing: MadeUp.hashing).walk(
            columns, origin: 1, first: Limits.sequence - UInt64(columns.count), from: .zero
        ) { _, _ in salt }
        check(walk?.heads.count == columns.count, "every row is hashed")
        for today in [Int32.min, 18_300, .max] {
            let retention = Retention(.builtIn, today: today)
            _ = retention.firstDayOver(columns)
            for row in 0..<columns.count {
                let version = columns.version(at: row, dot: Dot(origin: 1, sequence: UInt64(row) + 1))
                if let rest = retention.trimmed(version) {
                    check(rest.assignments.count == version.assignments.count, "what is trimmed is assigned")
                }
            }
        }
    }

    @Sendable private static func cell(_ bytes: [UInt8]) {
        let cell = bytes[...]
        let trimmed = CellText.trimmed(cell)
        check(CellText.trimmed(trimmed) == trimmed, "what is trimmed stays so")
        if let day = CellText.date(cell) {
            check(CivilDay.parse(CivilDay.text(day)) == day, "a day reads as it was written")
        }
        _ = CellText.boolean(cell)
        _ = CellText.timeOfDay(cell)
        if let time = CellText.localTime(cell) { _ = zone.text(zone.time(fromLocal: time)) }
        for scale: UInt8 in [0, 2, 18] {
            guard let number = CellText.decimal(cell, scale: scale) else { continue }
            let text = Array(CellText.text(decimal: number, scale: scale).utf8)
            check(CellText.decimal(text[...], scale: scale) == number, "a number reads as it was written")
        }
    }

    @Sendable private static func sheet(_ bytes: [UInt8]) {
        guard let sheet = try? Sheet(bytes) else { return }
        check(!sheet.header.isEmpty, "a sheet has headings")
        var line = 1
        for (index, record) in sheet.records.enumerated() {
            check(record.number == index + 1, "records are numbered")
            check(record.line > line, "lines go on")
            line = record.line
            for value in record.cells { cell(Array(value.prefix(64))) }
        }
    }

    @Sendable private static func certificate(_ bytes: [UInt8]) {
        guard let file = CertificateFile.read(bytes) else { return }
        check((try? file.bytes).flatMap { CertificateFile.read($0) } == file, "it reads as it was written")
        guard let certificate = file.certificate(hashing: MadeUp.hashing) else { return }
        _ = certificate.defects(hashing: MadeUp.hashing, verifying: MadeUp.believing)
        for journal in certificate.journals {
            check(journal.unsigned <= journal.sequence, "no more than all")
        }
    }
}
