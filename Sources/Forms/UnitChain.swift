/// A unit and those above it.
package enum UnitChain {
    /// So many at most; a tree is never that high, and one that goes round has no top.
    private static let longest = 64

    /// - Parameter above: the unit above one; nil or empty: it is at the top.
    /// - Returns: the nearest first, each once.
    package static func from(_ unit: String, above: (String) -> String?) -> [String] {
        var chain = [unit]
        while chain.count < longest, let next = above(chain[chain.count - 1]), !next.isEmpty,
            !chain.contains(next)
        {
            chain.append(next)
        }
        return chain
    }
}
