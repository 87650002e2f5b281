/// How a field with several candidates gets its effective value.
public enum MergePolicy: String, Sendable, Hashable {
    /// The latest by (clock trusted, stated, authored, origin, sequence). Different values are a conflict.
    case latest
    case highest
    case union
    /// True when any candidate is true.
    case any
}

/// Everything that is known under one key: the versions that still hold a field, and what has been covered.
///
/// It is a join of its versions: the same set gives the same state in whatever order they came. Per field the
/// contexts of all its assignments are joined into a *cover*, and an assignment is a candidate while no cover
/// of its field contains its dot, nor another name of the same version: see ``Aliases``. Fields with equal
/// covers share one entry. Field 0 is the record's existence, which every version with an assignment or a
/// delete assigns.
public struct RecordState: Sendable, Hashable {
    /// The joined contexts of all assignments of `fields`.
    public struct Cover: Sendable, Hashable {
        /// Ascending.
        public var fields: [FieldID]
        public var context: Context

        public init(fields: [FieldID], context: Context) {
            self.fields = fields
            self.context = context
        }
    }

    /// The field number that stands for the record's existence.
    public static let existence: FieldID = 0

    /// Versions that hold at least one field, ascending by dot. One with several names stands here once,
    /// under the least of them, with what any of them had been shown as context.
    public private(set) var siblings: [Version]
    public private(set) var covers: [Cover]
    /// All versions of the record that were applied here: what an author is shown.
    public private(set) var seen: Context
    public private(set) var firstCreated: Milliseconds
    /// The highest form revision among all versions.
    public private(set) var formRevision: UInt32
    /// Of each version that was written again, covered ones as well; ascending by first name and print.
    public private(set) var aliases: [Aliases]

    public init() {
        siblings = []
        covers = []
        aliases = []
        seen = .empty
        firstCreated = .max
        formRevision = 0
    }

    /// For stores: a state as it was taken apart.
    public init(
        siblings: [Version], covers: [Cover], seen: Context, firstCreated: Milliseconds, formRevision: UInt32,
        aliases: [Aliases] = []
    ) {
        self.siblings = siblings
        self.covers = covers
        self.seen = seen
        self.firstCreated = firstCreated
        self.formRevision = formRevision
        self.aliases = aliases
    }

    public var isEmpty: Bool { seen.isEmpty }

    /// Takes a version in. Idempotent, commutative and associative over sets of versions.
    ///
    /// - Parameters:
    ///   - afterHole: an earlier version of this record by the same origin is being held back, so that seeing
    ///     this one does not mean having seen that.
    ///   - original: what the journal holds under a dot, if it counts. Asked only for the first name of a
    ///     version that was written again, where that may have come before and been covered since: what is
    ///     covered, the state itself does not keep.
    public mutating func merge(
        _ version: Version, afterHole: Bool = false, original: (Dot) throws -> Version?
    ) rethrows {
        if afterHole { seen.includeSingle(version.dot) } else { seen.includePrefix(version.dot) }
        firstCreated = min(firstCreated, version.firstCreated)
        formRevision = max(formRevision, version.formRevision)
        try name(version, original: original)
        let assigned = RecordState.fields(of: version)
        if assigned.isEmpty || aliases.isEmpty && siblings.contains(where: { $0.dot == version.dot }) {
            return
        }
        if !version.context.isEmpty { extendCovers(assigned, with: version.context) }
        place(version)
        siblings = siblings.filter { sibling in
            RecordState.fields(of: sibling).contains { holds(sibling, $0) }
        }
    }

    /// Takes a version in where no original can be covered already: all of the record's versions that were
    /// written again came before, or none comes at all.
    public mutating func merge(_ version: Version, afterHole: Bool = false) {
        merge(version, afterHole: afterHole) { _ in nil }
    }

    /// Puts a version among the siblings; with another of its names there, the two become one.
    mutating func place(_ version: Version) {
        var version = version
        if let group = aliases.first(where: { $0.dots.contains(version.dot) }), group.dots.count > 1 {
            if let at = siblings.firstIndex(where: { group.dots.contains($0.dot) }) {
                let other = siblings.remove(at: at)
                let context = version.context.merged(with: other.context)
                if other.dot < version.dot { version = other }
                version.context = context
            }
            version.dot = group.dots[0]
            version.authoredDot = version.dot == group.first ? nil : group.first
        } else if let at = siblings.firstIndex(where: { $0.dot == version.dot }) {
            siblings.remove(at: at)
        }
        let at = siblings.firstIndex { version.dot < $0.dot } ?? siblings.count
        siblings.insert(version, at: at)
    }

    /// Takes in what a version is called.
    mutating func name(
        _ version: Version, original: (Dot) throws -> Version?
    ) rethrows {
        let first = version.firstName
        let isRenamed = first != version.dot
        guard isRenamed || aliases.contains(where: { $0.first == first }) else { return }
        let print = version.contentPrint
        if let at = aliases.firstIndex(where: { $0.first == first && $0.print == print }) {
            aliases[at].include(version.dot)
        } else if isRenamed {
            var group = Aliases(first: first, print: print, dots: [version.dot])
            if seen.covers(first) {
                let known = try siblings.first { $0.dot == first } ?? original(first)
                if let known, known.dot == first, known.firstName == first, known.contentPrint == print {
                    group.include(first)
                }
            }
            let at = aliases.firstIndex { group < $0 } ?? aliases.count
            aliases.insert(group, at: at)
        }
    }

    /// All names under which the version that is called `dot` is held here, ascending.
    public func names(of dot: Dot) -> [Dot] {
        aliases.first { $0.dots.contains(dot) }?.dots ?? [dot]
    }

    /// The fields a version assigns, existence included.
    public static func fields(of version: Version) -> [FieldID] {
        if version.assignments.isEmpty && !version.isDelete { return [] }
        return [existence] + version.assignments.map(\.field)
    }

    /// Whether a sibling's assignment of `field` is a candidate: nobody who assigned the field had been shown
    /// it.
    public func holds(_ sibling: Version, _ field: FieldID) -> Bool {
        if aliases.isEmpty {
            return !covers.contains { $0.fields.contains(field) && $0.context.covers(sibling.dot) }
        }
        let names = names(of: sibling.dot)
        return !covers.contains { $0.fields.contains(field) && names.contains(where: $0.context.covers) }
    }

    private mutating func extendCovers(_ fields: [FieldID], with context: Context) {
        var parts: [Cover] = []
        var uncovered = Set(fields)
        for cover in covers {
            let touched = cover.fields.filter { uncovered.contains($0) }
            let left = cover.fields.filter { !uncovered.contains($0) }
            uncovered.subtract(touched)
            if !left.isEmpty { parts.append(Cover(fields: left, context: cover.context)) }
            if !touched.isEmpty {
                parts.append(Cover(fields: touched, context: cover.context.merged(with: context)))
            }
        }
        if !uncovered.isEmpty { parts.append(Cover(fields: uncovered.sorted(), context: context)) }
        covers = RecordState.grouped(parts)
    }

    /// Joins entries with equal contexts and orders them, so that equal states are equal values.
    private static func grouped(_ parts: [Cover]) -> [Cover] {
        var result: [Cover] = []
        for part in parts {
            if let same = result.firstIndex(where: { $0.context == part.context }) {
                result[same].fields = (result[same].fields + part.fields).sorted()
            } else {
                result.append(part)
            }
        }
        return result.sorted { $0.fields.lexicographicallyPrecedes($1.fields) }
    }
}
