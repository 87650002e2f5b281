import Console
import Forms
import SyncCore
import SyncStore

extension ResponsibleBook {
    init(_ context: AgentContext) throws {
        try self.init(context.forms) { form, body in try RaisedHere.each(form, context, body) }
    }
}

/// The alerts that this branch holds: what has become of each, and whom to ring where one has not arrived.
struct RaisedHere {
    private let context: AgentContext
    private let now: Milliseconds
    /// Through which sequence the own origins have receipts.
    private let receipted: [OriginID: UInt64]
    private let posts: Posts
    private let chain: [String]
    private let book: ResponsibleBook
    private let desk: AgentDesk
    /// Where people belong from which day on, ascending.
    private let stays: [[UInt8]: [(from: Int64, unit: String)]]

    private static let page = 1_000

    init(_ context: AgentContext) throws {
        self.context = context
        now = try context.clock().now
        var receipted: [OriginID: UInt64] = [:]
        for origin in try context.store.origins() + context.store.closedOrigins() {
            receipted[origin.id] = origin.receipted
        }
        self.receipted = receipted
        posts = try PostBook.posts(context.forms) { form, body in
            try RaisedHere.each(form, context, body)
        }
        book = try ResponsibleBook(context)
        desk = try AgentDesk(context)
        var stays: [[UInt8]: [(from: Int64, unit: String)]] = [:]
        try RaisedHere.each(BuiltIn.membership, context) { key, record in
            guard let person = key.values.first?.string, let from = key.values.last?.integer else { return }
            stays[Array(person.utf8), default: []].append(
                (from, record[BuiltIn.membershipUnit]?.string ?? ""))
        }
        self.stays = stays.mapValues { $0.sorted { $0.from < $1.from } }
        chain = book.chain(from: context.configuration.unit, at: now).reversed()
    }

    fileprivate static func each(
        _ form: String, _ context: AgentContext, _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        try eachState(form, context) { key, state, rules in
            let record = state.effective(under: rules)
            if record.exists { try body(key, record) }
        }
    }

    private static func eachState(
        _ form: String, _ context: AgentContext,
        _ body: (RecordKey, RecordState, MergeRules) throws -> Void
    ) throws {
        let rules = context.forms[form]?.mergeRules ?? .latest
        var after: [UInt8]?
        while true {
            let found = try context.store.records(form: form, after: after, limit: page)
            for row in found { try body(row.key, row.state, rules) }
            guard let last = found.last, found.count == page else { return }
            after = Canonical.encode(key: last.key.values)
        }
    }

    /// - Parameter unmask: what is personal is shown as it is.
    func rows(
        unmask: Bool = false, where isWanted: (RaisedRow) -> Bool = { _ in true }
    ) throws -> [RaisedRow] {
        var rows: [RaisedRow] = []
        for raised in context.forms.raisedForms {
            try RaisedHere.eachState(raised.definition.form, context) { key, state, rules in
                let record = state.effective(under: rules)
                guard record.exists else { return }
                var row = RaisedRow(
                    key, record, raised, versions: try context.store.versions(of: key), unit: nil,
                    isUrgent: context.forms.isUrgent(rule: raised.rule(of: key), raised: key.form),
                    isByHub: context.forms.isOfWatch(rule: raised.rule(of: key)), unmask: unmask)
                row.corrected = try Correction(
                    of: key, facts: raised.facts(of: record), context.forms,
                    Masking(forms: context.forms.catalog, unmask: unmask), record: context.store.record,
                    device: desk.device)
                row.responsible = book.people(
                    of: unit(of: key, raised, created: record.firstCreated), day: row.day(raised),
                    created: record.firstCreated)
                if row.status == RaisedForm.closed, let dot = RaisedRow.setter(raised, record),
                    let author = try context.store.versions(of: key).first(where: { $0.dot == dot })?.author,
                    !author.isEmpty
                {
                    row.closedBy = Masking.clean(String(decoding: author, as: UTF8.self))
                }
                let waiting = state.siblings.filter { isWaiting($0.dot) }
                row.hasArrived = waiting.isEmpty || row.arrived != nil
                if row.hasArrived == false, let since = waiting.map(\.authored).min(), row.isUrgent,
                    now.subtractingClamped(since) >= Milliseconds(context.settings.minutesToArrive) * 60_000
                {
                    row.ring = phone ?? ""
                }
                if isWanted(row) { rows.append(row) }
            }
        }
        return rows.sorted(by: RaisedRow.precedes)
    }

