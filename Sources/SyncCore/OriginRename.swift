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
