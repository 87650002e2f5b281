public import SyncCore
public import SyncStore

/// What the hub takes when its disk is full.
extension SQLiteHubStore {
    /// Seconds after which an agent may ask again.
    private static let retryAfter: UInt32 = 15

    /// Frees some room on a full disk for what an act writes beside the store.
    public func makeRoomForAct() { connection.makeRoomForAct() }

    public func storage() -> StorageState { connection.storage }

    public func ingest(
        _ submissions: [Submission], now: Milliseconds, progress: (IngestStage) -> Void
    ) throws -> [HubSession.Outcome] {
        guard !submissions.isEmpty else { return [] }
        do {
            return try commit(submissions, claim: .routine, now: now, progress: progress)
        } catch let error as StoreError where error.isOfRoom {
            return try ingestUrgent(submissions, now: now, progress: progress)
        }
    }

    /// Urgent batches go through with the ballast's room, each for itself; of the others nothing is kept.
    private func ingestUrgent(
        _ submissions: [Submission], now: Milliseconds, progress: (IngestStage) -> Void
    ) throws -> [HubSession.Outcome] {
        let lanes = try connection.read { try submissions.map { try origin($0.batch.origin)?.lane } }
        return try submissions.indices.map { index in
            if lanes[index] == .urgent {
                do {
                    return try commit([submissions[index]], claim: .vital, now: now) { stage in
                        switch stage {
                        case .judging: progress(.judging(index))
                        case .applying: progress(.applying(index))
                        case .committing: progress(.committing)
                        }
                    }[0]
                } catch let error as StoreError where error.isOfRoom {
                    // Too much even for the ballast.
                }
            }
            // It is told what concerns it, and keeps what was not taken.
            if submissions[index].session.isSurrender { return .refused(.revoked) }
            return .refused(
                Refuse(
                    .diskFull, retryAfter: SQLiteHubStore.retryAfter,
                    words: "the hub's disk is full; nothing was acknowledged"))
        }
    }
}
