import Forms
import SyncCore
import SyncStore

/// What must hold when everything has come to rest. Knows nothing of how the run was driven: it looks at the
/// stores and at what people were told.
struct Checkers {
    let world: World
    /// A hub in memory to which everything came in another order.
    private let mirror: MemoryHubStore
    /// What the hub says of versions, without what it only noted or held already.
    private let refusals: Set<Verdict>
    /// What the hub keeps whole and does not count.
    private let quarantined: Set<Dot>
    /// Every version at the hub, by record, ascending by dot; one that came under several names, under each.
    private let hub: [[Version]]
    /// Branches whose devices are not revoked.
    private let agents: [SimAgent]
    /// The same at each of them.
    private let branches: [[[Version]]]
    /// What people had been shown, by what they then saved.
    private let shown: [FirstName: Set<FirstName>]

    init(_ world: World) throws {
        self.world = world
        let store = world.hub.disk.store
        quarantined = try world.hub.disk.quarantined()
        mirror = try Checkers.mirror(of: world)
        refusals = try Checkers.refusals(of: world)
        hub = try (0..<Scenario.records).map { try store.versions(of: world.key($0)) }
        agents = world.agents.filter { !world.isRevoked($0) }
        branches = try agents.map { agent in
            try (0..<Scenario.records).map { record in
                return try agent.store.versions(of: world.key(record)).filter {
                    !world.lost.contains($0.dot)
                }
            }
        }
        shown = Dictionary(
            world.ledger.saved.map { (FirstName($0.version), $0.shown) },
            uniquingKeysWith: { first, _ in first })
    }

    private static func mirror(of world: World) throws -> MemoryHubStore {
        var numbers = Numbers(seed: world.scenario.seed ^ 0xF4E5)
        let mirror = try world.makeMemoryHub(seed: world.scenario.seed)
        // What a revoked device handed over counts nowhere.
        let arrivals = try world.hub.disk.arrivals().filter { arrival in
            try !world.hub.disk.store.verdicts(on: arrival.batch.dot(at: 0)).contains {
                $0.reason == Reason.revokedDevice
            }
        }
        mirror.refill(
            arrivals, of: try world.hub.disk.store.devices(),
            first: world.registerLength, now: world.hub.lastWrite, using: &numbers)
        return mirror
    }

    /// Of one version under two names the second that comes is held already, whichever that is.
    private static func isRefusal(_ verdict: Verdict) -> Bool {
        (verdict.kind == .quarantined || verdict.kind == .released)
            && verdict.reason != Reason.revokedDevice
    }

    private static func refusals(of world: World) throws -> Set<Verdict> {
        var refusals: Set<Verdict> = []
        for arrival in try world.hub.disk.arrivals() {
            for row in 0..<arrival.batch.count {
                refusals.formUnion(
                    try world.hub.disk.store.verdicts(on: arrival.batch.dot(at: row))
                        .filter(isRefusal))
            }
        }
        return refusals
    }

    func check() throws {
        try everythingIsReceipted()
        noDotNamesTwoThings()
        try everySavedVersionIsAtTheHub()
        contextsSayWhatWasShown()
        try everySavedFieldCounts()
        try groupsMoveAsOne()
        try orderDoesNotMatter()
        try aFreshHubEndsAlike()
        try branchesSeeWhatTheHubHas()
        try everyAuthorKnowsWhatIsQuarantined()
        noStoreWasSuspected()
        try nothingOfRevokedDevicesCounts()
        try nothingIsKeptTooLong()
    }

    /// What a version is called wherever it stands among `versions`.
    private func names(of version: Version, in versions: [Version]) -> [Dot] {
        versions.filter { FirstName($0) == FirstName(version) }.map(\.dot)
    }

    private func counting(_ record: Int) -> [Version] {
        hub[record].filter { !quarantined.contains($0.dot) }
    }

    private func everythingIsReceipted() throws {
        for agent in agents {
            for origin in try agent.store.origins() where origin.receipted != origin.sequence {
                world.complain(
                    "agent \(agent.number): \(origin.receipted) of \(origin.sequence) \(origin.claim.lane) "
                        + "versions are receipted")
            }
        }
    }

    private func noDotNamesTwoThings() {
        var known: [Dot: Version] = [:]
        for record in 0..<Scenario.records {
            for version in hub[record] + branches.flatMap({ $0[record] }) {
                if let other = known[version.dot], other != version {
                    world.complain(
                        "\(version.dot) names two versions of record \(record), which differ in "
                            + difference(other, version))
                }
                known[version.dot] = version
            }
        }
    }

    private func difference(_ one: Version, _ other: Version) -> String {
        zip(Mirror(reflecting: one).children, Mirror(reflecting: other).children).compactMap { one, other in
            let (one, other) = ("\(one.label ?? "") \(one.value)", "\(other.value)")
            return one.hasSuffix(" " + other) ? nil : "\(one) and \(other)"
        }.joined(separator: "; ")
    }

