import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct ConflictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "conflicts",
        Words(
            "The records about which somebody has to decide, with the versions in question.",
            zh: "须由人裁定的记录及相关版本。"),
        example: "sync-inspect conflicts --data DIR --form check-in")

    @OptionGroup var options: StoreOptions
    @Option(name: .long, help: ArgumentHelp("This form only.", zh: "只列此表单。")) var form: String?
    @OptionGroup var most: LimitOption

    func run() async throws {
        try await options.inspect { opened, damages in
            try ConflictListing(opened, form: form, limit: most.limit, damages)
        } lines: { listing, times in
            listing.lines(times)
        }
    }
}

struct ConflictListing: StoreReport {
    struct Record: Encodable {
        var form: String
        var key: [String]
        /// The unit under which it counts, at a hub.
        var unit: String?
        /// Names of the fields; `(existence)` where a delete stands beside an edit.
        var fields: [String]
        /// The versions that hold them.
        var versions: [String]
        /// When the second answer was first written, UTC.
        var since: String
        fileprivate var time: Milliseconds

        private enum CodingKeys: String, CodingKey { case form, key, unit, fields, versions, since }
    }

    var store: String
    var count = 0
    var records: [Record] = []
    var damaged: [Damages.Entry] = []

    init(_ opened: StoreAtHand, form wanted: String?, limit: Int, _ damages: Damages) throws {
        store = opened.kind
        let forms = try opened.forms()
        let masking = Masking(forms: forms, unmask: false)
        for definition in forms.definitions {
            if let wanted, !wanted.utf8.elementsEqual(definition.form.utf8) { continue }
            try damages.attempt(
                "record", Words("records of \(definition.form)", zh: "表单 \(definition.form) 的记录"), ()
            ) { try read(definition, opened, limit, masking) }
        }
        damaged = damages.entries
    }

    private mutating func read(
        _ definition: FormDefinition, _ opened: StoreAtHand, _ limit: Int, _ masking: Masking
    ) throws {
        let rules = definition.mergeRules
        var after: [UInt8]?
        while true {
            let page: [(key: RecordKey, state: RecordState)]
            switch opened {
            case .agent(let agent):
                page = try agent.records(form: definition.form, after: after, limit: 2_000)
            case .hub(let hub): page = try hub.conflicts(form: definition.form, after: after, limit: 2_000)
            }
            for (key, state) in page where state.siblings.count > 1 {
                let conflicts = state.conflicts(under: rules)
                guard !conflicts.isEmpty else { continue }
                count += 1
                if records.count < limit {
                    records.append(try record(key, state, conflicts, opened, masking))
                }
            }
            guard let last = page.last, page.count == 2_000 else { return }
            after = Canonical.encode(key: last.key.values)
        }
    }

    private func record(
        _ key: RecordKey, _ state: RecordState, _ conflicts: [Conflict], _ opened: StoreAtHand,
        _ masking: Masking
    ) throws -> Record {
        let since = conflicts.map(\.since).min() ?? 0
        var unit: String?
        if case .hub(let hub) = opened { unit = try hub.unit(of: key).map(Masking.clean) }
        return Record(
            form: Masking.clean(key.form), key: masking.text(key), unit: unit,
            fields: conflicts.flatMap(\.fields).map { masking.name(of: $0, in: key.form) },
            versions: state.siblings.map { RecordText.text($0.dot) }, since: RecordText.time(since),
            time: since)
    }

    func lines(_ times: TimeText) -> [String] {
        guard count > 0 else { return [Words("nothing is in question", zh: "没有待裁定的内容").text()] }
        var table = TextTable(
            [
                Words("form", zh: "表单"), Words("record", zh: "记录"),
                Words("since (\(times.name))", zh: "始于（\(times.name)）"), Words("in question", zh: "待裁定"),
                Words("versions", zh: "版本"),
            ].map { $0.text() })
        for record in records {
            table.add([
                record.form, record.key.joined(separator: " "), times.text(record.time),
                record.fields.joined(separator: ", "), record.versions.joined(separator: ", "),
            ])
        }
        let more = count - records.count
        let program = store == "hub" ? "aggregator" : "branch-agent"
        return table.lines()
            + (more > 0
                ? [
                    Words("and \(more) more; --limit lists more of them", zh: "另有 \(more) 条；用 --limit 可列出更多")
                        .text()
                ]
                : [])
            + [
                Words(
                    "`\(program) conflicts show FORM KEY` shows the answers side by side; `explain` says how "
                        + "it came to this",
                    zh: "用 \(program) conflicts show 表单 键 并列显示各方内容；用 explain 查看经过"
                ).text()
            ]
    }
}
