package import SyncCore

/// What a hub knows of one origin.
package struct HubOrigin: Sendable, Hashable {
    /// The store's own small number for it.
    package var number: Int64
    package var derivation: Digest
    package var lane: Lane
    /// Nil for an origin of the hub's own.
    package var device: Int64?
    /// One of those that its device wrote to when it last said Hello.
    package var isCurrent: Bool
    package var held: UInt64
    package var head: Digest
    package var sealed: UInt64
    package var sealedHead: Digest
    /// The latest receipt; nil while nothing sealed has arrived.
    package var receipt: Receipt?

    package init(number: Int64, derivation: Digest, lane: Lane, device: Int64?, isCurrent: Bool = true) {
        self.number = number
        self.derivation = derivation
        self.lane = lane
        self.device = device
        self.isCurrent = isCurrent
        held = 0
        head = derivation
        sealed = 0
        sealedHead = derivation
    }

    package var id: OriginID { derivation.originID }
}

/// Decides over a batch before anything of it is written.
package struct HubBatchJudge: Sendable {
    package enum Judgement: Sendable {
        /// Everything in it had been taken before.
        case held
        case gap(Gap)
        case fork(Fork)
        case refused(Refuse)
        /// It follows. `sealed` is the highest seal in it, with the head that it signs.
        case fresh(JournalChain.Walk, sealed: (sequence: UInt64, head: Digest)?)
    }

    package let chain: JournalChain
    package let verifying: Verifying

    package init(hashing: Hashing, verifying: Verifying) {
        chain = JournalChain(hashing: hashing)
        self.verifying = verifying
    }

    /// - Parameter salt: salts that the store holds for the origin; those of the batch come first.
    package func judge(
        _ batch: VersionBatch, of origin: HubOrigin, publicKey: [UInt8],
        salt: (Int32, RetentionClass) -> Token16?
    ) -> Judgement {
        guard batch.count > 0, batch.count <= Limits.batchVersions, batch.first > 0,
            batch.first <= Limits.sequence, batch.seals.count <= Limits.batchSeals,
            batch.salts.count <= Limits.batchSalts
        else { return .refused(Refuse(.limitExceeded, words: "the batch's bounds")) }
        if batch.last <= origin.held { return .held }
        guard batch.first == origin.held + 1 else {
            return .gap(Gap(origin: batch.origin, wanted: origin.held + 1))
        }
        let fork = Fork(origin: batch.origin, sequence: origin.held, head: origin.head)
        guard batch.headBefore == origin.head else { return .fork(fork) }
        let walk: JournalChain.Walk
        do {
            walk = try chain.walk(batch.rows, origin: batch.origin, first: batch.first, from: origin.head) {
                day, retentionClass in
                let granted = batch.salts.first { $0.day == day && $0.retentionClass == retentionClass }
                return granted?.salt ?? salt(day, retentionClass)
            }
        } catch {
            return .refused(Refuse(.saltMissing, words: "a salt of the batch's days is missing"))
        }
        guard walk.heads.last == batch.headAfter else { return .fork(fork) }
        return judgeSeals(batch, walk: walk, publicKey: publicKey)
    }

    private func judgeSeals(_ batch: VersionBatch, walk: JournalChain.Walk, publicKey: [UInt8]) -> Judgement {
        var sealed: (sequence: UInt64, head: Digest)?
        for seal in batch.seals {
            guard seal.sequence >= batch.first, seal.sequence <= batch.last,
                seal.sequence > sealed?.sequence ?? 0
            else { return .refused(Refuse(.forgedSeal, words: "a seal outside its batch")) }
            let head = walk.heads[Int(seal.sequence - batch.first)]
            let statement = SealStatement.bytes(origin: batch.origin, sequence: seal.sequence, head: head)
            guard verifying.isValid(statement, seal.signature, publicKey) else {
                return .refused(Refuse(.forgedSeal, words: "a seal does not hold"))
            }
            sealed = (seal.sequence, head)
        }
        return .fresh(walk, sealed: sealed)
    }
}
