import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

extension ResponsibleBook {
    init(_ store: any HubStore, _ catalog: CompiledCatalog) throws {
        try self.init(catalog) { form, body in
            try store.export(form: form, from: nil, to: nil) {
                try body(RecordKey(form: form, values: $0), $1)
            }
        }
    }
}

/// What rules have raised and people answer, at the centre.
struct RaisedDesk {
    let store: SQLiteHubStore
    let catalog: CompiledCatalog
    let times: TimeText

    init(_ store: SQLiteHubStore) throws {
        self.store = store
        catalog = try store.compiledForms()
        times = TimeText(zone: try store.settings().timeZone)
    }

    /// - Parameter isWanted: by a record's status.
    func rows(unmask: Bool, where isWanted: (String) -> Bool = { _ in true }) throws -> [RaisedRow] {
        let book = try ResponsibleBook(store, catalog)
        return try RaisedDesk.each(store, catalog) { key, record, raised in
            guard isWanted(raised.status(of: record)) else { return nil }
            let unit = try store.answeringUnit(of: key, catalog)
            let isTold = raised.time("told_at", of: record) != nil
            var row = RaisedRow(
                key, record, raised, versions: isTold ? try store.versions(of: key) : [], unit: unit,
                isUrgent: catalog.isUrgent(rule: raised.rule(of: key), raised: key.form),
                isByHub: catalog.isOfWatch(rule: raised.rule(of: key)), unmask: unmask)
            row.corrected = try correction(of: key, record, raised, unmask: unmask)
            row.responsible = book.people(of: unit, day: row.day(raised), created: record.firstCreated)
            if row.status == RaisedForm.closed, let dot = RaisedRow.setter(raised, record),
                let author = try store.versions(of: key).first(where: { $0.dot == dot })?.author
            {
                row.closedBy = author.isEmpty ? nil : Masking.clean(String(decoding: author, as: UTF8.self))
            }
            return row
        }.sorted(by: RaisedRow.precedes)
    }

    /// Whether what called for a record has been corrected since.
    func correction(
        of key: RecordKey, _ record: EffectiveRecord, _ raised: RaisedForm, unmask: Bool
    ) throws -> Correction? {
        try Correction(
            of: key, facts: raised.facts(of: record), catalog,
            Masking(forms: catalog.catalog, unmask: unmask), record: store.record
        ) { DeviceWords.words(for: try store.device(of: $0), isHere: true) }
    }

    static func each<Result>(
        _ store: any HubStore, _ catalog: CompiledCatalog, status: String? = nil,
        _ body: (RecordKey, EffectiveRecord, RaisedForm) throws -> Result?
    ) throws -> [Result] {
        var found: [Result] = []
        for raised in catalog.raisedForms {
            let form = raised.definition.form
            func take(_ values: [Value], _ record: EffectiveRecord) throws {
                let key = RecordKey(form: form, values: values)
                if let result = try body(key, record, raised) { found.append(result) }
            }
            if let status {
                try store.records(form: form, where: raised.status, is: Array(status.utf8), take)
            } else {
                try store.export(form: form, from: nil, to: nil, take)
            }
        }
        return found
    }

    /// Whoever answers stands on the register, or holds a post.
    ///
    /// - Throws: ``Failure`` when nobody of this id does.
    func requireKnown(_ person: String) throws {
        if try store.effective(RecordKey(form: BuiltIn.person, values: [.text(person)]))?.exists == true {
            return
        }
        let posts = try PostBook.posts(catalog) { form, body in
            try store.export(form: form, from: nil, to: nil) {
                try body(RecordKey(form: form, values: $0), $1)
            }
        }
        if posts.postings.contains(where: { $0.person.utf8.elementsEqual(person.utf8) }) { return }
        let name = Output.printable(person)
        throw Failure(
            .noInput,
            Words(
                "nobody is called \(name): the id stands neither on the register nor on the roster. Look at "
                    + "`aggregator duty`, or make the person known with `aggregator import people`; nothing "
                    + "was changed",
                zh: "没有编号为 \(name) 的人员：登记册和值班表中均无此编号。请查看 aggregator duty，"
                    + "或用 aggregator import people 导入人员；未作任何改动"))
    }

    /// - Parameter name: the short name that lists show.
    /// - Throws: ``Failure`` when there is none, or several.
    func key(named name: String) throws -> RecordKey {
        let wanted = name.lowercased()
        let found = try RaisedDesk.each(store, catalog) { key, _, _ in
            RaisedRow.name(of: key) == wanted ? key : nil
        }
        guard let key = found.first, found.count == 1 else {
            throw Failure(
                .noInput,
                Words(
                    "there is no alert \(Output.printable(name)); `aggregator alerts list --all` names them",
                    zh: "没有编号为 \(Output.printable(name)) 的预警；可用 aggregator alerts list --all 查看"))
        }
        return key
    }

    /// What somebody answers.
    struct Answer {
        var by: String
        /// For the audit log.
        var act: String
        /// Given what the record says: what is to be said, or why not.
        var values: (RaisedForm, EffectiveRecord, Milliseconds) throws -> [(name: String, value: Value)]
    }

    /// Writes what somebody answers, as a version whose author has seen all there is of the record.
    func write(_ answer: Answer, to key: RecordKey, now: Milliseconds) throws {
        guard let form = catalog[key.form], let raised = RaisedForm(form.definition) else {
            throw SheetError(.unknownForm, subject: key.form)
        }
        // What was due before is done before.
        var rules = HubRules()
        _ = try? rules.lookAll(at: store, now: now)
        try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            guard let state = try transaction.record(key) else { return }
            let record = state.effective(under: form.mergeRules)
            guard record.exists else {
                throw Failure(
                    .noInput,
                    Words(
                        "\(RaisedRow.name(of: key)) has been withdrawn: it does not hold any more, or was "
                            + "raised by a clock that ran ahead, and comes again when it holds; nothing was "
                            + "changed",
                        zh: "\(RaisedRow.name(of: key)) 已撤回：情况已不存在，或系时钟过快时误触发，再次出现时会重新触发；"
                            + "未作任何改动"))
            }
            let values = try answer.values(raised, record, now)
            let assignments = raised.assignments(values)
            let settling = Set(assignments.map(\.field))
            for edit in state.edits(assignments, settling: settling, under: form.mergeRules) {
                try transaction.author(
                    Draft(
                        lane: .urgent, key: key, formRevision: form.definition.revision,
                        context: edit.context, author: Array(answer.by.utf8), assignments: edit.assignments))
            }
            try transaction.act(answer.act, detail: "\(key.form) \(RecordText.text(key)) by \(answer.by)")
        }
    }
}
