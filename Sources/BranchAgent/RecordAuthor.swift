import Forms
import SyncCore
import SyncStore

/// Writes versions of records as a person or an import means them: picks the lane, and raises what rules call
/// for.
struct RecordAuthor {
    struct Written: Sendable, Hashable {
        /// One for each edit; several where something stays in question.
        var dots: [Dot]
        var lane: Lane
        /// Records that a rule raised right after it.
        var raised: [RecordKey]
    }

    let catalog: CompiledCatalog

    /// Authors one version. A record that is new gets all fields of its form, so that its first version is
    /// whole. One that is not keeps what is in question: see `RecordState.edits`.
    ///
    /// - Parameters:
    ///   - shown: the record as the author was shown it when it was opened; nil: as it stands now.
    ///   - replica: the replica id under which the record was opened; nil: the present one.
    ///   - settling: fields in conflict whose candidates the author was shown.
    @discardableResult func author(
        _ form: CompiledForm, key: RecordKey, assignments: [Assignment], stated: Milliseconds? = nil,
        firstCreated: Milliseconds? = nil, author: [UInt8] = [], shown: RecordState? = nil,
        replica: Token16? = nil, settling: Set<FieldID> = [], in transaction: any AgentTransaction
    ) throws -> Written {
        let opened = try shown ?? transaction.record(key) ?? RecordState()
        let lost = try lost(of: opened, by: form, in: transaction)
        let edits = edits(
            assignments, settling: settling, by: form, onto: opened, lost: lost
        ).map { edit in
            var edit = edit
            edit.stated = stated
            return edit
        }
        return try self.author(
            edits, of: key, by: form, firstCreated: firstCreated, author: author, replica: replica,
            in: transaction)
    }

    /// Authors one version for each edit, and raises what rules call for.
    @discardableResult func author(
        _ edits: [RecordEdit], of key: RecordKey, by form: CompiledForm, firstCreated: Milliseconds? = nil,
        author: [UInt8] = [], replica: Token16? = nil, in transaction: any AgentTransaction
    ) throws -> Written {
        let state = try transaction.record(key) ?? RecordState()
        let whole = edits.flatMap(\.assignments)
        let before = state.effective(under: form.mergeRules)
        func value(_ field: FieldID) -> Value? {
            whole.first { $0.field == field }?.value ?? before[field]
        }
        let raised = whole.isEmpty ? [] : form.raised(for: key, value) { catalog[$0]?.definition }
        let lane: Lane = raised.isEmpty ? .routine : .urgent
        var written = Written(dots: [], lane: lane, raised: [])
        for edit in edits {
            written.dots.append(
                try transaction.author(
                    Draft(
                        lane: lane, key: key, formRevision: form.definition.revision, context: edit.context,
                        replica: replica, isDelete: edit.isDelete, stated: edit.stated,
                        firstCreated: firstCreated,
                        author: author, assignments: edit.assignments)))
        }
        for record in raised where try isNew(record.key, in: transaction) {
            guard let definition = catalog[record.key.form]?.definition else { continue }
            try transaction.author(
                Draft(
                    lane: .urgent, key: record.key, formRevision: definition.revision, context: .empty,
                    stated: edits.first?.stated, firstCreated: firstCreated, author: author,
                    assignments: record.assignments(definition)))
            written.raised.append(record.key)
        }
        return written
    }

    private func edits(
        _ assignments: [Assignment], settling: Set<FieldID>, by form: CompiledForm, onto opened: RecordState,
        lost: [Assignment]
    ) -> [RecordEdit] {
        if opened.isEmpty {
            return [RecordEdit(assignments: completed(assignments, by: form.definition), context: .empty)]
        }
        // It moves the first-created time only.
        if assignments.isEmpty { return [RecordEdit(assignments: [], context: opened.seen)] }
        let whole = assignments + lost.filter { one in !assignments.contains { $0.field == one.field } }
        return opened.edits(whole, settling: settling, under: form.mergeRules).map { edit in
            edit.context.isEmpty ? withRequired(edit, of: opened, by: form) : edit
        }
    }

    /// What stands as the centre has not taken it: who corrects a version that is held back there covers it,
    /// so that the centre would never hear of the rest of it. Not what its verdicts name, which is what is
    /// wrong, nor what moves with that.
    private func lost(
        of opened: RecordState, by form: CompiledForm, in transaction: any AgentTransaction
    ) throws -> [Assignment] {
        var faults: [Dot: Set<FieldID>] = [:]
        for version in opened.siblings {
            let verdicts = try transaction.verdicts(of: version.dot)
            let last = verdicts.last { $0.kind == .quarantined || $0.kind == .released }
            guard last?.kind == .quarantined else { continue }
            faults[version.dot] = Set(verdicts.filter { $0.kind == .quarantined }.map(\.field))
        }
        if faults.isEmpty { return [] }
        let rules = form.mergeRules
        return opened.effective(under: rules).fields.compactMap { field in
            guard !field.isConflict, let known = rules[field.field], let wrong = faults[field.setter],
                wrong.isDisjoint(with: [field.field] + rules.group(of: field.field, at: .max))
            else { return nil }
            return Assignment(
                field: field.field, retentionClass: known.retentionClass, value: field.value)
        }
    }

    /// A version that has been shown nothing must say what is required, as if the record were new.
    private func withRequired(
        _ edit: RecordEdit, of opened: RecordState, by form: CompiledForm
    ) -> RecordEdit {
        let record = opened.effective(under: form.mergeRules)
        var edit = edit
        for field in form.definition.fields where field.required == true {
            guard !edit.assignments.contains(where: { $0.field == field.id }), let value = record[field.id]
            else { continue }
            edit.assignments.append(
                Assignment(field: field.id, retentionClass: field.retentionClass, value: value))
        }
        edit.assignments = opened.completingGroups(of: edit.assignments, under: form.mergeRules)
        edit.assignments.sort { $0.field < $1.field }
        return edit
    }

    private func isNew(_ key: RecordKey, in transaction: any AgentTransaction) throws -> Bool {
        try transaction.record(key)?.isEmpty ?? true
    }

    /// Adds *not stated* for every field that is not assigned.
    private func completed(_ assignments: [Assignment], by form: FormDefinition) -> [Assignment] {
        if assignments.isEmpty { return [] }
        let missing = form.fields.filter { field in !assignments.contains { $0.field == field.id } }
            .map { Assignment(field: $0.id, retentionClass: $0.retentionClass, value: .notStated) }
        return (assignments + missing).sorted { $0.field < $1.field }
    }
}
