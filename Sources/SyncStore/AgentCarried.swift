public import SyncCore

/// What a branch sends and takes by hand.
extension TableAgentStore {
    /// What the hub has not receipted, cut into files: urgent first, each file to be taken after the one
    /// before.
    ///
    /// - Parameter maximumBytes: of one file, roughly; each has at least one batch.
    public func carried(maximumBytes: Int, now: Milliseconds) throws -> [CarriedBatches] {
        let closed = try closedOrigins().filter { !$0.isParted }
        let current = try origins()
        let waiting = (closed + current).filter { $0.receipted < $0.sequence }
        let named = Set(waiting.map(\.id)).union(current.map(\.id))
        let claims =
            closed.filter { named.contains($0.id) }.suffix(Limits.closedOrigins)
            .map { CarriedBatches.Origin(claim: $0.claim, isClosed: true) }
            + current.map { CarriedBatches.Origin(claim: $0.claim, isClosed: false) }
        var files: [CarriedBatches] = []
        var used = 0
        for lane in Lane.allCases {
            for origin in waiting where origin.claim.lane == lane {
                var after = max(origin.receipted, origin.floor - 1)
                while let batch = try batch(
                    of: origin.id, after: after, maximumVersions: 1_000,
                    maximumBytes: min(maximumBytes, Limits.framePayload / 4))
                {
                    let bytes = size(of: batch)
                    if files.isEmpty || used + bytes > maximumBytes {
                        files.append(CarriedBatches(made: now, origins: claims, batches: []))
                        used = 0
                    }
                    files[files.count - 1].batches.append(batch)
                    used += bytes
                    after = batch.last
                }
            }
        }
        return files
    }

    /// Roughly.
    private func size(of batch: VersionBatch) -> Int {
        let cells = batch.rows.groups.reduce(0) { sum, group in
            (group.keys + group.fields).reduce(sum) {
                $0 + $1.heap.count + 2 * $1.index.count + 3 * $1.integers.count
            }
        }
        return 128 + cells + 18 * batch.salts.count + 70 * batch.seals.count + 16 * batch.count
    }

    /// Takes in what the hub has answered: believes its receipts and keeps its verdicts.
    ///
    /// - Returns: how many versions count as arrived that did not before.
    /// - Throws: `Refuse` for receipts that cannot be believed, and for those of another epoch than the one
    ///   that is known: then only a connection shows what became of the hub.
    public func accept(_ answer: CarriedAnswer, now: Milliseconds) throws -> UInt64 {
        try backend.write { tables in
            tables.isVital = true
            var session = try tables.session()
            if session.epoch == .zero {
                session.epoch = answer.epoch
                try tables.put(session)
            }
            guard session.epoch == answer.epoch else {
                throw Refuse(.identityLost, words: "the hub was put back since; connect to it once")
            }
            let before = try tables.ownOrigins().reduce(0) { $0 + $1.receipted }
            let isNew = try self.believe(answer.receipts, in: tables)
            let own = try tables.ownOrigins()
            for verdict in answer.verdicts
            where own.contains(where: {
                $0.id == verdict.dot.origin && (1...max(1, $0.sequence)).contains(verdict.dot.sequence)
            }) {
                try tables.put(verdict)
            }
            var contact = try tables.contact()
            contact.lastHubTime = max(contact.lastHubTime ?? answer.clock, answer.clock)
            if isNew { contact.lastReceipt = now }
            try tables.put(contact)
            return own.reduce(0) { $0 + $1.receipted } - before
        }
    }
}
