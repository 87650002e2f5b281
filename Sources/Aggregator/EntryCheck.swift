import Console
import Forms
import SQLiteStore
import SyncCore

/// What the centre's own entries say that cannot be, or that nobody knows: said before it is needed.
struct EntryCheck {
    private let store: SQLiteHubStore
    private let form: CompiledForm
    /// So many notes are written out.
    private static let listed = 20

    init(_ store: SQLiteHubStore, _ form: CompiledForm) {
        self.store = store
        self.form = form
    }

    /// Why a row cannot be taken; nil when it can.
    func refusal(of row: SheetRow) throws -> Words? {
        guard let post = form.definition.post,
            form.definition.type(named: post.from) == form.definition.type(named: post.to),
            let from = try number(post.from, of: row), let to = try number(post.to, of: row)
        else { return nil }
        let isDay = form.definition.type(named: post.to) == .date
        guard isDay ? to < from : to <= from else { return nil }
        func text(_ number: Int64) -> String {
            isDay ? CivilDay.text(Int32(clamping: number)) : form.zone.text(number)
        }
        return Words(
            "\(post.to) (\(text(to))) does not lie behind \(post.from) (\(text(from))); correct one of both",
            zh: "\(post.to)（\(text(to))）不晚于 \(post.from)（\(text(from))）；请更正其一")
    }

    private func number(_ name: String, of row: SheetRow) throws -> Int64? {
        if let index = form.definition.keyIndex(name) { return row.key.values[index].integer }
        guard let field = form.definition.field(named: name) else { return nil }
        if let said = row.assignments.first(where: { $0.field == field.id }) { return said.value.integer }
        return try store.effective(row.key)?[field.id]?.integer
    }

    /// People and units that the register does not know, each once.
    func notes(on rows: [SheetRow]) throws -> [Words] {
        var seen: Set<RecordKey> = []
        var notes: [Words] = []
        for row in rows {
            let keys = zip(form.definition.keys, row.key.values).map { ($0.type, $1) }
            let fields = row.assignments.compactMap { said in
                form.definition.field(said.field).map { ($0.type, said.value) }
            }
            for (type, value) in keys + fields where type == .person || type == .unit {
                guard case .text(let text) = value, !text.isEmpty else { continue }
                let name = type == .person ? BuiltIn.person : BuiltIn.unit
                let key = RecordKey(form: name, values: [value])
                guard seen.insert(key).inserted, try store.effective(key)?.exists != true else { continue }
                notes.append(EntryCheck.note(Output.printable(String(decoding: text, as: UTF8.self)), type))
            }
        }
        guard notes.count > EntryCheck.listed else { return notes }
        let rest = notes.count - EntryCheck.listed
        return notes.prefix(EntryCheck.listed) + [Words("and \(rest) more", zh: "另有 \(rest) 条")]
    }

    private static func note(_ name: String, _ type: FieldType) -> Words {
        type == .person
            ? Words(
                "note: the register knows no person \(name); it was taken as it is. Is the id right? "
                    + "`aggregator import people` makes people known",
                zh: "备注：登记册中没有人员 \(name)；已照原样保存。请核对编号，或用 aggregator import people 导入")
            : Words(
                "note: the register knows no unit \(name); it was taken as it is, and nobody is called by "
                    + "it. Is the id right? `aggregator import units` makes units known",
                zh: "备注：登记册中没有单位 \(name)；已照原样保存，但不会据此通知任何人。"
                    + "请核对代码，或用 aggregator import units 导入")
    }
}
