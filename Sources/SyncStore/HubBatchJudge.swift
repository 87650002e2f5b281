package import SyncCore

/// What a hub knows of one origin.
package struct HubOrigin: Sendable, Hashable {
    /// The store's own small number for it.
    package var number: Int64
    package var derivation: Digest
    /// The parts that, with its author's key, make the derivation.
    package var claim: OriginClaim
    /// Nil for an origin of the hub's own.
    package var device: Int64?
    /// The replica that writes to it, or did last.
    package var replica: Int64?
    /// One of those that its replica wrote to when it last said Hello.
    package var isCurrent: Bool
    /// Backups reach to here.
    package var backedUp: UInt64 = 0
    package var held: UInt64
    package var head: Digest
    /// Some versions through here are missing for ever; 0 while none are.
    package var passed: UInt64 = 0
    package var sealed: UInt64
    package var sealedHead: Digest
    /// The latest receipt; nil while nothing sealed has arrived.
    package var receipt: Receipt?

    package init(
        number: Int64, derivation: Digest, claim: OriginClaim, device: Int64?, isCurrent: Bool = true
    ) {
        self.number = number
        self.derivation = derivation
        self.claim = claim
        self.device = device
        self.isCurrent = isCurrent
        held = 0
        head = derivation
        sealed = 0
        sealedHead = derivation
    }

    /// Through here a backup of this store holds everything that is not missing for ever.
    package var settled: UInt64 { max(sealed, passed) }

    package var id: OriginID { derivation.originID }
    package var lane: Lane { claim.lane }

    /// Whether a Hello announces what is not held, or does not know that it is: a receipt was lost on its
    /// way, or what it is for came by file.
    package static func lacks(_ head: OriginHead, _ known: HubOrigin?) -> Bool {
        guard let known else { return head.sequence > 0 }
        let isUnknown = known.sealed > head.receipted && known.sealed <= head.sequence
        return head.sequence > known.held || isUnknown
    }

    package var told: HeldOrigin {
        HeldOrigin(origin: id, sequence: held, head: head, receipt: receipt, backedUp: backedUp)
    }
}

