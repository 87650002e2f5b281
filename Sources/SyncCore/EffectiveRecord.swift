/// One candidate value of a field and the version that set it.
public struct Candidate: Sendable, Hashable {
    public var value: Value
    public var setter: Dot

    public init(value: Value, setter: Dot) {
        self.value = value
        self.setter = setter
    }
}

/// A field's effective value and where it comes from.
public struct EffectiveField: Sendable, Hashable {
    public var field: FieldID
    public var value: Value
    /// The dot that set the value; for `union`, `highest` and `any` the latest that contributed.
    public var setter: Dot
    /// All candidates, latest first.
    public var candidates: [Candidate]
    /// Different values under `latest`, none of whose authors had seen the other, of this field or of another
    /// of its merge group.
    public var isConflict: Bool

    public init(field: FieldID, value: Value, setter: Dot, candidates: [Candidate], isConflict: Bool) {
        self.field = field
        self.value = value
        self.setter = setter
        self.candidates = candidates
        self.isConflict = isConflict
    }
}

/// What a record says, as a pure function of its versions and the merge policies.
public struct EffectiveRecord: Sendable, Hashable {
    public var exists: Bool
    /// Ascending by field.
    public var fields: [EffectiveField]
    public var firstCreated: Milliseconds
    /// A delete stands beside an edit, and neither author had seen the other.
    public var isDeleteConflict: Bool

    /// Whether a person is asked something. Nobody is asked about the fields of a record that is gone.
    public var hasConflict: Bool { isDeleteConflict || exists && fields.contains(where: \.isConflict) }

    public subscript(field: FieldID) -> Value? { fields.first { $0.field == field }?.value }
}

extension RecordState {
    /// The version in force: the latest of those that hold a field.
    public var latest: Version? {
        siblings.reduce(nil) { best, next in
            guard let best else { return next }
            return next.isLater(than: best) ? next : best
        }
    }

    /// The effective value under the rules of the highest form revision among the versions.
    public func effective(under rules: MergeRules) -> EffectiveRecord {
        var record = effective { rules.policy(of: $0, at: formRevision) }
        guard rules.fields.contains(where: { $0.group != nil }) else { return record }
        // All fields of a group have the same candidates, so that the same version sets them all already.
        for field in record.fields where field.isConflict {
            let group = rules.group(of: field.field, at: formRevision)
            for index in record.fields.indices where group.contains(record.fields[index].field) {
                record.fields[index].isConflict = true
            }
        }
        return record
    }

    /// The effective value under `policy`, every field alone.
    public func effective(policy: (FieldID) -> MergePolicy) -> EffectiveRecord {
        let ordered = siblings.sorted { $0.isLater(than: $1) }
        let living = ordered.filter { holds($0, RecordState.existence) }
        let deleted = living.contains(where: \.isDelete)
        let alive = living.contains { !$0.isDelete }
        let fields = Set(ordered.flatMap { $0.assignments.map(\.field) }).sorted()
        return EffectiveRecord(
            exists: alive, fields: fields.compactMap { effective($0, from: ordered, policy: policy($0)) },
            firstCreated: firstCreated, isDeleteConflict: deleted && alive)
    }

    private func effective(_ field: FieldID, from ordered: [Version], policy: MergePolicy) -> EffectiveField?
    {
        var candidates: [Candidate] = []
        for version in ordered {
            for assignment in version.assignments where assignment.field == field && holds(version, field) {
                candidates.append(Candidate(value: assignment.value, setter: version.dot))
            }
        }
        guard let latest = candidates.first else { return nil }
        let differ = candidates.contains { $0.value != latest.value }
        var chosen = latest
        if differ {
            switch policy {
            case .latest: break
            case .highest: chosen = candidates.reduce(latest) { EffectiveRecord.higher($0, $1) }
            case .any: chosen = candidates.first { $0.value == .integer(1) } ?? latest
            case .union: chosen.value = EffectiveRecord.union(candidates.map(\.value))
            }
        }
        return EffectiveField(
            field: field, value: chosen.value, setter: chosen.setter, candidates: candidates,
            isConflict: differ && policy == .latest)
    }
}

extension EffectiveRecord {
    /// The candidate with the greater number; a stated value beats *not stated*, the first wins a tie.
    fileprivate static func higher(_ left: Candidate, _ right: Candidate) -> Candidate {
        switch (left.value, right.value) {
        case (.integer(let mine), .integer(let theirs)): theirs > mine ? right : left
        case (.decimal(let mine, let scale), .decimal(let theirs, let other)) where scale == other:
            theirs > mine ? right : left
        case (.text(let mine), .text(let theirs)): mine.lexicographicallyPrecedes(theirs) ? right : left
        case (.notStated, .notStated): left
        case (.notStated, _): right
        default: left
        }
    }

    /// All list items of all candidates, sorted by bytes, each once.
    fileprivate static func union(_ values: [Value]) -> Value {
        var items: Set<[UInt8]> = []
        for value in values {
            switch value {
            case .list(let more): items.formUnion(more)
            case .text(let one): items.insert(one)
            default: break
            }
        }
        return .list(items.sorted { $0.lexicographicallyPrecedes($1) })
    }
}
