public import SyncCore

/// What a branch can prove.
public struct AgentEvidence: Sendable, Hashable {
    public var proof: Proof
    /// Versions that are shown in it.
    public var versions: Int
    /// Own versions of what was asked for that the hub has not receipted yet.
    public var withoutReceipt: Int
    /// Own versions of what was asked for of which something was pruned since.
    public var pruned: Int
}

extension TableAgentStore {
    /// All receipts that are kept, with the epoch in which each was signed: by origin, in the order in which
    /// they came.
    public func receipts() throws -> [(receipt: Receipt, epoch: Token16)] {
        try backend.read { tables in
            try tables.ownOrigins().flatMap { origin in
                try tables.receipts(of: origin.id, reaching: 0).map { ($0.receipt, $0.epoch) }
            }
        }
    }

    /// Collects proof of own versions that the hub has receipted.
    ///
    /// - Parameter key: of one record; nil of everything.
    public func evidence(of key: RecordKey?) throws -> AgentEvidence {
        try backend.read { tables in
            guard let configuration = try tables.configuration() else {
                throw StoreError(.notJoined, "this store has not joined a hub")
            }
            let collector = EvidenceCollector(tables: tables, chain: JournalChain(hashing: means.hashing))
            var evidence = AgentEvidence(
                proof: Proof(hubKeys: configuration.hubKeys, stretches: []), versions: 0,
                withoutReceipt: 0, pruned: 0)
            let wanted = try key.map { try tables.versions(of: RecordName($0)).map(\.dot) }
            for origin in try tables.ownOrigins() {
                let sequences = wanted.map { $0.filter { $0.origin == origin.id }.map(\.sequence).sorted() }
                try collector.collect(origin, sequences, into: &evidence)
            }
            return evidence
        }
    }
}

/// Lays open versions of own journals within one transaction.
private struct EvidenceCollector {
    let tables: any AgentTables
    let chain: JournalChain
    /// A receipt whose head is the own journal's.
    private struct Sealed {
        var mark: Proof.Mark
        var sequence: UInt64 { mark.receipt.sequence }
    }

    init(tables: any AgentTables, chain: JournalChain) {
        self.tables = tables
        self.chain = chain
    }

    /// - Parameter sequences: what is to be shown, ascending; nil for everything.
    func collect(_ origin: OwnOrigin, _ sequences: [UInt64]?, into evidence: inout AgentEvidence) throws {
        let marks = try self.marks(of: origin)
        let end = marks.last?.sequence ?? 0
        if let sequences {
            evidence.pruned += sequences.count { $0 < origin.floor }
            evidence.withoutReceipt += sequences.count { $0 > end && $0 >= origin.floor }
            let open = Set(sequences.filter { $0 >= origin.floor && $0 <= end })
            var rest = open.sorted()[...]
            while let first = rest.first, let mark = marks.first(where: { $0.sequence >= first }) {
                try add(origin, first...mark.sequence, marks: [mark.mark], open, to: &evidence)
                rest = rest.drop { $0 <= mark.sequence }
            }
        } else {
            evidence.pruned += Int(clamping: origin.floor - 1)
            evidence.withoutReceipt += Int(clamping: origin.sequence - min(origin.sequence, end))
            guard end >= origin.floor else { return }
            let inside = marks.filter { $0.sequence >= origin.floor }
            try add(origin, origin.floor...end, marks: inside.map(\.mark), nil, to: &evidence)
        }
    }

    /// Ascending, each sequence once with the earliest time; only where a seal stands that is still kept.
    private func marks(of origin: OwnOrigin) throws -> [Sealed] {
        var best: [UInt64: KeptReceipt] = [:]
        for kept in try tables.receipts(of: origin.id, reaching: max(1, origin.floor))
        where kept.receipt.sequence <= origin.sequence {
            let known = best[kept.receipt.sequence]
            if known.map({ $0.receipt.time <= kept.receipt.time }) != true {
                best[kept.receipt.sequence] = kept
            }
        }
        var marks: [Sealed] = []
        for sequence in best.keys.sorted() {
            guard let kept = best[sequence],
                let seal = try tables.seals(of: origin.id, in: sequence...sequence).first,
                try TableAgentStore.ownHead(origin, at: sequence, in: tables) == kept.receipt.head
            else { continue }
            marks.append(
                Sealed(
                    mark: Proof.Mark(seal: seal.signature, receipt: kept.receipt, epoch: kept.epoch)))
        }
        return marks
    }

    /// - Parameter open: what is shown; nil shows everything.
    private func add(
        _ origin: OwnOrigin, _ range: ClosedRange<UInt64>, marks: [Proof.Mark], _ open: Set<UInt64>?,
        to evidence: inout AgentEvidence
    ) throws {
        guard let before = try TableAgentStore.ownHead(origin, at: range.lowerBound - 1, in: tables) else {
            throw StoreError(.corrupt, "own journal is short")
        }
        var entries: [Proof.Entry] = []
        try tables.eachVersion(of: origin.id, after: range.lowerBound - 1) { stored in
            let preimage = try self.preimage(of: stored.version)
            let isShown = open?.contains(stored.version.dot.sequence) ?? true
            entries.append(
                Proof.Entry(digest: chain.hashing(preimage.body), preimage: isShown ? preimage : nil))
            if isShown { evidence.versions += 1 }
            return stored.version.dot.sequence < range.upperBound
        }
        guard entries.count == range.count else { throw StoreError(.corrupt, "own journal is short") }
        evidence.proof.stretches.append(
            Proof.Stretch(
                publicKey: origin.publicKey, claim: origin.claim, first: range.lowerBound,
                headBefore: before, entries: entries, marks: marks))
    }

    private func preimage(of version: Version) throws -> VersionPreimage {
        var failure: (any Error)?
        do throws(JournalChain.Failure) {
            return try chain.preimage(of: version) { day, retentionClass in
                do {
                    return try tables.salt(of: version.dot.origin, day: day, retentionClass: retentionClass)
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            throw failure ?? StoreError(.corrupt, "a salt of the own journal is missing")
        }
    }
}