    /// Only a revoked device's may: of what a branch has let go values are gone that may be kept no longer,
    /// and nothing else.
    private func mayBeMissing(_ saved: Ledger.Saved) -> Bool {
        saved.author != Ledger.centre && world.isRevoked(world.agents[saved.author])
    }

    private func everySavedVersionIsAtTheHub() throws {
        for saved in world.ledger.saved {
            let name = FirstName(saved.version)
            let held = hub[saved.record].filter { FirstName($0) == name }
            let isSame = held.allSatisfy {
                SimForms.lasting($0) == SimForms.lasting(saved.version)
                    && $0.isDelete == saved.version.isDelete && $0.authored == saved.version.authored
            }
            if held.isEmpty, mayBeMissing(saved) { continue }
            if held.isEmpty || !isSame {
                world.complain(
                    "\(saved.version.dot) of record \(saved.record) was saved and is at the hub "
                        + "\(held.count) times" + (isSame ? "" : ", as something else"))
            }
        }
    }

    /// A version covers under all its names together what its author had been shown of the record, all of it
    /// and nothing else. About what a hub that was put back has lost and gets under another name people are
    /// asked again, and about what a disk that was lost had sent only a part of.
    private func contextsSayWhatWasShown() {
        for record in 0..<Scenario.records {
            for version in hub[record] {
                let name = FirstName(version)
                guard let shown = shown[name], version == hub[record].first(where: { FirstName($0) == name })
                else { continue }
                // Written again it covers more: what had to get a new name as well.
                let contexts = hub[record].filter { FirstName($0) == name }.map(\.context)
                let context = contexts.reduce(Context.empty) { $0.merged(with: $1) }
                for other in hub[record] where FirstName(other) != name {
                    let isCovered = names(of: other, in: hub[record]).contains(where: context.covers)
                    if !isCovered, world.mayBeCalledAnew(FirstName(other), besides: version) { continue }
                    if isCovered != shown.contains(FirstName(other)) {
                        world.complain(
                            "\(version.dot) of record \(record) " + (isCovered ? "covers" : "does not cover")
                                + " \(other.dot), which its author was \(isCovered ? "not " : "")shown")
                    }
                }
            }
        }
    }

    /// Every field that somebody saved is in force, or covered by a version whose author had been shown it,
    /// or stands beside others as a candidate.
    private func everySavedFieldCounts() throws {
        for record in 0..<Scenario.records {
            let versions = counting(record)
            let effective = try world.hub.disk.store.effective(world.key(record))
            for version in versions {
                let names = names(of: version, in: versions)
                for field in RecordState.fields(of: version) where field != RecordState.existence {
                    let isCovered = versions.contains { other in
                        FirstName(other) != FirstName(version)
                            && RecordState.fields(of: other).contains(field)
                            && names.contains(where: other.context.covers)
                    }
                    let candidates = effective?.fields.first { $0.field == field }?.candidates ?? []
                    let isCandidate = candidates.contains { names.contains($0.setter) }
                    if isCandidate == isCovered {
                        world.complain(
                            "field \(field) of \(version.dot), record \(record), is "
                                + (isCandidate ? "still in force though covered" : "lost: nobody covers it"))
                    }
                }
            }
        }
    }

    /// Fields of a merge group are set by one version.
    private func groupsMoveAsOne() throws {
        for record in 0..<Scenario.records {
            guard let effective = try world.hub.disk.store.effective(world.key(record)) else { continue }
            let setters = SimForms.group.map { id in effective.fields.first { $0.field == id }?.setter }
            if Set(setters).count > 1 { world.complain("record \(record): a merge group is torn") }
        }
    }

    /// The effective value is a function of the set of versions.
    private func orderDoesNotMatter() throws {
        var numbers = Numbers(seed: world.scenario.seed ^ 0x0FF0)
        for record in 0..<Scenario.records {
            let versions = counting(record)
            guard !versions.isEmpty else { continue }
            let effective = try world.hub.disk.store.effective(world.key(record))
            for _ in 0..<2 {
                var state = RecordState()
                for version in versions.shuffled(using: &numbers) {
                    state.merge(version) { first in versions.first { $0.dot == first } }
                }
                if state.effective(under: SimForms.rules) != effective {
                    world.complain("record \(record): the hub's value is not that of its versions")
                }
            }
        }
    }

    /// A hub that gets the same versions in another order ends with the same records, and says the same of
    /// them; whichever of the two lies in memory.
    private func aFreshHubEndsAlike() throws {
        let store = world.hub.disk.store
        for key in mirror.recordKeys where try mirror.effective(key) != store.effective(key) {
            world.complain("a fresh hub sees \(key) differently")
        }
        if refusals != mirror.refusals.filter(Checkers.isRefusal) {
            world.complain("a fresh hub says something else of versions")
        }
        guard let old = world.hub.memory, old.recordKeys != mirror.recordKeys else { return }
        world.complain("a fresh hub has other records")
    }

