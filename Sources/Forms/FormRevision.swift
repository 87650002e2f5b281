import SyncCore

extension FormDefinition {
    /// Refuses merge groups that could be torn: their fields come with one revision, are purged together, and
    /// go by `latest`.
    func checkGroups() throws(FormDefinitionError) {
        var used: [FieldID] = []
        for names in groups ?? [] {
            func refuse(_ subject: String) -> FormDefinitionError {
                FormDefinitionError(form: form, subject: subject, code: .badGroup)
            }
            var members: [FieldDefinition] = []
            for name in names {
                guard let field = field(named: name), !used.contains(field.id) else { throw refuse(name) }
                used.append(field.id)
                members.append(field)
            }
            guard let first = members.first, members.count > 1 else { throw refuse(names.first ?? "groups") }
            for member in members
            where member.policy != MergePolicy.latest.rawValue || member.since != first.since
                || member.retentionClass != first.retentionClass
            {
                throw refuse(member.name)
            }
        }
    }

    /// Refuses a revision that changes what is frozen for the life of the form: its keys; ids, names, types,
    /// scales, policies, retention classes and groups of its fields; choices that were there; the days that a
    /// class is kept; that a field is personal. It may add fields, choices, labels, checks and rules, hide
    /// fields, and make them personal.
    ///
    /// - Throws: ``FormDefinitionError`` with `frozen` and what it changes.
    public func check(succeeding older: FormDefinition) throws(FormDefinitionError) {
        func refuse(_ subject: String) -> FormDefinitionError {
            FormDefinitionError(form: form, subject: subject, code: .frozen)
        }
        guard form.utf8.elementsEqual(older.form.utf8) else { throw refuse("form") }
        guard revision > older.revision else { throw refuse("revision \(revision)") }
        guard keys.count == older.keys.count, day?.key == older.day?.key else { throw refuse("keys") }
        for (key, old) in zip(keys, older.keys) {
            guard key.name.utf8.elementsEqual(old.name.utf8), key.type == old.type else {
                throw refuse(old.name)
            }
        }
        guard audience == older.audience else { throw refuse("audience") }
        for old in older.fields {
            guard let field = field(old.id), field.isFrozenPart(equalTo: old) else { throw refuse(old.name) }
            let missing = (old.choices ?? []).first { choice in
                !(field.choices ?? []).contains { $0.utf8.elementsEqual(choice.utf8) }
            }
            if let missing { throw refuse("\(old.name): \(missing)") }
            guard field.choices == nil || old.choices != nil else { throw refuse(old.name) }
        }
        for field in fields where older.field(field.id) == nil {
            guard let since = field.since, since > older.revision else { throw refuse(field.name) }
        }
        let groups = groupedFields
        for group in older.groupedFields where !groups.contains(group) {
            throw refuse(older.field(group[0])?.name ?? "groups")
        }
        for group in groups where !older.groupedFields.contains(group) {
            let torn = group.first { older.field($0) != nil }
            if let torn { throw refuse(older.field(torn)?.name ?? "groups") }
        }
        for (name, days) in (older.retentionDays ?? [:]).sorted(by: { $0.key < $1.key })
        where retentionDays?[name] != days {
            throw refuse("retentionDays \(name)")
        }
        let classes = Set(older.fields.map(\.retentionClass))
        for name in (retentionDays ?? [:]).keys.sorted() where older.retentionDays?[name] == nil {
            guard let kept = RetentionClass(name), !classes.contains(kept) else {
                throw refuse("retentionDays \(name)")
            }
        }
    }
}

extension FieldDefinition {
    fileprivate func isFrozenPart(equalTo old: FieldDefinition) -> Bool {
        name.utf8.elementsEqual(old.name.utf8) && type == old.type && (scale ?? 0) == (old.scale ?? 0)
            && policy == old.policy && retentionClass == old.retentionClass
            && (since ?? 1) == (old.since ?? 1) && (personal || !old.personal)
    }
}
