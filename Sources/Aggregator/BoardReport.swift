import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

enum BoardWords {
    static func unknown(_ name: String, _ boards: BoardCatalog) -> Failure {
        let names = boards.definitions.map(\.board)
        let hint = Typo.hint(Output.printable(name), among: names)
        let list = names.joined(separator: ", ")
        return Failure(
            .noInput,
            Words(
                "there is no board \(Output.printable(name))\(hint.en); there are: \(list)",
                zh: "没有看板 \(Output.printable(name))\(hint.zh)；可用看板：\(list)"))
    }

    static func title(_ board: BoardDefinition, _ day: Int32) -> Words {
        let date = CivilDay.text(day)
        return Words(
            "\(Output.printable(board.labels.en)), \(date)",
            zh: "\(Output.printable(board.labels.zh))，\(date)")
    }

    /// What the lines of a board are called.
    static func heading(of board: BoardDefinition, _ forms: FormCatalog) -> String {
        guard let group = board.group else { return "" }
        if group == "unit" { return Words("unit", zh: "单位").text() }
        for form in board.counts.compactMap({ $0.form.flatMap { forms[$0] } }) {
            let labels = form.keyIndex(group).map { form.keys[$0].labels } ?? form.field(named: group)?.labels
            if let labels { return Output.printable(Words(labels.en, zh: labels.zh).text()) }
        }
        return Output.printable(group)
    }

    static func label(_ count: BoardDefinition.Count) -> String {
        Output.printable(Words(count.labels.en, zh: count.labels.zh).text())
    }

    static let total = Words("total", zh: "合计")

    static func noSuchUnit(_ unit: String) -> Failure {
        let unit = Output.printable(unit)
        return Failure(
            .noInput,
            Words(
                "there is no unit \(unit); `aggregator export unit` names them all",
                zh: "没有单位 \(unit)；用 aggregator export unit 可查看全部单位"))
    }

    static func noSuchNumber(_ wanted: String, _ board: BoardDefinition) -> Failure {
        let names = board.counts.map(\.id).joined(separator: ", ")
        return Failure(
            .usage,
            Words(
                "\(board.board) has no number \(Output.printable(wanted)); write UNIT/COUNT or "
                    + "COUNT with one of: " + names,
                zh: "\(board.board) 没有数字 \(Output.printable(wanted))；请写 单位/数字名 或 数字名：\(names)"))
    }
}

/// How a unit was last heard of.
struct UnitLink: Encodable {
    /// Records that its devices said were waiting there, when they were last heard of.
    var queued: UInt64
    var lastHeard: String?
    /// How far its devices' clocks are off, milliseconds; that which is off most.
    var skew: Milliseconds
    private(set) var heard: Milliseconds?

    private enum CodingKeys: String, CodingKey { case queued, lastHeard, skew }

    static func all(_ hub: SQLiteHubStore) throws -> [String: UnitLink] {
        var links: [String: UnitLink] = [:]
        for device in try hub.devices() where device.state == .active {
            var link = links[device.unit] ?? UnitLink(queued: 0, lastHeard: nil, skew: 0, heard: nil)
            link.queued += UInt64(device.urgent.count) + UInt64(device.routine.count)
            if abs(device.skew) > abs(link.skew) { link.skew = device.skew }
            if let seen = device.lastSeen, seen > link.heard ?? .min {
                link.heard = seen
                link.lastHeard = RecordText.time(seen)
            }
            links[device.unit] = link
        }
        return links
    }
}

/// A board as scripts and people read it.
struct BoardReport: Encodable {
    struct Line: Encodable {
        var group: String
        var counts: [String: Int]
        var link: UnitLink?
        /// The latest of what is counted: when it was made, and when it came in.
        var lastCreated: String?
        var lastReceived: String?
    }

    var board: String
    var revision: Int
    var day: String
    var lines: [Line]
    var total: [String: Int]
    private let table: BoardTable
    /// By what it is grouped.
    private let heading: String

    private enum CodingKeys: String, CodingKey { case board, revision, day, lines, total }

    /// - Parameter forms: those that the board may be grouped by.
    init(_ table: BoardTable, links: [String: UnitLink], forms: FormCatalog) {
        self.table = table
        heading = BoardWords.heading(of: table.definition, forms)
        board = table.definition.board
        revision = table.definition.revision
        day = CivilDay.text(table.day)
        let ids = table.definition.counts.map(\.id)
        func counts(_ items: (Int) -> [BoardTable.Item]) -> [String: Int] {
            Dictionary(ids.enumerated().map { ($1, items($0).count) }, uniquingKeysWith: +)
        }
        lines = table.lines.map { line in
            let items = line.items.flatMap { $0 }
            return Line(
                group: line.group, counts: counts { line.items[$0] }, link: links[line.group],
                lastCreated: items.compactMap(\.created).max().map { RecordText.time($0) },
                lastReceived: items.compactMap(\.arrived).max().map { RecordText.time($0) })
        }
        total = counts(table.items)
    }

    func lines(_ times: TimeText) -> [String] {
        let counts = table.definition.counts
        let hasLink = lines.contains { $0.link != nil }
        var head = [heading] + counts.map(BoardWords.label)
        if hasLink {
            head += [
                Words("queued there", zh: "待发").text(), Words("last heard of", zh: "最近联系").text(),
                Words("clock off by", zh: "时钟偏差").text(),
            ]
        }
        var text = TextTable(head)
        for line in lines {
            var cells = [line.group] + counts.map { "\(line.counts[$0.id] ?? 0)" }
            if hasLink {
                cells += [
                    line.link.map { "\($0.queued)" } ?? "", line.link?.heard.map { times.text($0) } ?? "-",
                    line.link.map { Words("\($0.skew / 1_000) s", zh: "\($0.skew / 1_000) 秒").text() } ?? "",
                ]
            }
            text.add(cells)
        }
        text.add([BoardWords.total.text()] + counts.map { "\(total[$0.id] ?? 0)" })
        return [BoardWords.title(table.definition, table.day).text()] + text.lines()
            + BoardNames.lines(table)
    }
}