    /// What a branch wrote under; where its store was restored or copied, another may have written under what
    /// it has closed.
    private func own(of agent: SimAgent) throws -> Set<OriginID> {
        let closed = world.suspects.contains(agent.device) ? [] : try agent.store.closedOrigins()
        return Set((try agent.store.origins() + closed).map(\.id))
    }

    /// A branch holds what lies in its scope, whoever moved when, and of everything else only its own.
    private func branchesSeeWhatTheHubHas() throws {
        for (agent, branch) in zip(agents, branches) {
            let unit = "B\(world.scenario.unit(of: agent.device))"
            for record in 0..<Scenario.records {
                let own = try own(of: agent)
                let mine = branch[record]
                if !mirror.isInScope(world.key(record), of: unit) {
                    let strange = mine.contains { !own.contains($0.dot.origin) }
                    if strange, !world.suspects.contains(agent.device) {
                        world.complain("agent \(agent.number) holds others' versions of record \(record)")
                    }
                    continue
                }
                // What its device wrote before it opened new journals may lie here, quarantined at the hub.
                let kept = world.suspects.contains(agent.device) ? Set(mine.map(\.dot)) : []
                let there = hub[record].filter {
                    own.contains($0.dot.origin) || !quarantined.contains($0.dot) || kept.contains($0.dot)
                }
                if mine != there {
                    world.complain(
                        "agent \(agent.number) holds \(branch[record].count) versions of record \(record), "
                            + "the hub \(there.count) for it")
                }
                guard there.count == counting(record).count else { continue }
                guard branch[record] == there, kept.isDisjoint(with: quarantined) else { continue }
                // A branch may hold what the centre has lost.
                let all = try agent.store.versions(of: world.key(record))
                guard all == branch[record] else { continue }
                let seen = try agent.effective(record)
                if seen != (try world.hub.disk.store.effective(world.key(record))) {
                    world.complain("agent \(agent.number) sees record \(record) differently")
                }
            }
        }
    }

    private func everyAuthorKnowsWhatIsQuarantined() throws {
        for agent in agents {
            let own = try own(of: agent)
            let told = Set(
                try agent.store.verdicts([.quarantined], limit: .max).map(\.verdict.dot))
            let owed = quarantined.filter { own.contains($0.origin) }
            if !owed.isSubset(of: told) || told != owed && !world.suspects.contains(agent.device) {
                world.complain("agent \(agent.number) does not know which of its versions are quarantined")
            }
        }
    }

    /// Whoever was taken for restored or copied, and was not, was wronged.
    private func noStoreWasSuspected() {
        for agent in world.agents where agent.heals > 0 && !world.suspects.contains(agent.device) {
            world.complain("agent \(agent.number) was taken for a copy and opened new origins")
        }
        for (agent, refuse) in world.refusals
        where (refuse.code == .identityLost || refuse.code == .originOfAnother)
            && !world.suspects.contains(world.agents[agent].device)
        {
            world.complain("agent \(agent) was refused with \(refuse.code): \(refuse.words)")
        }
    }

    /// Of a device that is let in no more only what was there before counts.
    private func nothingOfRevokedDevicesCounts() throws {
        for (device, known) in world.revoked.sorted(by: { $0.key < $1.key }) {
            let late = try world.hub.versions(of: device).filter {
                !known.contains(FirstName($0)) && !quarantined.contains($0.dot)
            }
            for version in late {
                world.complain("\(version.dot) came from device \(device) after it was revoked, and counts")
            }
        }
    }

    /// What may be kept no longer is nowhere, and nothing else was taken out.
    private func nothingIsKeptTooLong() throws {
        let retention = world.retention
        for record in 0..<Scenario.records {
            let old = hub[record].filter { retention.trimmed($0) != nil }
            if !old.isEmpty { world.complain("the hub keeps \(old.map(\.dot)) of record \(record) whole") }
        }
        for agent in agents {
            let own = try agent.store.origins()
            for origin in own where origin.backedUp < origin.sequence {
                world.complain("agent \(agent.number) does not know that its versions are backed up")
            }
            // A closed journal that the hub does not answer for may be asked for one day.
            let closed = Dictionary(
                uniqueKeysWithValues: try agent.store.closedOrigins().map {
                    ($0.id, min($0.receipted, $0.backedUp))
                })
            for record in 0..<Scenario.records {
                let late = try agent.store.versions(of: world.key(record)).filter {
                    retention.trimmed($0) != nil && $0.dot.sequence <= closed[$0.dot.origin] ?? .max
                }
                if !late.isEmpty {
                    world.complain(
                        "agent \(agent.number) keeps \(late.map(\.dot)) of record \(record) whole")
                }
            }
        }
        for saved in world.ledger.saved where retention.trimmed(saved.version) == nil {
            let held = hub[saved.record].filter { FirstName($0) == FirstName(saved.version) }
            if held.contains(where: { $0.assignments != saved.version.assignments }) {
                world.complain("\(saved.version.dot) of record \(saved.record) was taken out too early")
            }
        }
    }
}
