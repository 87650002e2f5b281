import Forms
import SyncCore
import SyncStore

/// Writes versions of records as a person or an import means them: picks the lane, and raises what rules call
/// for.
struct RecordAuthor {
    struct Written: Sendable, Hashable {
        var dot: Dot
        var lane: Lane
        /// Records that a rule raised right after it.
        var raised: [RecordKey]
    }

    let catalog: CompiledCatalog

    /// Authors one version. A record that is new gets all fields of its form, so that its first version is
    /// whole.
    ///
    /// - Parameter context: what the author was shown when the record was opened; nil: as it stands now.
    @discardableResult func author(
        _ form: CompiledForm, key: RecordKey, assignments: [Assignment], stated: Milliseconds? = nil,
        firstCreated: Milliseconds? = nil, author: [UInt8] = [], context: Context? = nil,
        in transaction: any AgentTransaction
    ) throws -> Written {
        let state = try transaction.record(key) ?? RecordState()
        let whole = state.isEmpty ? completed(assignments, by: form.definition) : assignments
        let before = state.effective { form.definition.policy(of: $0) }
        func value(_ field: FieldID) -> Value? {
            whole.first { $0.field == field }?.value ?? before[field]
        }
        let raised =
            assignments.isEmpty ? [] : form.raised(for: key, value) { catalog[$0]?.definition }
        let lane: Lane = raised.isEmpty ? .routine : .urgent
        let dot = try transaction.author(
            Draft(
                lane: lane, key: key, formRevision: form.definition.revision, context: context ?? state.seen,
                stated: stated, firstCreated: firstCreated, author: author, assignments: whole))
        var written = Written(dot: dot, lane: lane, raised: [])
        for record in raised where try isNew(record.key, in: transaction) {
            guard let definition = catalog[record.key.form]?.definition else { continue }
            try transaction.author(
                Draft(
                    lane: .urgent, key: record.key, formRevision: definition.revision, context: .empty,
                    stated: stated, firstCreated: firstCreated, author: author,
                    assignments: record.assignments(definition)))
            written.raised.append(record.key)
        }
        return written
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
