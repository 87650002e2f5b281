import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Random purges at both ends between random work.
@Suite struct RetentionPropertyTests {
    @Test(arguments: HubKind.allCases, [UInt64(1), 2, 3])
    func whatStaysSaysWhatItSaid(_ kind: HubKind, _ seed: UInt64) throws {
        var run = try RetentionRun(kind, seed: seed)
        for _ in 0..<60 { try run.step() }
        try run.settle()
    }
}

/// Two branches of a unit and their hub, with everything that was ever written beside them.
private struct RetentionRun {
    let world: IdentityWorld
    let branches: [Branch]
    var random: HubRandom
    var written: [Dot: (version: Version, head: Digest)] = [:]
    var texts = 0
    var backups = 0
    let folder = HubFolder()

    init(_ kind: HubKind, seed: UInt64) throws {
        let world = try IdentityWorld(kind, forms: RetentionForms.catalog)
        self.world = world
        branches = try [1, 2].map { try Branch(kind, $0, unit: "B1", at: world) }
        random = HubRandom(state: seed)
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        for branch in branches { try branch.sync(world) }
    }

    var today: Int32 { JournalChain.day(of: world.now + 8 * 3_600_000) }

    mutating func step() throws {
        let branch = branches[Int.random(in: 0...1, using: &random)]
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9: try write(branch)
        case 9..<13: try branch.sync(world)
        case 13: try backUp()
        case 14..<16:
            try prune(branch)
            try expectNothingLost()
        case 16: try purge()
        default: world.now += Int64.random(in: 1...5, using: &random) * RetentionForms.day
        }
    }

    private mutating func write(_ branch: Branch) throws {
        texts += 1
        let form = Bool.random(using: &random) ? "walk" : "visit"
        let day = Int64(today) - Int64.random(in: 0...12, using: &random)
        let person = "p\(Int.random(in: 1...3, using: &random))"
        func text(_ mark: String) -> String? { Bool.random(using: &random) ? "\(mark)-\(texts)-" : nil }
        var draft = RetentionForms.draft(
            form, day: day, person, mood: form == "walk" ? "STAYS-\(texts)-" : "MOOD-\(texts)-",
            track: text("TRACK"), note: text("NOTE"),
            lane: Int.random(in: 0..<5, using: &random) == 0 ? .urgent : .routine)
        if let known = try branch.store.record(draft.key), Bool.random(using: &random) {
            draft.context = known.seen
            if Int.random(in: 0..<4, using: &random) == 0 {
                draft.isDelete = true
                draft.assignments = []
            }
        }
        // A clock that is years off, and known to be.
        let off =
            Int.random(in: 0..<4, using: &random) == 0 ? [-1_100, 1_100].randomElement(using: &random) : nil
        let clock = AuthoringClock(
            now: world.now + Int64(off ?? 0) * RetentionForms.day, isTrusted: off == nil,
            lastHubTime: world.now)
        let dot = try branch.store.write(clock: clock) { try $0.author(draft) }
        for lane in Lane.allCases {
            let entries = try branch.store.journal(lane: lane, after: dot.sequence - 1, limit: 1)
            for entry in entries where entry.version.dot == dot {
                written[dot] = (entry.version, entry.head)
            }
        }
    }

    private mutating func backUp() throws {
        if let memory = world.hub as? MemoryHubStore { return memory.noteBackup() }
        backups += 1
        try (world.hub as? SQLiteHubStore)?.backUp(to: folder.path + "/\(backups)", now: world.now)
    }

    private func prune(_ branch: Branch) throws {
        let retention = RetentionForms.retention(on: Int64(today))
        while try !branch.store.prune(retention, limit: 7).isComplete {}
        try branch.store.scrub()
    }

    private func purge() throws {
        var total = Purge()
        repeat { total.add(try world.hub.purge(now: world.now, limit: 2)) } while !total.isComplete
        try world.hub.finish(total, now: world.now)
    }

    /// Of what is not receipted or in no backup, everything is held as it was written.
    private func expectNothingLost() throws {
        for branch in branches {
            for origin in try branch.store.origins() {
                let safe = min(origin.receipted, origin.backedUp)
                #expect(origin.floor <= safe + 1)
                let held = try branch.store.journal(
                    lane: origin.claim.lane, after: origin.floor - 1, limit: .max)
                #expect(held.count == Int(origin.sequence - (origin.floor - 1)))
                for entry in held {
                    #expect(written[entry.version.dot]?.version == entry.version)
                    #expect(written[entry.version.dot]?.head == entry.head)
                }
            }
        }
    }

    mutating func settle() throws {
        for branch in branches { try branch.sync(world) }
        try backUp()
        for branch in branches { try branch.sync(world) }
        try purge()
        try compare()
        world.now += 100 * RetentionForms.day
        for branch in branches { try branch.sync(world) }
        try purge()
        for branch in branches { try prune(branch) }
        try compare()
        try expectAbsent()
        for branch in branches { try expectHeads(of: branch) }
    }

    /// What everything ever written says of each record, as far as it may be kept.
    private func compare() throws {
        let retention = RetentionForms.retention(on: Int64(today))
        var states: [RecordKey: RecordState] = [:]
        for dot in written.keys.sorted() {
            guard let version = written[dot]?.version else { continue }
            states[version.key, default: RecordState()].merge(retention.trimmed(version) ?? version)
        }
        for (key, state) in states {
            let rules = try #require(RetentionForms.catalog[key.form]).mergeRules
            let expected = retention.isOver(key) ? nil : state.effective(under: rules)
            #expect(try world.hub.effective(key) == expected)
        }
    }

    private func expectHeads(of branch: Branch) throws {
        let hello = try branch.store.hello(now: world.now, program: "test")
        let session = try world.hub.admit(
            hello, publicKey: Branch.key(branch.number), sessionToken: .zero, now: world.now
        ).get().session
        for origin in try branch.store.origins() {
            for (dot, entry) in written where dot.origin == origin.id {
                let question = Heads(origin: origin.id, entries: [.init(sequence: dot.sequence, head: nil)])
                #expect(try world.hub.heads(question, for: session).entries[0].head == entry.head)
            }
        }
    }

    /// Nothing purged stands in any file.
    private func expectAbsent() throws {
        guard world.kind == .sqlite else { return }
        for path in branches.map(\.folder.path) + [world.world.folder.path] {
            var isKeptThere = false
            for name in try FileManager.default.contentsOfDirectory(atPath: path)
            where !name.contains("ballast") {
                let content = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
                for mark in ["TRACK-", "NOTE-", "MOOD-"] {
                    #expect(content.range(of: Data(mark.utf8)) == nil, "\(mark) in \(name)")
                }
                if content.range(of: Data("STAYS-".utf8)) != nil { isKeptThere = true }
            }
            #expect(isKeptThere)
        }
    }
}
