public import SyncCore
public import SyncStore

/// What comes in by hand instead of over a connection.
extension SQLiteHubStore {
    /// Judges the device and binds origins that are new. No session of the device is replaced by it.
    ///
    /// - Returns: the reference under which its batches are ingested.
    public func admitCarried(
        _ origins: [CarriedBatches.Origin], publicKey: [UInt8], now: Milliseconds
    ) throws -> Result<SessionRef, Refuse> {
        try connection.write(.vital) {
            let fingerprint = means.hashing(publicKey)
            guard let device = try devices(where: "fingerprint = ?", .digest(fingerprint)).first else {
                return .failure(Refuse(.unknownDevice, words: "this device has not joined here"))
            }
            if device.state == .pending {
                return .failure(Refuse(.pendingDevice, words: "waiting for the centre"))
            }
            let heads = origins.map {
                OriginHead(claim: $0.claim, sequence: 0, head: .zero, isClosed: $0.isClosed)
            }
            switch try bindOrigins(heads, of: device.id, publicKey: publicKey) {
            case .failure(let refuse): return .failure(refuse)
            case .success:
                try act("carried", device: device.id, detail: "\(origins.count) origins", at: now)
                return .success(.carried(by: device.id, isSurrender: device.state == .revoked))
            }
        }
    }

    /// How far an origin is held; 0 for one that is not known.
    public func held(_ id: OriginID) throws -> UInt64 { try connection.read { try origin(id)?.held ?? 0 } }

    /// What is told to the device of these origins: the latest receipts, and what was found out about
    /// versions from the given ones on.
    public func answer(
        of origins: [OriginID], from first: [OriginID: UInt64], now: Milliseconds
    ) throws -> CarriedAnswer {
        try connection.read {
            let known = try origins.compactMap { try origin($0) }
            var verdicts: [Verdict] = []
            for origin in known {
                verdicts += try connection.all(
                    """
                    SELECT sequence, kind, reason, field FROM verdict WHERE device = ? AND origin = ?
                    AND sequence >= ? ORDER BY position, sequence, number LIMIT ?
                    """, .int(origin.device ?? 0), .int(origin.number), .word(first[origin.id] ?? 1),
                    .int(Int64(Limits.feedItems - verdicts.count))
                ) { row in
                    Verdict(
                        dot: Dot(origin: origin.id, sequence: row.word(0)),
                        kind: Verdict.Kind(rawValue: UInt8(clamping: row.int(1))) ?? .noted,
                        reason: row.text(2), field: FieldID(clamping: row.int(3)))
                }
            }
            return CarriedAnswer(
                epoch: try epoch, clock: now, receipts: known.compactMap(\.receipt), verdicts: verdicts,
                keys: keys.entries.isEmpty ? nil : keys)
        }
    }
}
