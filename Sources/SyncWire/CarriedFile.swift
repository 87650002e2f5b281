public import SyncCore

/// What lies inside the envelopes that are carried by hand. `Protocol/SPEC.md`, "Carried by hand".
public enum CarriedFile {
    public static func encode(_ carried: CarriedBatches) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(zigzag: carried.made)
        writer.put(count: carried.origins.count)
        for origin in carried.origins {
            writer.put(origin.claim.lane.rawValue | (origin.isClosed ? 2 : 0))
            writer.put(origin.claim.nonce)
        }
        writer.put(count: carried.batches.count)
        for batch in carried.batches {
            var inner = ByteWriter()
            inner.put(batch)
            writer.put(counted: inner.bytes)
        }
        return writer.bytes
    }

    public static func decode(batches bytes: [UInt8]) throws(WireError) -> CarriedBatches {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> CarriedBatches in
            var reader = ByteReader(buffer)
            let made = try reader.clock()
            var origins: [CarriedBatches.Origin] = []
            for _ in 0..<(try reader.count(upTo: Limits.helloOrigins, ofAtLeast: 17, .message)) {
                let flags = try reader.byte(.message)
                guard flags <= 3, let lane = Lane(rawValue: flags & 1) else {
                    throw reader.error(.outOfRange, .message)
                }
                let claim = OriginClaim(lane: lane, nonce: try reader.token(.message))
                origins.append(CarriedBatches.Origin(claim: claim, isClosed: flags & 2 != 0))
            }
            var batches: [VersionBatch] = []
            for _ in 0..<(try reader.number(upTo: reader.remaining / 75, .message)) {
                let inner = try reader.counted(upTo: Limits.frameInflated, .message)
                batches.append(
                    try inner.withUnsafeBufferPointer { (buffer) throws(WireError) -> VersionBatch in
                        var reader = ByteReader(buffer)
                        let batch = try reader.batch()
                        try reader.end(.message)
                        return batch
                    })
            }
            try reader.end(.message)
            return CarriedBatches(made: made, origins: origins, batches: batches)
        }
    }

    public static func encode(_ answer: CarriedAnswer) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(answer.epoch)
        writer.put(zigzag: answer.clock)
        writer.put(count: answer.receipts.count)
        for receipt in answer.receipts { writer.put(receipt) }
        writer.put(answer.verdicts)
        writer.put(counted: answer.keys?.encoded ?? [])
        return writer.bytes
    }

    public static func decode(answer bytes: [UInt8]) throws(WireError) -> CarriedAnswer {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> CarriedAnswer in
            var reader = ByteReader(buffer)
            let epoch = try reader.token(.message)
            let clock = try reader.clock()
            var receipts: [Receipt] = []
            for _ in 0..<(try reader.count(upTo: Limits.helloOrigins, ofAtLeast: 43, .message)) {
                receipts.append(try reader.receipt())
            }
            let verdicts = try reader.verdicts()
            let keys = try reader.counted(upTo: HubKeyring.mostBytes, .message)
            try reader.end(.message)
            guard keys.isEmpty || HubKeyring(encoded: keys) != nil else {
                throw reader.error(.notCanonical, .message)
            }
            return CarriedAnswer(
                epoch: epoch, clock: clock, receipts: receipts, verdicts: verdicts,
                keys: HubKeyring(encoded: keys))
        }
    }
}
