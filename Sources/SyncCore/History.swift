/// A record's whole life: every version, in an order in which each stands behind what its author had been
/// shown, and what became of each field that it assigned.
public struct History: Sendable, Hashable {
    /// What became of one field of one version.
    public enum Outcome: String, Sendable, Hashable {
        /// It says what the record says.
        case inForce = "in_force"
        /// It says the same as the version in force.
        case same
        /// Its items are among those of the record (`union`).
        case merged
        /// Another value, until a person decides.
        case inQuestion = "in_question"
        /// Another value, which the field's policy set aside; it stays readable.
        case overruled
        /// A later version's author had been shown it.
        case replaced
        /// The version is kept whole and does not count.
        case heldBack = "held_back"
    }

    public struct Fate: Sendable, Hashable {
        /// 0: the record's existence.
        public var field: FieldID
        public var outcome: Outcome
        /// The versions that replaced it: those of which none had been shown another.
        public var by: [Dot]
        /// The rule under which candidates of the field are merged.
        public var policy: MergePolicy
    }

    public struct Entry: Sendable, Hashable {
        /// Under the least of its names.
        public var version: Version
        /// All names under which it is held, ascending: more than one when it was written again.
        public var names: [Dot]
        /// Ascending by field; empty for a version that moves only the first-created time.
        public var fates: [Fate]
        /// What was in question among the versions that its author had been shown, and is decided by it.
        public var settled: [Conflict]
    }

    public private(set) var entries: [Entry]
    public let rules: MergeRules
    /// What each version's author had been shown, by the names under which versions stand here.
    private let shown: [Dot: Context]

    /// - Parameter heldBack: versions that are kept and do not count, such as those in quarantine.
    public init(_ versions: [Version], heldBack: Set<Dot> = [], under rules: MergeRules) {
        self.rules = rules
        let held = versions.filter { heldBack.contains($0.dot) }
        let gathered = History.gathered(versions.filter { !heldBack.contains($0.dot) })
        let ordered = History.ordered(gathered.map(\.shown) + held)
        let counted = ordered.filter { !heldBack.contains($0.dot) }
        var state = RecordState()
        // What is held back was shown to nobody; here it matters only which version covers which.
        for version in counted { state.merge(version, afterHole: true) }
        let record = state.effective(under: rules)
        let writers = History.writers(counted)
        shown = Dictionary(ordered.map { ($0.dot, $0.context) }, uniquingKeysWith: { first, _ in first })
        let written = Dictionary(
            gathered.map { ($0.shown.dot, $0) }, uniquingKeysWith: { first, _ in first })
        entries = ordered.map { version in
            let isHeldBack = heldBack.contains(version.dot)
            let fates = RecordState.fields(of: version).sorted().map { field in
                var fate = Fate(
                    field: field, outcome: .heldBack, by: [],
                    policy: rules.policy(of: field, at: state.formRevision))
                if isHeldBack { return fate }
                fate.by = History.replacements(of: version.dot, among: writers[field] ?? [])
                fate.outcome =
                    fate.by.isEmpty ? History.outcome(of: version, field, in: record, state) : .replaced
                return fate
            }
            let known = isHeldBack ? nil : written[version.dot]
            return Entry(
                version: known?.written ?? version, names: known?.names ?? [version.dot], fates: fates,
                settled: [])
        }
        markSettled(counted)
    }

    /// The entry of a version, by any of its names.
    public subscript(dot: Dot) -> Entry? { entries.first { $0.names.contains(dot) } }

    /// The latest version that decided something.
    public var lastSettlement: Entry? { entries.last { !$0.settled.isEmpty } }

    /// Versions whose authors had not been part of what `dot` decided: they assign one of its fields, and it
    /// had not been shown them.
    public func writtenSince(_ dot: Dot) -> [Version] {
        guard let entry = self[dot], let context = shown[entry.version.dot] else { return [] }
        let fields = Set(entry.settled.flatMap(\.fields))
        return entries.filter { other in
            other.version.dot != entry.version.dot && !context.covers(other.version.dot)
                && other.fates.contains { fields.contains($0.field) && $0.outcome != .heldBack }
        }.map(\.version)
    }

    // MARK: - Parts

    /// One version with all its names.
    private struct Gathered {
        /// As it was written, under the least of its names.
        var written: Version
        /// With the contexts that it has under any of them; whatever it names, it names by the least name.
        var shown: Version
        var names: [Dot]
    }

