/// One thing about a record that only a person can decide: a field, a merge group, or whether it exists.
public struct Conflict: Sendable, Hashable {
    /// One answer, with the versions that give it.
    public struct Option: Sendable, Hashable {
        /// Latest first; each holds a field of the conflict.
        public var versions: [Version]
        /// Ascending by field; empty where it is about the record's existence.
        public var assignments: [Assignment]
        /// Only where it is about the record's existence.
        public var isDelete: Bool

        public var dots: [Dot] { versions.map(\.dot) }
    }

    /// Ascending; field 0 alone where a delete stands beside an edit.
    public var fields: [FieldID]
    /// Two or more, latest first: the first one stands meanwhile, and a record lives meanwhile.
    public var options: [Option]

    public var isAboutExistence: Bool { fields == [RecordState.existence] }

    /// When a second answer was first written, by its author's clock.
    public var since: Milliseconds {
        let times = options.map { $0.versions.map(\.authored).min() ?? 0 }.sorted()
        return times.count > 1 ? times[1] : times.first ?? 0
    }
}

extension RecordState {
    /// What is to be decided, existence first, then by field. Empty when nothing is.
    public func conflicts(under rules: MergeRules) -> [Conflict] {
        let record = effective(under: rules)
        guard record.hasConflict else { return [] }
        var conflicts: [Conflict] = []
        if record.isDeleteConflict {
            conflicts.append(
                Conflict(fields: [RecordState.existence], options: options(of: [RecordState.existence])))
        }
        var done: Set<FieldID> = []
        for field in record.fields where field.isConflict && !done.contains(field.field) {
            let group = rules.group(of: field.field, at: formRevision)
            done.formUnion(group)
            conflicts.append(Conflict(fields: group, options: options(of: group)))
        }
        return conflicts
    }

    /// What the siblings say of `fields`, equal answers together, the latest first.
    private func options(of fields: [FieldID]) -> [Conflict.Option] {
        var options: [Conflict.Option] = []
        for version in siblings.sorted(by: { $0.isLater(than: $1) }) {
            guard
                fields.contains(where: { RecordState.fields(of: version).contains($0) && holds(version, $0) })
            else { continue }
            let said = version.assignments.filter { fields.contains($0.field) && holds(version, $0.field) }
            let isDelete = fields == [RecordState.existence] && version.isDelete
            let same = options.firstIndex {
                $0.isDelete == isDelete
                    && $0.assignments.elementsEqual(said) { $0.field == $1.field && $0.value == $1.value }
            }
            if let same {
                options[same].versions.append(version)
            } else {
                options.append(Conflict.Option(versions: [version], assignments: said, isDelete: isDelete))
            }
        }
        return options
    }
}
