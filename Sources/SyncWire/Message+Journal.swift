import SyncCore

/// Batch, Receipt, Feed and Heads.
extension ByteWriter {
    mutating func put(_ batch: VersionBatch, memory: StreamMemory? = nil) {
        put(word: batch.origin)
        put(varint: batch.first)
        put(count: batch.count)
        put(word: batch.before.word)
        put(word: batch.after.word)
        put(count: batch.salts.count)
        for salt in batch.salts {
            put(zigzag: Int64(salt.day))
            put(salt.retentionClass)
            put(salt.salt)
        }
        put(count: batch.seals.count)
        for seal in batch.seals {
            put(varint: seal.sequence &- batch.first)
            put(counted: seal.signature)
        }
        if batch.encodedRows.isEmpty || memory != nil {
            RowsEncoder.encode(batch.rows, memory: memory, into: &self)
        } else {
            put(raw: batch.encodedRows)
        }
    }

    mutating func put(_ frame: ReceiptFrame) {
        put(count: frame.receipts.count)
        for receipt in frame.receipts { put(receipt) }
        put(varint: frame.position)
    }

    mutating func put(_ heads: Heads) {
        put(word: heads.origin)
        put(count: heads.entries.count)
        for entry in heads.entries {
            put(varint: entry.sequence)
            put(entry.head == nil ? 0 : 1)
            if let head = entry.head { put(head) }
        }
    }

    mutating func put(_ verdicts: [Verdict]) {
        put(count: verdicts.count)
        for verdict in verdicts {
            put(word: verdict.dot.origin)
            put(varint: verdict.dot.sequence)
            put(verdict.kind.rawValue)
            put(varint: UInt64(verdict.field))
            put(verdict.reason)
        }
    }

    mutating func put(_ feed: Feed) {
        put(feed.lane.rawValue)
        put(feed.token)
        put(count: feed.forms.count)
        for form in feed.forms { put(counted: form) }
        put(counted: feed.settings)
        put(count: feed.scope.count)
        for change in feed.scope {
            put(change.kind.rawValue)
            put(change.subject)
            put(counted: change.id)
            put(count: change.kept.count)
            for range in change.kept {
                put(zigzag: Int64(range.lowerBound))
                put(varint: UInt64(Int64(range.upperBound) - Int64(range.lowerBound)))
            }
        }
        put(feed.verdicts)
        var origins: [OriginID] = []
        for origin in feed.versions.dots.map(\.origin).sorted() where origins.last != origin {
            origins.append(origin)
        }
        put(count: origins.count)
        for origin in origins { put(word: origin) }
        put(count: feed.versions.count)
        let places = feed.versions.dots.map { UInt32(origins.firstIndex(of: $0.origin) ?? 0) }
        IndexSequence.encode(places, into: &self)
        IntegerSequence.encode(feed.versions.dots.map { Int64(bitPattern: $0.sequence) }, into: &self)
        RowsEncoder.encode(feed.versions.rows, into: &self)
    }
}

extension ByteReader {
    mutating func batch(_ memory: StreamMemory? = nil) throws(WireError) -> VersionBatch {
        let origin = try origin()
        let first = try sequence()
        let count = try count(upTo: Limits.batchVersions, .batch)
        guard first >= 1, count >= 1 else { throw error(.outOfRange, .batch) }
        guard first <= Limits.sequence - UInt64(count - 1) else { throw error(.limit, .batch) }
        let before = ShortDigest(word: try word(.batch))
        let after = ShortDigest(word: try word(.batch))
        let saltCount = try self.count(upTo: Limits.batchSalts, ofAtLeast: 18, .salts)
        var salts: [SaltGrant] = []
        for _ in 0..<saltCount {
            guard let day = Int32(exactly: try zigzag(.salts)) else { throw error(.outOfRange, .salts) }
            let grant = SaltGrant(day: day, retentionClass: try byte(.salts), salt: try token(.salts))
            // Two salts of one day and class would leave it open which one the digests are made with.
            guard !salts.contains(where: { $0.day == day && $0.retentionClass == grant.retentionClass })
            else { throw error(.notCanonical, .salts) }
            salts.append(grant)
        }
        let sealCount = try self.count(upTo: Limits.batchSeals, ofAtLeast: 66, .seals)
        var seals: [Seal] = []
        for _ in 0..<sealCount {
            let past = try number(upTo: count - 1, .seals)
            let sequence = first + UInt64(past)
            guard sequence > seals.last?.sequence ?? 0 else { throw error(.notCanonical, .seals) }
            let signature = try signature()
            guard !signature.isEmpty else { throw error(.outOfRange, .seals) }
            seals.append(Seal(sequence: sequence, signature: signature))
        }
        let start = offset
        memory?.wasUsed = false
        let rows = try RowsDecoder.decode(&self, memory: memory)
        guard rows.count == count else { throw error(.notCanonical, .rows) }
        guard !rows.flags.contains(where: { $0 & VersionFlags.afterHole.rawValue != 0 }) else {
            throw error(.outOfRange, .flags)
        }
        return VersionBatch(
            origin: origin, first: first, before: before, after: after, salts: salts,
            seals: seals, rows: rows,
            // What is kept stands alone.
            encodedRows: memory?.wasUsed == true ? RowsCodec.encode(rows) : Array(bytes[start..<offset]))
    }