/// Decides over a batch before anything of it is written.
package struct HubBatchJudge: Sendable {
    package enum Judgement: Sendable {
        /// Everything in it had been taken before.
        case held
        case gap(Gap)
        case fork(Fork)
        case refused(Refuse)
        /// It follows. The walk is over the part to be taken; `sealed` is the highest seal in that, with the
        /// head that it signs.
        case fresh(JournalChain.Walk, sealed: (sequence: UInt64, head: Digest)?)
    }

    package let chain: JournalChain
    package let verifying: Verifying

    package init(hashing: Hashing, verifying: Verifying) {
        chain = JournalChain(hashing: hashing)
        self.verifying = verifying
    }

    /// Why a hole is not passed; nil when it is.
    ///
    /// - Parameters:
    ///   - hub: the hub's public keys.
    ///   - epoch: the present one, which the receipt must be from before; nil where its own will do: a
    ///     revoked device has no other way of showing that the hub was put back.
    package func judge(_ hole: Hole, of origin: HubOrigin, hub: HubKeyring, epoch: Token16?) -> Refuse? {
        let receipt = hole.receipt
        let statement = receipt.statement(hub: hub.identity(chain.hashing), epoch: hole.epoch)
        guard hole.epoch != epoch, hole.sequence > 0, receipt.sequence >= hole.sequence,
            receipt.sequence > hole.sequence || receipt.head == hole.head
        else {
            return Refuse(.protocolError, words: "a hole without an earlier receipt of this hub's")
        }
        guard hub.isSigned(statement, receipt.signature, verifying) else {
            return Refuse(.forgedReceipt, words: "a hole with a receipt that this hub has not signed")
        }
        return nil
    }

    /// - Parameters:
    ///   - part: the sequences to be taken; nil for all. Heads and seals are those of the whole batch, so
    ///     that nothing is taken whose end its author has not vouched for.
    ///   - salt: salts that the store holds for the origin; those of the batch come first.
    package func judge(
        _ batch: VersionBatch, part: ClosedRange<UInt64>? = nil, of origin: HubOrigin, publicKey: [UInt8],
        salt: (Int32, RetentionClass) -> Token16?
    ) -> Judgement {
        guard batch.count > 0, batch.count <= Limits.batchVersions, batch.first > 0,
            batch.first <= Limits.sequence, batch.seals.count <= Limits.batchSeals,
            batch.salts.count <= Limits.batchSalts
        else { return .refused(Refuse(.limitExceeded, words: "the batch's bounds")) }
        let part = part ?? batch.first...batch.last
        guard part.lowerBound >= batch.first, part.upperBound <= batch.last else {
            return .refused(Refuse(.limitExceeded, words: "a part outside its batch"))
        }
        if part.upperBound <= origin.held { return .held }
        guard part.lowerBound == origin.held + 1 else {
            return .gap(Gap(origin: batch.origin, wanted: origin.held + 1))
        }
        let fork = Fork(origin: batch.origin, sequence: origin.held, head: origin.head)
        // Of an overlapping batch the hub walks over what it lacks; the head behind it covers all before.
        let overlap = Int(part.lowerBound - batch.first)
        guard overlap > 0 || batch.before == ShortDigest(origin.head) else { return .fork(fork) }
        let walk: JournalChain.Walk
        do {
            walk = try chain.walk(
                batch.rows, rows: overlap..<batch.count, origin: batch.origin, first: batch.first,
                from: origin.head
            ) { day, retentionClass in
                let granted = batch.salts.first { $0.day == day && $0.retentionClass == retentionClass }
                return granted?.salt ?? salt(day, retentionClass)
            }
        } catch {
            return .refused(Refuse(.saltMissing, words: "a salt of the batch's days is missing"))
        }
        guard walk.heads.last.map({ ShortDigest($0) }) == batch.after else { return .fork(fork) }
        // What was hashed under one salt could not be recomputed under another.
        for grant in batch.salts {
            if let known = salt(grant.day, grant.retentionClass), known != grant.salt {
                return .refused(
                    Refuse(.protocolError, words: "another salt than the day's and class's first"))
            }
        }
        return judgeSeals(batch, part: part, walk: walk, publicKey: publicKey)
    }

    private func judgeSeals(
        _ batch: VersionBatch, part: ClosedRange<UInt64>, walk: JournalChain.Walk, publicKey: [UInt8]
    ) -> Judgement {
        var sealed: (sequence: UInt64, head: Digest)?
        var previous: UInt64 = 0
        for seal in batch.seals {
            guard seal.sequence >= batch.first, seal.sequence <= batch.last, seal.sequence > previous else {
                return .refused(Refuse(.forgedSeal, words: "a seal outside its batch"))
            }
            previous = seal.sequence
            // Below the part lies what was judged when it came.
            guard seal.sequence >= part.lowerBound else { continue }
            let head = walk.heads[Int(seal.sequence - part.lowerBound)]
            let statement = SealStatement.bytes(origin: batch.origin, sequence: seal.sequence, head: head)
            guard verifying.isValid(statement, seal.signature, publicKey) else {
                return .refused(Refuse(.forgedSeal, words: "a seal does not hold"))
            }
            if part.contains(seal.sequence) { sealed = (seal.sequence, head) }
        }
        return .fresh(JournalChain.Walk(heads: Array(walk.heads.prefix(part.count))), sealed: sealed)
    }
}

extension VersionBatch {
    /// A part of the batch as a batch of its own; `walk` is over the part. Only the part's rows are touched.
    package func part(_ part: ClosedRange<UInt64>, walk: JournalChain.Walk, before: Digest) -> VersionBatch {
        if part == first...last { return self }
        let rows = Int(part.lowerBound - first)...Int(part.upperBound - first)
        return VersionBatch(
            origin: origin, first: part.lowerBound, headBefore: before, headAfter: walk.heads.last ?? before,
            salts: salts, seals: seals.filter { part.contains($0.sequence) },
            rows: VersionColumns(rows.map { version(at: $0) }))
    }
}

extension Hello {
    /// What Welcome says of the origins, `ids` in Hello's order: a receipt that the agent believes already
    /// need not come again.
    package func news(_ held: [HeldOrigin], ids: [OriginID], epoch present: Token16) -> [HeldOrigin] {
        guard epoch == present else { return held }
        return held.map { held in
            var held = held
            if let at = ids.firstIndex(of: held.origin), at < origins.count,
                origins[at].receipted == held.receipt?.sequence
            {
                held.receipt = nil
            }
            return held
        }
    }
}
