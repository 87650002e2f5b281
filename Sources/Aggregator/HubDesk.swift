import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

/// The centre's records, for those who decide about them.
final class HubDesk: RecordDesk {
    let catalog: CompiledCatalog
    let times: TimeText
    let isBranch = false
    private let store: SQLiteHubStore

    init(_ store: SQLiteHubStore) throws {
        self.store = store
        let forms = try store.forms()
        let settings = try store.settings()
        guard let zone = LocalZone(identifier: settings.timeZone) else {
            throw StoreError(.corrupt, "the settings name an unknown time zone")
        }
        catalog = try CompiledCatalog(forms, settings: settings, zone: zone)
        times = TimeText(zone: settings.timeZone)
    }

    func record(_ key: RecordKey) throws -> RecordState? { try store.record(key) }
    func versions(of key: RecordKey) throws -> [Version] { try store.versions(of: key) }
    func unit(of key: RecordKey) throws -> String? { try store.unit(of: key) }

    func versions(by origin: OriginID, _ range: ClosedRange<UInt64>) throws -> [Version] {
        var found: [Version] = []
        var next = range.lowerBound
        while next <= range.upperBound, let segment = try store.segment(of: origin, holding: next) {
            let last = min(segment.last, range.upperBound)
            found += (next...last).map { segment.version(at: Int($0 - segment.first)) }
            next = last + 1
        }
        return found
    }

    func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)] {
        try store.conflicts(form: form, after: after, limit: limit)
    }

    func verdicts(on versions: [Version]) throws -> [Verdict] {
        try versions.flatMap { try store.verdicts(on: $0.dot) }
    }

    func heldBack(_ verdicts: [Verdict]) -> Set<Dot> { DeviceWords.heldBack(verdicts) }

    func device(of origin: OriginID) throws -> Words? {
        DeviceWords.words(for: try store.device(of: origin), isHere: true)
    }

    private var clock: AuthoringClock {
        AuthoringClock(now: HubFolder.milliseconds(), isTrusted: true)
    }

    func moment() throws -> AuthoringMoment {
        let now = HubFolder.milliseconds()
        return AuthoringMoment(time: now, created: now, isTrusted: true)
    }

    func write<Result>(_ body: (any DeskWriter) throws -> Result) throws -> Result {
        // What was due before is judged by what was there before.
        var rules = HubRules()
        _ = try? rules.lookAll(at: store, now: clock.now)
        return try store.write(clock: clock) { transaction in
            let writer = HubDeskWriter(transaction, catalog)
            let result = try body(writer)
            for key in writer.keys { try transaction.raise(by: key, catalog, now: clock.now) }
            if let detail = writer.detail { try transaction.act("decided", detail: detail) }
            return result
        }
    }

    func note(unmasked what: String) throws {
        try store.record(act: "unmasked", detail: what, now: HubFolder.milliseconds())
    }
}

private final class HubDeskWriter: DeskWriter {
    private let transaction: any HubTransaction
    private let catalog: CompiledCatalog
    /// Records that were written, and the first few by name.
    private var written = 0
    private var names: [String] = []
    private(set) var keys: [RecordKey] = []
    private static let named = 5

    /// For the audit log; nil when nothing was written.
    var detail: String? {
        guard written > 0 else { return nil }
        let more = written > names.count ? ", ..." : ""
        return "\(written) record\(written == 1 ? "" : "s"): " + names.joined(separator: ", ") + more
    }

    init(_ transaction: any HubTransaction, _ catalog: CompiledCatalog) {
        self.transaction = transaction
        self.catalog = catalog
    }

    func record(_ key: RecordKey) throws -> RecordState? { try transaction.record(key) }

    func author(_ edits: [RecordEdit], of key: RecordKey, by author: [UInt8]) throws -> [Dot] {
        guard let form = catalog[key.form]?.definition else {
            throw SheetError(.unknownForm, subject: key.form)
        }
        if !edits.isEmpty {
            written += 1
            keys.append(key)
            if names.count < HubDeskWriter.named { names.append("\(key.form) \(RecordText.text(key))") }
        }
        return try edits.map { edit in
            try transaction.author(
                Draft(
                    lane: .routine, key: key, formRevision: form.revision, context: edit.context,
                    isDelete: edit.isDelete, stated: edit.stated, author: author,
                    assignments: edit.assignments))
        }
    }
}

/// The centre's program, for the verbs that both programs have.
enum AggregatorProgram: DeskProgram {
    static let name = "aggregator"
    static let asksWhyUnmasked = true
    static var dataHelp: ArgumentHelp {
        ArgumentHelp("The folder that holds the hub's store.", zh: "汇总端的数据目录。")
    }

    static func desk(_ folder: String) throws -> any RecordDesk {
        try HubDesk(try HubFolder(path: folder, actor: try Actor.current(as: nil)).open())
    }

    static func author(_ name: String, at folder: String) -> [UInt8] { Array(name.utf8) }

    static func failure(for error: any Error) -> Failure? { nil }
}
