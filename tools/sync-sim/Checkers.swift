import Forms
import SyncCore
import SyncStore

/// What must hold when everything has come to rest. Knows nothing of how the run was driven: it looks at the
/// stores and at what people were told.
struct Checkers {
    let world: World
    /// What the hub keeps whole and does not count.
    private let quarantined: Set<Dot>

    init(_ world: World) {
        self.world = world
        quarantined = world.hub.store.quarantined
    }

    func check() throws {
        try everythingIsReceipted()
        try noDotNamesTwoThings()
        try everySavedVersionIsAtTheHub()
        try everySavedFieldCounts()
        try orderDoesNotMatter()
        try branchesSeeWhatTheHubHas()
        try everyAuthorKnowsWhatIsQuarantined()
        noStoreWasSuspected()
    }

    private func hubVersions(_ record: Int) throws -> [Version] {
        world.hub.store.versions(of: world.key(record))
    }

    private func counting(_ record: Int) throws -> [Version] {
        try hubVersions(record).filter { !quarantined.contains($0.dot) }
    }

    private func everythingIsReceipted() throws {
        for agent in world.agents {
            for origin in try agent.store.origins() where origin.receipted != origin.sequence {
                world.complain(
                    "agent \(agent.number): \(origin.receipted) of \(origin.sequence) \(origin.claim.lane) "
                        + "versions are receipted")
            }
        }
    }

    private func noDotNamesTwoThings() throws {
        var known: [Dot: Version] = [:]
        for record in 0..<Scenario.records {
            var all = try hubVersions(record)
            for agent in world.agents { all += try agent.store.versions(of: world.key(record)) }
            for version in all {
                if let other = known[version.dot], other != version {
                    world.complain("\(version.dot) names two versions of record \(record)")
                }
                known[version.dot] = version
            }
        }
    }

    private func everySavedVersionIsAtTheHub() throws {
        for saved in world.ledger.saved {
            let held = try hubVersions(saved.record).filter { $0.dot == saved.version.dot }
            if held.count != 1 || held[0] != saved.version {
                world.complain(
                    "\(saved.version.dot) of record \(saved.record) was saved and is at the hub "
                        + "\(held.count) times"
                )
            }
        }
    }

    /// Every field that somebody saved is in force, or covered by a version whose author had been shown it,
    /// or stands beside others as a candidate.
    private func everySavedFieldCounts() throws {
        let shown = Dictionary(
            world.ledger.saved.map { ($0.version.dot, $0.shown) }, uniquingKeysWith: { first, _ in first })
        for record in 0..<Scenario.records {
            let versions = try counting(record)
            let effective = world.hub.store.effective(world.key(record))
            for version in versions {
                for field in RecordState.fields(of: version) where field != RecordState.existence {
                    let coverers = versions.filter { other in
                        other.dot != version.dot && RecordState.fields(of: other).contains(field)
                            && other.context.covers(version.dot)
                    }
                    for other in coverers where shown[other.dot].map({ !$0.contains(version.dot) }) ?? false {
                        world.complain(
                            "\(other.dot) covers \(version.dot) of record \(record), which its author "
                                + "was not shown"
                        )
                    }
                    let candidates = effective?.fields.first { $0.field == field }?.candidates ?? []
                    let isCandidate = candidates.contains { $0.setter == version.dot }
                    if isCandidate == !coverers.isEmpty {
                        world.complain(
                            "field \(field) of \(version.dot), record \(record), is "
                                + (isCandidate ? "still in force though covered" : "lost: nobody covers it"))
                    }
                }
            }
        }
    }

    /// The effective value is a function of the set of versions.
    private func orderDoesNotMatter() throws {
        var numbers = Numbers(seed: world.scenario.seed ^ 0x0FF0)
        for record in 0..<Scenario.records {
            let versions = try counting(record)
            guard !versions.isEmpty else { continue }
            let effective = world.hub.store.effective(world.key(record))
            for _ in 0..<3 {
                var state = RecordState()
                for version in versions.shuffled(using: &numbers) { state.merge(version) }
                let merged = state.effective { _ in .latest }
                if merged != effective {
                    world.complain("record \(record): the hub's value is not that of its versions")
                }
            }
        }
    }

    /// A branch holds what lies in its scope, whoever moved when, and of everything else only its own.
    private func branchesSeeWhatTheHubHas() throws {
        for agent in world.agents {
            let unit = "B\(world.scenario.unit(of: agent.number))"
            let own = Set(try agent.store.origins().map(\.id))
            for record in 0..<Scenario.records {
                let there = try hubVersions(record)
                let here = try agent.store.versions(of: world.key(record))
                guard world.hub.store.isInScope(world.key(record), of: unit) else {
                    if here != there.filter({ own.contains($0.dot.origin) }) {
                        world.complain("agent \(agent.number) holds others' versions of record \(record)")
                    }
                    continue
                }
                guard !there.contains(where: { quarantined.contains($0.dot) }) else { continue }
                if here != there {
                    world.complain(
                        "agent \(agent.number) holds \(here.count) versions of record \(record), the hub "
                            + "\(there.count)")
                }
                let mine = try agent.store.record(world.key(record))?.effective { _ in .latest }
                let theirs = world.hub.store.effective(world.key(record))
                if mine != theirs {
                    world.complain("agent \(agent.number) sees record \(record) differently")
                }
            }
        }
    }

    private func everyAuthorKnowsWhatIsQuarantined() throws {
        for agent in world.agents {
            let own = Set(try agent.store.origins().map(\.id))
            let told = Set(try agent.store.verdicts([.quarantined], limit: .max).map(\.verdict.dot))
            if told != quarantined.filter({ own.contains($0.origin) }) {
                world.complain("agent \(agent.number) does not know which of its versions are quarantined")
            }
        }
    }

    /// No store was restored or copied here: whoever was taken for that was wronged.
    private func noStoreWasSuspected() {
        for (agent, refuse) in world.refusals
        where refuse.code == .identityLost || refuse.code == .originOfAnother {
            world.complain("agent \(agent) was refused with \(refuse.code): \(refuse.words)")
        }
    }
}
