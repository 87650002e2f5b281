import SyncCore

/// What people were told: which versions are saved, and what they had been shown when they opened a record.
final class Ledger {
    struct Saved {
        var version: Version
        var record: Int
        /// The versions of the record that its author had been shown.
        var shown: Set<Dot>
    }

    private(set) var saved: [Saved] = []
    private var opened: [Int: [Int: Set<Dot>]] = [:]

    func shown(agent: Int, _ record: Int, _ dots: [Dot]) { opened[agent, default: [:]][record] = Set(dots) }

    func acknowledged(_ version: Version, record: Int, agent: Int) {
        let shown = opened[agent]?[record] ?? []
        opened[agent]?[record] = nil
        saved.append(Saved(version: version, record: record, shown: shown))
    }

    /// Opened elsewhere: the centre's.
    static let centre = -1
}
