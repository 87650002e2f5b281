/// New names for versions that were written again: what had (`origin`, `after` + n) now has (`fresh`, n).
///
/// The old names above `after` may be somebody else's versions: a context that goes on naming them would
/// cover what nobody was shown.
public struct OriginRename: Sendable, Hashable {
    public var origin: OriginID
    public var after: UInt64
    public var fresh: OriginID

    public init(origin: OriginID, after: UInt64, fresh: OriginID) {
        self.origin = origin
        self.after = after
        self.fresh = fresh
    }

    public func renamed(_ dot: Dot) -> Dot {
        guard dot.origin == origin, dot.sequence > after else { return dot }
        return Dot(origin: fresh, sequence: dot.sequence - after)
    }
}

extension Context {
    public func renamed(_ renames: [OriginRename]) -> Context {
        var vector = self.vector
        var dots = self.dots
        for rename in renames {
            let count = vector[rename.origin]
            if count > rename.after {
                vector[rename.origin] = rename.after
                vector.include(Dot(origin: rename.fresh, sequence: count - rename.after))
            }
            dots = dots.map { rename.renamed($0) }
        }
        return Context(canonical: vector, dots: dots.filter { !vector.covers($0) }.sorted()) ?? self
    }
}

extension Context {
    /// - Parameters:
    ///   - names: new names of single versions.
    ///   - ends: what these origins call above such a sequence is not to be named any more.
    package func renamed(_ names: [Dot: Dot], beyond ends: [OriginID: UInt64]) -> Context {
        var renamed = Context()
        func isKept(_ dot: Dot) -> Bool { ends[dot.origin].map { dot.sequence <= $0 } ?? true }
        for entry in vector.entries {
            let count = min(entry.count, ends[entry.origin] ?? .max)
            if count > 0 { renamed.includePrefix(Dot(origin: entry.origin, sequence: count)) }
        }
        for dot in dots where isKept(dot) { renamed.includeSingle(dot) }
        for (old, new) in names.sorted(by: { $0.key < $1.key }) where covers(old) {
            renamed.includeSingle(new)
        }
        return renamed
    }
}

extension Version {
    /// The same version under its new name; the first name it ever had stays with it.
    public func renamed(_ renames: [OriginRename]) -> Version {
        var version = self
        version.context = context.renamed(renames)
        for rename in renames { version.dot = rename.renamed(version.dot) }
        if version.dot != dot { version.authoredDot = authoredDot ?? dot }
        return version
    }
}