    private static func gathered(_ versions: [Version]) -> [Gathered] {
        let again = versions.filter { $0.firstName != $0.dot }
        if again.isEmpty {
            return versions.map { Gathered(written: $0, shown: $0, names: [$0.dot]) }
        }
        var state = RecordState()
        for version in again + versions { state.name(version) { _ in nil } }
        var result: [Gathered] = []
        var places: [Dot: Int] = [:]
        for version in versions.sorted(by: { $0.dot < $1.dot }) {
            let names = state.names(of: version.dot)
            if let known = places[names[0]] {
                result[known].shown.context = result[known].shown.context.merged(with: version.context)
            } else {
                places[names[0]] = result.count
                result.append(Gathered(written: version, shown: version, names: names))
            }
        }
        let several = result.map(\.names).filter { $0.count > 1 }
        for index in result.indices {
            for names in several where names.contains(where: result[index].shown.context.covers) {
                result[index].shown.context.includeSingle(names[0])
            }
        }
        return result
    }

    private mutating func markSettled(_ counted: [Version]) {
        var replaced: [Dot: [FieldID: Int]] = [:]
        for entry in entries {
            for fate in entry.fates {
                for dot in fate.by { replaced[dot, default: [:]][fate.field, default: 0] += 1 }
            }
        }
        for index in entries.indices {
            let version = entries[index].version
            let context = self.shown[version.dot] ?? version.context
            guard replaced[version.dot]?.values.contains(where: { $0 > 1 }) == true else { continue }
            var shown = RecordState()
            for other in counted where other.dot != version.dot && context.covers(other.dot) {
                shown.merge(other, afterHole: true)
            }
            let assigned = RecordState.fields(of: version)
            entries[index].settled = shown.conflicts(under: rules).filter { conflict in
                conflict.fields.contains(where: assigned.contains)
            }
        }
    }

    private static func writers(_ versions: [Version]) -> [FieldID: [Version]] {
        var writers: [FieldID: [Version]] = [:]
        for version in versions {
            for field in RecordState.fields(of: version) { writers[field, default: []].append(version) }
        }
        return writers
    }

    private static func replacements(of dot: Dot, among writers: [Version]) -> [Dot] {
        var first: [Dot] = []
        for writer in writers where writer.context.covers(dot) {
            if !first.contains(where: writer.context.covers) { first.append(writer.dot) }
        }
        return first
    }

    private static func outcome(
        of version: Version, _ field: FieldID, in record: EffectiveRecord, _ state: RecordState
    ) -> Outcome {
        if field == RecordState.existence {
            if record.isDeleteConflict { return version.isDelete ? .inQuestion : .inForce }
            return .inForce
        }
        guard let now = record.fields.first(where: { $0.field == field }) else { return .overruled }
        if now.setter == version.dot { return .inForce }
        let said = version.assignments.first { $0.field == field }?.value
        if said == now.value { return .same }
        if now.isConflict { return .inQuestion }
        if case .list(let items) = said, case .list(let all) = now.value, items.allSatisfy(all.contains) {
            return .merged
        }
        return .overruled
    }

    /// Causes before what follows from them; where neither is known of the other, by authored time and dot.
    private static func ordered(_ versions: [Version]) -> [Version] {
        let sorted = versions.sorted { $0.dot < $1.dot }
        var journals: [ArraySlice<Version>] = []
        var start = 0
        for index in sorted.indices
        where index + 1 == sorted.count
            || sorted[index + 1].dot.origin != sorted[index].dot.origin
        {
            journals.append(sorted[start...index])
            start = index + 1
        }
        var waiting = Set(sorted.map(\.dot))
        var result: [Version] = []
        while result.count < sorted.count {
            let heads = journals.compactMap(\.first)
            let ready = heads.filter { head in
                !heads.contains { $0.dot != head.dot && head.context.covers($0.dot) }
                    && !head.context.dots.contains { $0 != head.dot && waiting.contains($0) }
            }
            // Only contexts that cannot be true wait for each other.
            let next = (ready.isEmpty ? heads : ready).min {
                ($0.authored, $0.dot) < ($1.authored, $1.dot)
            }
            guard let next, let journal = journals.firstIndex(where: { $0.first?.dot == next.dot }) else {
                break
            }
            journals[journal].removeFirst()
            if journals[journal].isEmpty { journals.remove(at: journal) }
            waiting.remove(next.dot)
            result.append(next)
        }
        return result
    }
}

extension RecordState {
    /// The versions that put back into question what `entry` decided, each as the author wrote it who had not
    /// been shown the others: the answers stand beside each other again.
    public func undoing(_ entry: History.Entry, under rules: MergeRules) -> [RecordEdit] {
        entry.settled.flatMap { conflict in
            // The latest is written last, so that it stands meanwhile as it did before.
            conflict.options.reversed().compactMap { option -> RecordEdit? in
                let stated = option.versions.first?.stated
                guard conflict.isAboutExistence else {
                    return RecordEdit(assignments: option.assignments, context: seen, stated: stated)
                }
                if option.isDelete {
                    return RecordEdit(assignments: [], isDelete: true, context: seen, stated: stated)
                }
                // Whoever edited had said a field; it is said again as it stands now.
                guard let said = self.assertion(under: rules) ?? option.versions.first?.assignments else {
                    return nil
                }
                return RecordEdit(assignments: said, context: seen, stated: stated)
            }
        }
    }
}
