package import SyncCore

/// Bugs that a simulation switches on in the stores in memory, to show that its checkers find them. The
/// stores of the programs have no such switch.
package struct MemoryDefects: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Another version with the same sequence counts as the same.
    package static let sequenceAlone = MemoryDefects(rawValue: 1 << 0)
    /// What a failing transaction wrote before it failed stays.
    package static let noRollback = MemoryDefects(rawValue: 1 << 1)
    /// A replaced connection may still write.
    package static let sessionUnchecked = MemoryDefects(rawValue: 1 << 2)
    package static let appliedTwice = MemoryDefects(rawValue: 1 << 4)
    /// What is quarantined is merged all the same.
    package static let quarantineCounts = MemoryDefects(rawValue: 1 << 5)
    /// Who sees what came after a version that is held back counts as having seen that one too.
    package static let holeForgotten = MemoryDefects(rawValue: 1 << 6)
    /// A store that was copied writes its versions again with contexts that speak of the old names.
    package static let contextsVerbatim = MemoryDefects(rawValue: 1 << 9)
    /// A hub that was put back goes on as if it had not been.
    package static let epochKept = MemoryDefects(rawValue: 1 << 10)
    /// Of a record only the latest version is kept.
    package static let wholeRecord = MemoryDefects(rawValue: 1 << 7)
    /// Of a field only the value with the latest time is kept.
    package static let clockOrder = MemoryDefects(rawValue: 1 << 8)

    /// What a revoked device hands over counts.
    package static let revokedCounts = MemoryDefects(rawValue: 1 << 3)
    /// What is purged stays in force.
    package static let purgeLeavesTables = MemoryDefects(rawValue: 1 << 11)
    /// Own versions are pruned before they are backed up.
    package static let pruneUnbacked = MemoryDefects(rawValue: 1 << 12)

    package func reshaped(_ state: RecordState) -> RecordState {
        guard !isDisjoint(with: [.wholeRecord, .clockOrder]), let latest = state.latest else { return state }
        let kept = state.siblings.filter { sibling in
            if contains(.wholeRecord) { return sibling.dot == latest.dot }
            return RecordState.fields(of: sibling).contains { field in
                state.holds(sibling, field)
                    && !state.siblings.contains {
                        RecordState.fields(of: $0).contains(field) && $0.isLater(than: sibling)
                    }
            }
        }
        return RecordState(
            siblings: kept, covers: state.covers, seen: state.seen, firstCreated: state.firstCreated,
            formRevision: state.formRevision, aliases: state.aliases)
    }
}
