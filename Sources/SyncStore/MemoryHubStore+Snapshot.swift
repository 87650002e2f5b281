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

    /// As another run of the program finds it: each writes under origins of its own.
    package func serveAnew() { ownLanes = [:] }

    /// Told that it was put back from a backup, it begins another epoch.
    package func restored() { beginEpoch() }

    /// A batch that came, as any hub keeps it.
    package struct Arrival: Sendable {
        package var batch: VersionBatch
        /// The chain before the batch, and behind it.
        package var before: Digest
        package var after: Digest
        package var lane: Lane
        /// Nil when the hub wrote it itself.
        package var device: Int64?

        package init(
            batch: VersionBatch, before: Digest, after: Digest, lane: Lane, device: Int64?
        ) {
            self.batch = batch
            self.before = before
            self.after = after
            self.lane = lane
            self.device = device
        }
    }

    /// Everything that came, in the order in which it did.
    package var arrivals: [Arrival] {
        content.log.map { segment in
            let origin = content.origins[segment.batch.origin]
            return Arrival(
                batch: segment.batch, before: segment.before, after: segment.after,
                lane: origin?.lane ?? .routine, device: origin?.device)
        }
    }

    /// Fills this store, which is empty, with what another holds: the first batches as they came, the others
    /// in any order that keeps each origin's own.
    ///
    /// - Parameter first: how many batches keep their place.
    package func refill(
        _ arrivals: [Arrival], of devices: [DeviceInfo], first: Int, now: Milliseconds,
        using generator: inout some RandomNumberGenerator
    ) {
        content.devices = devices.map { Device(info: $0, publicKey: []) }
        for arrival in arrivals where content.origins[arrival.batch.origin] == nil {
            content.origins[arrival.batch.origin] = HubOrigin(
                number: Int64(content.origins.count + 1), derivation: arrival.before,
                claim: OriginClaim(lane: arrival.lane, nonce: .zero), device: arrival.device)
        }
        for arrival in arrivals.prefix(first) { take(arrival, now: now) }
        var queues: [OriginID: ArraySlice<Arrival>] = [:]
        for arrival in arrivals.dropFirst(first) {
            queues[arrival.batch.origin, default: []].append(arrival)
        }
        var origins = queues.keys.sorted()
        while !origins.isEmpty {
            let index = Int.random(in: 0..<origins.count, using: &generator)
            guard let arrival = queues[origins[index]]?.popFirst() else {
                origins.remove(at: index)
                continue
            }
            take(arrival, now: now)
        }
    }

    private func take(_ arrival: Arrival, now: Milliseconds) {
        let batch = arrival.batch
        let device = content.origins[batch.origin]?.device
        let unit = content.devices.first { $0.info.id == device }?.info.unit
        var segment = Segment(batch, before: arrival.before, after: arrival.after)
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
