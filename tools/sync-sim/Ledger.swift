import SyncCore

/// What a version was first called, and by whom: it keeps that name when its replica writes it again under
/// another origin.
struct FirstName: Hashable {
    var dot: Dot
    var author: [UInt8]

    init(_ version: Version) {
        dot = version.authoredDot ?? version.dot
        author = version.author
    }
}

/// What people were told: which versions are saved, and what they had been shown when they opened a record.
final class Ledger {
    struct Saved {
        var version: Version
        var record: Int
        /// The branch, or ``centre``.
        var author: Int
        /// The versions of the record that its author had been shown.
        var shown: Set<FirstName>
    }

    private(set) var saved: [Saved] = []
    private var opened: [Int: [Int: Set<FirstName>]] = [:]

    func shown(to author: Int, _ record: Int, _ versions: [Version]) {
        opened[author, default: [:]][record] = Set(versions.map(FirstName.init))
    }

    func acknowledged(_ version: Version, record: Int, author: Int) {
        let shown = opened[author]?[record] ?? []
        opened[author]?[record] = nil
        saved.append(Saved(version: version, record: record, author: author, shown: shown))
    }

    /// The branch's disk was put back: what it alone knew is gone, and its people have been told so.
    func forget(_ isGone: (Saved) -> Bool) { saved.removeAll(where: isGone) }

    static let centre = -1
}
