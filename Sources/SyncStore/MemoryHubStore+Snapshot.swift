package import SyncCore

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

    /// Fills this store, which is empty, with what another holds: its first segments as they came, the others
    /// in any order that keeps each origin's own.
    ///
    /// - Parameter first: how many segments keep their place.
    package func refill(
        from other: MemoryHubStore, first: Int, now: Milliseconds,
        using generator: inout some RandomNumberGenerator
    ) {
        content.devices = other.content.devices
        content.origins = other.content.origins
        for id in content.origins.keys {
            content.origins[id]?.held = 0
            content.origins[id]?.receipt = nil
        }
        let log = other.content.log
        for segment in log.prefix(first) { take(segment, now: now) }
        var queues: [OriginID: [Segment]] = [:]
        for segment in log.dropFirst(first) { queues[segment.batch.origin, default: []].append(segment) }
        var origins = queues.keys.sorted()
        while !origins.isEmpty {
            let index = Int.random(in: 0..<origins.count, using: &generator)
            guard var queue = queues[origins[index]], !queue.isEmpty else {
                origins.remove(at: index)
                continue
            }
            take(queue.removeFirst(), now: now)
            queues[origins[index]] = queue
        }
    }

    private func take(_ old: Segment, now: Milliseconds) {
        let device = content.origins[old.batch.origin]?.device
        let unit = content.devices.first { $0.info.id == device }?.info.unit
        var segment = Segment(old.batch)
        apply(&segment, root: unit.map { number(of: Array($0.utf8)) } ?? 0, now: now)
        _ = append(segment, sealed: nil, now: now)
    }

    /// Positions of the arrival log.
    package var logLength: Int { content.log.count }

    /// How much of an origin's journal is here.
    package func held(_ origin: OriginID) -> UInt64 { content.origins[origin]?.held ?? 0 }

    /// Whether a batch was taken, in part at least, behind that position.
    package func isFresh(_ batch: VersionBatch, after position: Int) -> Bool {
        content.log.dropFirst(position).contains {
            $0.batch.origin == batch.origin && $0.batch.last == batch.last
        }
    }

    /// Form and key of every record.
    package var recordKeys: [RecordKey] {
        content.records.keys.sorted().compactMap { content.records[$0]?.key }
    }

    /// What was said of versions, without what was only noted.
    package var refusals: Set<Verdict> {
        Set(content.log.flatMap(\.verdicts).filter { $0.kind != .noted })
    }
}
