/// What one version of an edit is to say: the author's wish, with a context that covers what was shown.
public struct RecordEdit: Sendable, Hashable {
    /// Ascending by field.
    public var assignments: [Assignment]
    public var isDelete: Bool
    public var context: Context
    /// Nil: when it is written.
    public var stated: Milliseconds?

    public init(
        assignments: [Assignment], isDelete: Bool = false, context: Context, stated: Milliseconds? = nil
    ) {
        self.assignments = assignments.sorted { $0.field < $1.field }
        self.isDelete = isDelete
        self.context = context
        self.stated = stated
    }
}

extension RecordState {
    /// What an author has been shown who was shown everything but `open`, versions that stay beside what the
    /// author writes; all their names are left out.
    public func context(leaving open: [Dot]) -> Context {
        let left = open.flatMap { names(of: $0) }.filter { seen.covers($0) }
        if left.isEmpty { return seen }
        var vector = seen.vector
        for dot in left where vector.covers(dot) { vector[dot.origin] = dot.sequence - 1 }
        guard var context = Context(canonical: vector, dots: []) else { return .empty }
        for dot in seen.dots + siblings.flatMap({ names(of: $0.dot) })
        where seen.covers(dot) && !left.contains(dot) {
            context.includeSingle(dot)
        }
        return context
    }

    /// The versions that say what an author wants and settle nothing but what the author was asked about.
    ///
    /// A field in conflict that the author was not asked about keeps its candidates: what is assigned to it
    /// stands beside them, in a version of its own. A delete in question stays in question. All fields of a
    /// merge group are assigned when one is; those that are not named keep what stands.
    ///
    /// - Parameter settling: the fields in conflict whose candidates the author was shown; 0 stands for the
    ///   record's existence.
    public func edits(
        _ wanted: [Assignment], settling: Set<FieldID> = [], under rules: MergeRules
    ) -> [RecordEdit] {
        let conflicts = conflicts(under: rules)
        let whole = completingGroups(of: wanted, under: rules)
        let open = conflicts.filter { !$0.fields.contains(where: settling.contains) }
        let deletes = open.filter(\.isAboutExistence).flatMap { conflict in
            conflict.options.filter(\.isDelete).flatMap(\.dots)
        }
        let beside = open.filter { conflict in
            !conflict.isAboutExistence && whole.contains { conflict.fields.contains($0.field) }
        }
        let apart = Set(beside.flatMap(\.fields))
        let plain = whole.filter { !apart.contains($0.field) }
        var edits: [RecordEdit] = []
        if !plain.isEmpty { edits.append(RecordEdit(assignments: plain, context: context(leaving: deletes))) }
        let rest = whole.filter { apart.contains($0.field) }
        if !rest.isEmpty {
            let dots = deletes + beside.flatMap { $0.options.flatMap(\.dots) }
            edits.append(RecordEdit(assignments: rest, context: context(leaving: dots)))
        }
        return edits
    }

    /// `wanted`, and the effective values of the fields that move with those named.
    public func completingGroups(of wanted: [Assignment], under rules: MergeRules) -> [Assignment] {
        guard rules.fields.contains(where: { $0.group != nil }) else { return wanted }
        let record = effective(under: rules)
        var whole = wanted
        for assignment in wanted {
            for id in rules.group(of: assignment.field, at: .max)
            where !whole.contains(where: { $0.field == id }) {
                whole.append(
                    Assignment(
                        field: id, retentionClass: rules[id]?.retentionClass ?? 0,
                        value: record[id] ?? .notStated))
            }
        }
        return whole.sorted { $0.field < $1.field }
    }

    /// A field that a version may assign anew only to say that the record lives: its value is in no question.
    /// Nil when there is none.
    public func assertion(under rules: MergeRules) -> [Assignment]? {
        for field in effective(under: rules).fields where !field.isConflict {
            let version = siblings.first { $0.dot == field.setter }
            let said = version?.assignments.first { $0.field == field.field }
            guard let said, said.value == field.value else { continue }
            return completingGroups(of: [said], under: rules)
        }
        return nil
    }
}
