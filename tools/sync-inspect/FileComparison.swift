import Console
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

/// Compares a store with a file that the other end made.
struct FileComparison {
    let file: TallyFile
    let limit: Int

    func run(_ store: StoreAtHand) throws -> ReconcileReport {
        switch (store, file.side) {
        case (.agent(let agent), .hub): try branch(agent, forms: store)
        case (.hub(let hub), .branch): try self.hub(hub)
        case (.hub(let hub), .hub): try twoHubs(hub)
        case (.agent, .branch):
            throw Failure(
                .usage,
                Words(
                    "both are branches; compare each with the hub", zh: "两者都是支部；请分别与汇总端比较"))
        }
    }

    private func requireSame(_ hub: Digest) throws {
        guard hub != file.hub else { return }
        throw Failure(
            .usage,
            Words(
                "the file is about another hub than this store's; make it at the right one",
                zh: "该文件属于另一个汇总端；请在正确的一端生成"))
    }

    private func branch(_ agent: SQLiteAgentStore, forms: StoreAtHand) throws -> ReconcileReport {
        guard let configuration = try agent.configuration() else {
            throw StoreError(.notJoined, "this store has not joined a hub")
        }
        try requireSame(configuration.hub)
        guard file.unit == Array(configuration.unit.utf8) else {
            throw Failure(
                .usage,
                Words(
                    "the file holds \(file.words.en), and this is branch \(configuration.unit); make it with "
                        + "`sync-inspect digest --unit \(configuration.unit)`",
                    zh: "该文件是\(file.words.zh)的内容，而这里是支部 \(configuration.unit)；请用 sync-inspect digest --unit "
                        + "\(configuration.unit) 重新生成"))
        }
        var reach: [OriginID: UInt64] = [:]
        for journal in file.journals { reach[journal.origin] = journal.sequence }
        let mine = try agent.listing(
            unit: configuration.unit, today: file.today, forms: try forms.forms(), held: reach, reach: reach)
        let own = Set(mine.origins.map(\.id))
        let bringer = file.journals.first { own.contains($0.origin) }?.bringer
        let position = mine.moment(in: file.epoch).position
        var there = file.listing
        there.flag { entry, _ in
            let arrived = entry.bringer == bringer ? entry.othersPosition : entry.position
            return arrived > position ? entry.flags.union(.moving) : entry.flags
        }
        var report = ReconcileReport(
            here: .branch, mine.listing, there, mine.listing.compared(with: there, limit: limit))
        report.takeBranch(mine)
        report.onTheWay.down = Int(clamping: ReconcileReport.moving(there))
        report.positions = .init(feed: position, hub: file.position)
        report.journals = try mine.origins.map { origin in
            let theirs = file.journals.first { $0.origin == origin.id }
            return .init(
                origin, held: theirs?.sequence ?? 0,
                agrees: try theirs.map { try agent.agrees(origin.id, at: $0.sequence, $0.head) } ?? true)
        }
        return report
    }

    private func hub(_ hub: SQLiteHubStore) throws -> ReconcileReport {
        let unit = String(decoding: file.unit, as: UTF8.self)
        let epoch = try hub.epoch
        let moment = Reconciler.Moment(
            position: file.epoch == epoch ? file.position : 0,
            own: file.journals.map { Dot(origin: $0.origin, sequence: $0.sequence) })
        let mine = try hub.listing(unit: unit, today: file.today, beside: moment)
        try requireSame(mine.hub)
        var report = ReconcileReport(
            here: .hub, mine.listing, file.listing,
            mine.listing.compared(with: file.listing, limit: limit))
        report.onTheWay.down = Int(clamping: ReconcileReport.moving(mine.listing))
        report.onTheWay.up = file.listing.groups.reduce(0) { sum, group in
            sum + group.entries.count { $0.flags.contains(.moving) }
        }
        report.heldBack = file.listing.groups.reduce(0) { sum, group in
            sum + group.entries.count { $0.flags.contains(.heldBack) }
        }
        report.positions = .init(feed: moment.position, hub: mine.position)
        report.journals = try journals(beside: mine.journals, at: hub)
        return report
    }

    /// The file's journals, beside how far this hub holds each.
    private func journals(
        beside mine: [HeldJournal], at hub: SQLiteHubStore
    ) throws -> [ReconcileReport.Journal] {
        try file.journals.map { journal in
            let own = mine.first { $0.origin == journal.origin }
            return .init(
                lane: own.map { "\($0.lane)" } ?? "", origin: journal.origin, here: own?.held ?? 0,
                there: journal.sequence,
                agrees: try hub.agrees(journal.origin, at: journal.sequence, journal.head))
        }
    }

    private func twoHubs(_ hub: SQLiteHubStore) throws -> ReconcileReport {
        let unit = file.unit.isEmpty ? nil : String(decoding: file.unit, as: UTF8.self)
        let moment = Reconciler.Moment(position: file.position, own: [])
        let mine = try hub.listing(unit: unit, today: file.today, beside: moment)
        try requireSame(mine.hub)
        var there = file.listing
        there.flag { entry, _ in
            max(entry.position, entry.othersPosition) > mine.position
                ? entry.flags.union(.moving) : entry.flags
        }
        var report = ReconcileReport(
            here: .hub, mine.listing, there, mine.listing.compared(with: there, limit: limit))
        report.isOfOneHub = true
        report.onTheWay.up = Int(clamping: ReconcileReport.moving(mine.listing))
        report.onTheWay.down = Int(clamping: ReconcileReport.moving(there))
        report.positions = .init(feed: file.position, hub: mine.position)
        report.journals = try journals(beside: mine.journals, at: hub)
        return report
    }
}

extension SQLiteAgentStore {
    /// Whether the journal has this head there; true beyond its end, where nothing is known.
    func agrees(_ origin: OriginID, at sequence: UInt64, _ head: Digest) throws -> Bool {
        try ownHead(of: origin, at: sequence).map { $0 == head } ?? true
    }
}

extension SQLiteHubStore {
    /// The same; inside of a segment the hub keeps no head, and says nothing.
    func agrees(_ origin: OriginID, at sequence: UInt64, _ head: Digest) throws -> Bool {
        guard sequence > 0, let batch = try segment(of: origin, holding: sequence), batch.last == sequence
        else { return true }
        return batch.after == ShortDigest(head)
    }
}
