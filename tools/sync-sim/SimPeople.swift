import SyncCore
import SyncStore

/// What people do at a branch.
extension SimAgent {
    /// What people at the branch see.
    func effective(_ record: Int) throws -> EffectiveRecord? {
        let state = try store.record(world.key(record))
        if world.plant == .policyByLocalRevision, isOld {
            return state?.effective { SimForms.rules.policy(of: $0, at: 1) }
        }
        return state?.effective(under: SimForms.rules)
    }

    func open(_ record: Int) throws {
        let shown = try store.record(world.key(record))
        opened[record] = (shown?.seen ?? .empty, try store.configuration()?.replica)
        world.ledger.shown(to: number, record, try store.versions(of: world.key(record)))
    }

    func save(_ record: Int, fields: UInt8, isUrgent: Bool, isDelete: Bool = false) throws {
        var draft = try draft(record, fields: fields, isDelete: isDelete)
        draft.lane = isUrgent ? .urgent : .routine
        try write([(record, draft)])
    }

    /// A temperature that no thermometer shows; and perhaps something more, by somebody who has not noticed.
    func spoil(_ record: Int, goesOn: Bool) throws {
        var draft = try draft(record, fields: 1, isDelete: false)
        draft.assignments = [
            Assignment(field: 1, retentionClass: 0, value: .decimal(unscaled: 9_900, scale: 2))
        ]
        try write([(record, draft)])
        if goesOn { try save(record, fields: 6, isUrgent: false) }
    }

    /// Much at once, and then something urgent.
    func sheet(bytes: Int, withAlert: Bool) throws {
        let (record, wait) = (numbers.below(Scenario.records), UInt64(numbers.logarithmic(below: 5_000)))
        world.timeline.plan(in: wait) { [self] in
            if withAlert, isConnected { try save(record, fields: 1, isUrgent: true) }
        }
        try write(
            (0..<Scenario.records).map { record in
                var draft = try draft(record, fields: 4, isDelete: false)
                let remark = (0..<bytes).map { _ in UInt8(33 + numbers.below(90)) }
                draft.assignments.removeAll { $0.field == SimForms.remark }
                draft.assignments.append(
                    Assignment(
                        field: SimForms.remark, retentionClass: SimForms.remarkClass, value: .text(remark)))
                return (record, draft)
            })
    }

    private func draft(_ record: Int, fields: UInt8, isDelete: Bool) throws -> Draft {
        if opened[record] == nil { try open(record) }
        let (shown, replica) = opened[record].take() ?? (.empty, nil)
        var context = shown
        if world.plant == .contextAtSave { context = try store.record(world.key(record))?.seen ?? .empty }
        if world.plant == .contextEmpty { context = .empty }
        let exists = try store.record(world.key(record)).map { !$0.isEmpty } ?? false
        var draft = world.draft(
            record, fields: exists ? fields : SimForms.all, context: context, lane: .routine,
            isDelete: isDelete, author: author, isOld: isOld, using: &numbers)
        if world.plant != .contextAtSave { draft.replica = replica }
        return draft
    }

    /// One transaction. People are told that it is saved once it is.
    private func write(_ drafts: [(record: Int, draft: Draft)]) throws {
        let clock = AuthoringClock(now: clock, lastHubTime: try store.contact().lastHubTime)
        let author: (any AgentStore) throws -> [Dot] = { store in
            try store.write(clock: clock) { writing in try drafts.map { try writing.author($0.draft) } }
        }
        let dots: [Dot]
        do {
            dots = try disk.write(author)
        } catch let error as StoreError where error.code == .diskFull {
            if world.plant == .savedBeforeCommit { try pretend(drafts, author) }
            return
        } catch let error as StoreError where error.code == .syncFailed {
            return try crash()
        }
        try acknowledge(drafts.map(\.record), dots)
        let origins = try store.origins()
        var lasts: [Lane: UInt64] = [:]
        for origin in origins { lasts[origin.claim.lane] = origin.sequence }
        if drafts.contains(where: { $0.draft.lane == .urgent }), let last = lasts[.urgent] {
            expectArrival(through: last)
        }
        if world.plant == .lanesSwapped {
            (lasts[.urgent], lasts[.routine]) = (lasts[.routine], lasts[.urgent])
        }
        let isRoutineWaiting = origins.contains { $0.claim.lane == .routine && $0.receipted < $0.sequence }
        if world.plant == .starveUrgent, isRoutineWaiting { lasts[.urgent] = nil }
        if session != nil { try handle(.appended(lasts)) }
    }

    /// The planted bug: urgent versions are thought of when all else is done.
    func tellUrgent() throws {
        guard let lane = try store.origins().first(where: { $0.claim.lane == .urgent }) else { return }
        try handle(.appended([.urgent: lane.sequence]))
    }

    private func acknowledge(_ records: [Int], _ dots: [Dot]) throws {
        for (record, dot) in zip(records, dots) {
            guard let version = try store.versions(of: world.key(record)).first(where: { $0.dot == dot })
            else {
                world.complain("agent \(number): what was saved is not there")
                continue
            }
            world.ledger.acknowledged(version, record: record, author: number)
        }
    }

    /// The planted bug: people are told, and the disk has nothing.
    private func pretend(
        _ drafts: [(record: Int, draft: Draft)], _ author: (any AgentStore) throws -> [Dot]
    ) throws {
        guard let memory = (disk as? MemoryAgentDisk)?.memory else { return }
        let snapshot = memory.snapshot
        let dots = try author(memory)
        try acknowledge(drafts.map(\.record), dots)
        memory.restore(snapshot)
    }
}