    /// The unit that a record is about, which may lie below this one: that of its key, or of its person then.
    private func unit(of key: RecordKey, _ raised: RaisedForm, created: Milliseconds) -> String {
        if let unit = raised.unit(of: key) { return unit }
        func value(_ type: FieldType) -> Value? {
            raised.definition.keys.firstIndex { $0.type == type }
                .flatMap { $0 < key.values.count ? key.values[$0] : nil }
        }
        let day = value(.date)?.integer ?? Int64(context.forms.zone.day(of: created))
        let stay = value(.person)?.string.flatMap { person in
            stays[Array(person.utf8)]?.last { $0.from <= day }
        }
        return stay.map(\.unit).flatMap { $0.isEmpty ? nil : $0 } ?? context.configuration.unit
    }

    private func isWaiting(_ dot: Dot) -> Bool { receipted[dot.origin].map { dot.sequence > $0 } ?? false }

    /// Who is on duty at the centre now, by this branch's own copy of the roster; nil when it names nobody.
    private var phone: String? {
        let holders = posts.holders(of: chain, at: now)
        return (holders.first { !$0.phone.isEmpty }).map { "\($0.phone) (\($0.person))" }
    }

    func lines(_ row: RaisedRow) -> [String] {
        var lines = row.lines(times: TimeText(zone: context.settings.timeZone), now: now)
        if row.hasArrived == false {
            lines.append("    " + RaisedHere.words(notArrived: row.ring).text())
        } else if row.status == RaisedForm.open, row.arrived == nil {
            lines.append("    " + RaisedHere.isThere.text())
        }
        return lines
    }

    /// What to do when a rule of a form holds: its advice, the hospital, and who is on duty at the centre.
    static func advice(_ form: CompiledForm, _ context: AgentContext) throws -> [Words] {
        var lines = (form.definition.rules ?? []).compactMap(\.advice).map { Words($0.en, zh: $0.zh) }
        if let hospital = context.settings.hospital.map(Masking.clean), !hospital.isEmpty {
            lines.append(
                Words(
                    "the person goes to the designated hospital: \(hospital)", zh: "请本人前往定点医院就诊：\(hospital)"))
        } else {
            lines.append(
                Words(
                    "the centre has not said which hospital is designated (its setting `hospital`): ask "
                        + "there where the person is to go",
                    zh: "中心尚未设置定点医院（设置项 hospital）：请向中心询问应前往何处就诊"))
        }
        if let phone = try RaisedHere(context).phone.map(Masking.clean) {
            lines.append(Words("on duty at the centre: \(phone)", zh: "中心值班电话：\(phone)"))
        }
        return lines
    }

    /// What follows travels to the unit of the person, as the register has it.
    private static let isThere = Words(
        "it is at the centre, which has not said more of it here yet. Of a person who is in another unit by "
            + "the register, or in none, the centre tells that unit only: ask there who has it in hand",
        zh: "已到达中心，但中心尚未回复处置情况。若该人员在登记册中属于其他单位或查无此人，处置情况不会发到本单位：请向中心询问")

    static func words(notArrived ring: String?) -> Words {
        guard let ring else { return Words("not arrived yet", zh: "尚未到达中心") }
        let number = Masking.clean(ring)
        guard !ring.isEmpty else {
            return Words(
                "NOT ARRIVED: ring the centre now; no number is known here", zh: "尚未到达中心：请立即致电中心；本机没有值班电话")
        }
        return Words("NOT ARRIVED: ring \(number) now", zh: "尚未到达中心：请立即拨打 \(number)")
    }
}
