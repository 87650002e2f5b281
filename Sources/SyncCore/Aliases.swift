extension RecordState {
    /// The names under which one version is held, where it was written again under another origin at least
    /// once. A cover of one of them covers all.
    ///
    /// Two dots are names of one version when its first name and its content are the same. The first name
    /// alone does not do: where journals have parted, two versions were called alike.
    public struct Aliases: Sendable, Hashable {
        /// What the version was called when it was written. It need not be held.
        public let first: Dot
        /// The version's ``Version/contentPrint``.
        public let print: UInt64
        /// Ascending.
        public private(set) var dots: [Dot]

        init(first: Dot, print: UInt64, dots: [Dot]) {
            self.first = first
            self.print = print
            self.dots = dots
        }

        /// Takes parts that are canonical already; nil otherwise.
        public init?(first: Dot, print: UInt64, canonical dots: [Dot]) {
            guard dots.contains(where: { $0 != first }), zip(dots, dots.dropFirst()).allSatisfy({ $0 < $1 })
            else { return nil }
            self.init(first: first, print: print, dots: dots)
        }

        mutating func include(_ dot: Dot) {
            guard !dots.contains(dot) else { return }
            dots.insert(dot, at: dots.firstIndex { dot < $0 } ?? dots.count)
        }

        public static func < (left: Aliases, right: Aliases) -> Bool {
            left.first != right.first ? left.first < right.first : left.print < right.print
        }
    }

    /// Whether the version that is called `dot` is held under another name as well.
    public func hasOtherName(_ dot: Dot) -> Bool { names(of: dot).count > 1 }

    /// How many names ``aliases`` has.
    public var aliasCount: Int { aliases.reduce(0) { $0 + $1.dots.count } }

    /// The state that these versions of one record give, in whatever order they came.
    ///
    /// - Parameter seen: what has been seen of the record, these versions among it.
    package init(of versions: [Version], seen: Context) {
        var state = RecordState()
        for version in versions { state.merge(version) { first in versions.first { $0.dot == first } } }
        self.init(
            siblings: state.siblings, covers: state.covers, seen: seen,
            firstCreated: state.firstCreated, formRevision: state.formRevision, aliases: state.aliases)
    }
}

extension Version {
    /// Whether the two are one version, whatever has become of its values.
    package func isNamesake(of other: Version) -> Bool {
        firstName == other.firstName && contentPrint == other.contentPrint
    }

    /// What a version is, without its names and its context, which change when it is written again, and
    /// without its values, of which retention takes some away in one place before another. It finds
    /// accidents, not forgeries: whoever may write can say anything of a record anyway.
    public var contentPrint: UInt64 {
        var hasher = RecordPrint.hasher(form: Array(key.form.utf8), key: Canonical.encode(key: key.values))
        hasher.put(varint: UInt64(formRevision))
        hasher.put((isDelete ? 1 : 0) | (clockTrusted ? 0 : 2))
        hasher.put(zigzag: authored)
        hasher.put(zigzag: stated)
        hasher.put(zigzag: firstCreated)
        hasher.put(counted: author)
        hasher.put(varint: UInt64(assignments.count))
        for assignment in assignments {
            hasher.put(varint: UInt64(assignment.field))
            hasher.put(assignment.retentionClass)
        }
        return hasher.value
    }
}