    mutating func receiptFrame() throws(WireError) -> ReceiptFrame {
        let count = try count(upTo: Limits.helloOrigins, ofAtLeast: 43, .message)
        var receipts: [Receipt] = []
        for _ in 0..<count { receipts.append(try receipt()) }
        return ReceiptFrame(receipts: receipts, position: try varint(.message))
    }

    mutating func heads() throws(WireError) -> Heads {
        let origin = try origin()
        let count = try count(upTo: Limits.headsEntries, ofAtLeast: 2, .message)
        var entries: [Heads.Entry] = []
        for _ in 0..<count {
            let sequence = try sequence()
            entries.append(Heads.Entry(sequence: sequence, head: try flag() ? try digest(.message) : nil))
        }
        return Heads(origin: origin, entries: entries)
    }

    mutating func feed() throws(WireError) -> Feed {
        guard let lane = Lane(rawValue: try byte(.message)) else { throw error(.outOfRange, .message) }
        let token = try feedToken()
        let formCount = try count(upTo: Limits.feedItems, ofAtLeast: 1, .message)
        var forms: [[UInt8]] = []
        for _ in 0..<formCount { forms.append(try counted(upTo: Limits.formDefinitionBytes, .message)) }
        let settings = try counted(upTo: Limits.settingsBytes, .message)
        let scope = try scopeChanges()
        let verdicts = try verdicts()
        let versions = try feedVersions()
        return Feed(
            lane: lane, forms: forms, settings: settings, scope: scope, versions: versions,
            verdicts: verdicts,
            token: token)
    }

    private mutating func scopeChanges() throws(WireError) -> [ScopeChange] {
        let count = try count(upTo: Limits.feedItems, ofAtLeast: 4, .message)
        var changes: [ScopeChange] = []
        for _ in 0..<count {
            guard let kind = ScopeChange.Kind(rawValue: try byte(.message)) else {
                throw error(.outOfRange, .message)
            }
            let subject = try string(upTo: Limits.formNameBytes, .message)
            let id = try string(upTo: Limits.keyBytes, .message)
            let kept = try keptRanges()
            guard kind == .leave || kept.isEmpty else { throw error(.notCanonical, .message) }
            changes.append(ScopeChange(kind: kind, subject: subject, id: Array(id.utf8), kept: kept))
        }
        return changes
    }

    private mutating func keptRanges() throws(WireError) -> [ClosedRange<Int32>] {
        let count = try count(upTo: Limits.keptRanges, ofAtLeast: 2, .message)
        var ranges: [ClosedRange<Int32>] = []
        for _ in 0..<count {
            guard let from = Int32(exactly: try zigzag(.message)),
                let length = UInt32(exactly: try varint(.message)),
                let until = Int32(exactly: Int64(from) + Int64(length))
            else { throw error(.outOfRange, .message) }
            if let last = ranges.last, last.upperBound >= from { throw error(.notCanonical, .message) }
            ranges.append(from...until)
        }
        return ranges
    }

    mutating func verdicts() throws(WireError) -> [Verdict] {
        let count = try count(upTo: Limits.feedItems, ofAtLeast: 12, .message)
        var verdicts: [Verdict] = []
        for _ in 0..<count {
            let dot = Dot(origin: try origin(), sequence: try sequence())
            guard dot.sequence > 0, let kind = Verdict.Kind(rawValue: try byte(.message)),
                let field = FieldID(exactly: try varint(.message))
            else { throw error(.outOfRange, .message) }
            let reason = try string(upTo: Limits.reasonBytes, .message)
            verdicts.append(Verdict(dot: dot, kind: kind, reason: reason, field: field))
        }
        return verdicts
    }

    private mutating func feedVersions() throws(WireError) -> FeedVersions {
        let originCount = try count(upTo: Limits.feedItems, ofAtLeast: 8, .message)
        var origins: [OriginID] = []
        for _ in 0..<originCount {
            let origin = try word(.message)
            guard origin > origins.last ?? 0 else { throw error(.notCanonical, .message) }
            origins.append(origin)
        }
        let count = try count(upTo: Limits.feedItems, .message)
        let places = try IndexSequence.decode(&self, count: count, below: originCount, .message)
        let sequences = try IntegerSequence.decode(&self, count: count, .message)
        var dots: [Dot] = []
        dots.reserveCapacity(count)
        for (place, sequence) in zip(places, sequences) {
            guard sequence > 0 else { throw error(.outOfRange, .message) }
            guard sequence <= Limits.sequence else { throw error(.limit, .message) }
            dots.append(Dot(origin: origins[Int(place)], sequence: UInt64(sequence)))
        }
        let rows = try RowsDecoder.decode(&self)
        guard rows.count == count else { throw error(.notCanonical, .rows) }
        return FeedVersions(dots: dots, rows: rows)
    }
}
