import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

/// Reads a store into a digest file.
struct DigestMaker {
    let unit: String?

    func file(_ store: StoreAtHand) throws -> TallyFile {
        switch store {
        case .agent(let agent):
            guard let configuration = try agent.configuration() else {
                throw StoreError(.notJoined, "this store has not joined a hub")
            }
            if let unit, !unit.utf8.elementsEqual(configuration.unit.utf8) {
                throw Failure(
                    .usage,
                    Words(
                        "this is the store of branch \(configuration.unit): leave --unit out",
                        zh: "这是支部 \(configuration.unit) 的数据：请不要写 --unit"))
            }
            return try branch(agent, configuration, forms: try store.forms())
        case .hub(let hub): return try self.hub(hub)
        }
    }

    private func branch(
        _ agent: SQLiteAgentStore, _ configuration: AgentConfiguration, forms: FormCatalog
    ) throws -> TallyFile {
        let skew = try agent.contact().skew
        let clock = Now.milliseconds().addingReportingOverflow(skew)
        let now = clock.overflow ? Now.milliseconds() : clock.partialValue
        let today = Committee.day(of: now, configuration.settings)
        let listing = try agent.listing(unit: configuration.unit, today: today, forms: forms, held: [:])
        return TallyFile(
            side: .branch, made: now, today: today, hub: configuration.hub, epoch: listing.feed.epoch,
            position: listing.feed.position, unit: Array(configuration.unit.utf8),
            journals: listing.origins.map {
                TallyFile.Journal(origin: $0.id, bringer: 1, sequence: $0.sequence, head: $0.head)
            }, listing: listing.listing)
    }

    private func hub(_ hub: SQLiteHubStore) throws -> TallyFile {
        let now = Now.milliseconds()
        let today = Committee.day(of: now, try hub.settingsJSON())
        let listing: HubListing
        do {
            listing = try hub.listing(unit: unit, today: today, beside: nil)
        } catch let error as StoreError where error.code == .unknownUnit {
            throw Failure(
                .usage,
                Words(
                    "the hub knows no unit \(Masking.clean(unit ?? "")); `aggregator coverage` lists them",
                    zh: "汇总端没有单位 \(Masking.clean(unit ?? ""))；aggregator coverage 会列出各单位"))
        }
        return TallyFile(
            side: .hub, made: now, today: today, hub: listing.hub, epoch: listing.epoch,
            position: listing.position, unit: Array((unit ?? "").utf8),
            journals: listing.journals.map {
                TallyFile.Journal(
                    origin: $0.origin, bringer: UInt32(clamping: $0.device ?? 0), sequence: $0.held,
                    head: $0.head)
            }, listing: listing.listing)
    }
}

/// The committee's calendar.
enum Committee {
    /// The local day of a time; that of UTC where the settings, or this machine, do not know the zone.
    static func day(of time: Milliseconds, _ settings: [UInt8]) -> Int32 {
        let settings = try? JSONDecoder().decode(Settings.self, from: Data(settings))
        let zone = LocalZone(identifier: (settings ?? Settings()).timeZone) ?? .fixed(hours: 0)
        return zone.day(of: time)
    }
}
