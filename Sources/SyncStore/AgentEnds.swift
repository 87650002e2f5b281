import Forms
public import SyncCore

/// Where all journals of a branch's store end, at one moment.
public struct AgentEnds: Sendable {
    /// Closed ones first, in the order in which they were opened.
    public var journals: [Certificate.Journal]
    /// Versions without a receipt.
    public var waiting: UInt64
    /// Some of the records that they are about, in the order in which they were written.
    public var records: [RecordKey]
    /// Versions that the hub may lack and that are not sent: it holds another journal under their name.
    public var parted: UInt64
    /// Records of which the hub holds a version back: it has it, and it does not count there.
    public var quarantined: UInt64
    /// Those of them that it had before it was put back, and may have released by now.
    public var releasable: UInt64
}

extension TableAgentStore {
    /// - Parameter limit: records that are named at most.
    public func ends(limit: Int) throws -> AgentEnds {
        try backend.read { tables in
            let verdicts = try tables.lastVerdicts([.quarantined], limit: .max)
            let others = Set(verdicts.filter { $0.verdict.reason != Reason.deliveredBefore }.map(\.name))
            let quarantined = UInt64(Set(verdicts.map(\.name)).count)
            var ends = AgentEnds(
                journals: [], waiting: 0, records: [], parted: 0, quarantined: quarantined,
                releasable: quarantined - UInt64(others.count))
            for origin in try tables.closedOrigins() + tables.origins() {
                let stored = try tables.receipts(of: origin.id, reaching: 0).last
                ends.journals.append(
                    Certificate.Journal(
                        claim: origin.claim, sequence: origin.sequence, head: origin.head,
                        receipt: stored?.receipt, epoch: stored?.epoch ?? .zero))
                let receipted = min(origin.receipted, origin.sequence)
                guard !origin.isParted else {
                    ends.parted += origin.sequence - receipted
                    continue
                }
                ends.waiting += origin.sequence - receipted
                guard receipted < origin.sequence, ends.records.count < limit else { continue }
                try tables.eachVersion(of: origin.id, after: receipted) { stored in
                    guard stored.version.dot.sequence <= origin.sequence else { return false }
                    let key = stored.version.key
                    if !ends.records.contains(key) { ends.records.append(key) }
                    return ends.records.count < limit
                }
            }
            return ends
        }
    }
}