/// Who is counted, where a board names them.
enum BoardNames {
    /// How many of a unit are written out; `--explain` has all.
    private static let listed = 12

    static func lines(_ table: BoardTable) -> [String] {
        table.definition.counts.enumerated().filter { $1.named == true }.flatMap { index, count in
            groups(table.items(index)).map { unit, names in
                let rest = names.count - listed
                let more = rest > 0 ? Words(" and \(rest) more", zh: " 等，另有 \(rest) 个").text() : ""
                let list = names.prefix(listed).joined(separator: " ")
                let place = unit.isEmpty ? "" : " \(unit)"
                return "\(BoardWords.label(count))\(place): \(list)\(more)"
            }
        }
    }

    /// By unit; units themselves stand together.
    static func groups(_ items: [BoardTable.Item]) -> [(unit: String, names: [String])] {
        var names: [String: [String]] = [:]
        for item in items {
            let name = item.person ?? item.key.map { RecordText.text($0) }
            names[name == nil ? "" : item.unit, default: []].append(Output.printable(name ?? item.unit))
        }
        return names.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (Output.printable($0.key), $0.value) }
    }
}

/// The records behind a number.
struct BoardExplanation: Encodable {
    struct Item: Encodable {
        var unit: String
        var person: String?
        /// Form and key.
        var record: [String]?
        var firstCreated: String?
        var received: String?
        var fields: [String: String]
        /// Who held the posts of the unit on the day.
        var responsible: [Responsible]
        /// What called for an alert has been corrected since.
        var corrected: Correction?
    }

    var board: String
    var day: String
    var number: String
    var count: Int
    var items: [Item]
    private let times: TimeText

    private enum CodingKeys: String, CodingKey { case board, day, number, count, items }

    init(_ wanted: String, in table: BoardTable, _ hub: SQLiteHubStore, personal: UnmaskOption) throws {
        let parts = wanted.split(separator: "/", maxSplits: 1).map(String.init)
        guard let id = parts.last, let index = table.definition.counts.firstIndex(where: { $0.id == id })
        else {
            throw BoardWords.noSuchNumber(wanted, table.definition)
        }
        let group = parts.count == 2 ? parts[0] : nil
        if let group, table.definition.group == "unit", !table.lines.contains(where: { $0.group == group }),
            try hub.effective(RecordKey(form: BuiltIn.unit, values: [.text(group)]))?.exists != true
        {
            throw BoardWords.noSuchUnit(group)
        }
        let found =
            group.map { group in table.lines.first { $0.group == group }?.items[index] ?? [] }
            ?? table.items(index)
        try personal.note("board \(table.definition.board) \(wanted)", at: try HubDesk(hub), isAsked: true)
        let forms = try hub.forms()
        let masking = Masking(forms: forms, unmask: personal.unmask)
        board = table.definition.board
        day = CivilDay.text(table.day)
        number = wanted
        count = found.count
        let desk = try RaisedDesk(hub)
        times = desk.times
        let book = try ResponsibleBook(hub, desk.catalog)
        items = try found.map { item in
            var fields: [String: String] = [:]
            let record = try item.key.flatMap { try hub.effective($0) }
            for name in table.definition.columns ?? [] {
                guard let key = item.key, let field = forms[key.form]?.field(named: name),
                    let value = record?[field.id]
                else { continue }
                fields[name] = masking.text(value, field: field.id, of: key.form)
            }
            let raised = item.key.flatMap { forms[$0.form] }.flatMap { RaisedForm($0) }
            let corrected = try raised.flatMap { raised in
                try item.key.flatMap { key in
                    try record.flatMap {
                        try desk.correction(of: key, $0, raised, unmask: personal.unmask)
                    }
                }
            }
            return Item(
                unit: item.unit, person: item.person,
                record: item.key.map { [$0.form] + masking.text($0) },
                firstCreated: item.created.map { RecordText.time($0) },
                received: item.arrived.map { RecordText.time($0) }, fields: fields,
                responsible: book.people(
                    of: item.unit, day: item.day(forms) ?? table.day, created: item.created ?? 0),
                corrected: corrected)
        }
    }

    func lines() -> [String] {
        ["\(number): \(count)"]
            + items.map { item in
                let fields = item.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                let record = item.record?.joined(separator: " ") ?? item.person ?? ""
                let then =
                    item.responsible.isEmpty
                    ? "" : Responsible.line(item.responsible, of: item.unit).text()
                let corrected = item.corrected?.words(times).text() ?? ""
                return ([item.unit, record] + fields + [then, corrected]).filter { !$0.isEmpty }.map(
                    Output.printable
                )
                .joined(separator: "  ")
            }
    }
}

extension BoardTable.Item {
    /// The day of the record that is counted; nil where there is none, or it has none.
    fileprivate func day(_ forms: FormCatalog) -> Int32? {
        guard let key, let place = forms[key.form]?.keys.firstIndex(where: { $0.type == .date }),
            place < key.values.count
        else { return nil }
        return key.values[place].integer.map { Int32(clamping: $0) }
    }
}
