import SyncCore

extension MemoryHubStore {
    /// Everything that a store holds, as it stood at some moment.
    package struct Snapshot {
        fileprivate var content: Content
        fileprivate var ownLanes: [Lane: OriginID]
    }

    package var snapshot: Snapshot { Snapshot(content: content, ownLanes: ownLanes) }

    /// Makes the store what it was then, without a word to anybody: as a machine does that is put back.
    package func restore(_ snapshot: Snapshot) {
        content = snapshot.content
        ownLanes = snapshot.ownLanes
    }
}
