import Forms
import Foundation
import GRDB
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A hub and branches with stores of their own kind, brought together without a network.
final class ComparingWorld {
    static let day: Int32 = 18_290
    static let units = ["C0", "B1", "B2"]
    static let people = [("p1", "B1"), ("p2", "B1"), ("p3", "B1"), ("p4", "B2"), ("p5", "B2")]

    let kind: HubKind
    let hub: any HubStore
    let folder = HubFolder()
    let hubKey = TestCrypto.signing()
    private(set) var branches: [ComparingBranch] = []
    var now = Milliseconds(ComparingWorld.day) * 86_400_000 + 43_200_000

    init(_ kind: HubKind) throws {
        self.kind = kind
        var generator = SystemRandomNumberGenerator()
        let means = HubMeans(
            hashing: TestCrypto.hashing, verifying: TestCrypto.verifying, signing: hubKey,
            zone: { _ in .fixed(hours: 8) }, random: { Token16(using: &generator) })
        switch kind {
        case .memory: hub = try MemoryHubStore(name: "Hub", settings: Settings(), means: means)
        case .sqlite:
            hub = try SQLiteHubStore.create(
                folder: folder.path, name: "Hub", settings: Settings(), means: means)
        }
        try centre { transaction in
            for unit in Self.units {
                let parent: Value = unit == "C0" ? .notStated : .text("C0")
                try transaction.author(
                    HubWorld.draft("unit", [.text(unit)], [1: .text(unit), 3: parent, 4: .text("party")]))
            }
            for (person, unit) in Self.people {
                try transaction.author(HubWorld.draft("person", [.text(person)], [1: .text("N \(person)")]))
                try transaction.author(HubWorld.membership(person, from: CivilDay.beginning, unit: unit))
            }
        }
    }

    @discardableResult func centre<Result>(_ body: (any HubTransaction) throws -> Result) throws -> Result {
        try hub.write(clock: AuthoringClock(now: now, isTrusted: true), body)
    }

    func join(_ unit: String) throws -> ComparingBranch {
        let branch = try ComparingBranch(self, unit: unit, number: UInt64(branches.count + 1))
        branches.append(branch)
        return branch
    }

    /// Everybody, until nothing moves any more.
    func syncAll() throws {
        for _ in 0..<3 { for branch in branches { try branch.sync() } }
    }

    /// Something done to the hub's file behind its back.
    func tamper(_ sql: String) throws {
        let queue = try DatabaseQueue(path: folder.path + "/store.sqlite")
        try queue.write { try $0.execute(sql: sql) }
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT total_changes()") } ?? 0 >= 0)
        try queue.close()
    }
}

/// A branch's device with a real store of its own.
final class ComparingBranch {
    let world: ComparingWorld
    let unit: String
    let folder = TemporaryFolder()
    let store: TableAgentStore
    private let device = TestCrypto.signing()

    init(_ world: ComparingWorld, unit: String, number: UInt64) throws {
        self.world = world
        self.unit = unit
        var generator = SystemRandomNumberGenerator()
        let means = AgentMeans(
            hashing: TestCrypto.hashing, signing: device, verifying: TestCrypto.verifying,
            random: { Token16(using: &generator) })
        store =
            world.kind == .memory
            ? MemoryAgentStore(means: means) : try SQLiteAgentStore(folder: folder.path, means: means)
        let secret = Token16(high: 42, low: number)
        try world.hub.invite(
            Invitation(
                secretHash: TestCrypto.hashing(secret.bytes), unit: unit, isTrusted: true,
                expires: world.now + 1_000), now: world.now)
        let join = Join(secret: secret, replica: secret, label: "Device", clock: world.now)
        _ = try world.hub.join(join, publicKey: device.publicKey, now: world.now).get()
        try store.configure(
            AgentConfiguration(
                replica: secret, address: "hub:1", hub: TestCrypto.hashing(world.hubKey.publicKey),
                hubPublicKey: world.hubKey.publicKey, unit: unit, unitName: unit, hubName: "Hub", settings: []
            ))
    }

    @discardableResult
    func author(_ drafts: Draft...) throws -> [Dot] {
        try store.write(clock: AuthoringClock(now: world.now, isTrusted: true)) { transaction in
            try drafts.map { try transaction.author($0) }
        }
    }

    /// A check-in as somebody enters it who is shown what is there.
    func checkIn(
        _ person: String, temperature: Int64 = 3_650, day: Int32 = ComparingWorld.day, blind: Bool = false
    ) throws {
        let seen = blind ? nil : try store.record(HubWorld.key(person, day: day))?.seen
        try author(
            HubWorld.checkIn(person, day: day, temperature: temperature, context: seen ?? .empty))
    }

    func sync(sending: Bool = true, feeding: Bool = true) throws {
        let admission = try world.hub.admit(
            store.hello(now: world.now, program: "test"), publicKey: device.publicKey,
            sessionToken: Token16(high: 1, low: UInt64.random(in: 1...(.max))), now: world.now
        ).get()
        let resume = try store.accept(admission.welcome, now: world.now)
        for origin in resume where sending {
            var after = origin.behind
            while let batch = try store.batch(
                of: origin.origin, after: after, maximumVersions: 100, maximumBytes: 1 << 20)
            {
                let outcome = try world.hub.ingest(
                    [Submission(session: admission.session, batch: batch)], now: world.now
                ).first
                guard case .held(let receipt?, _)? = outcome else {
                    Issue.record("not held: \(String(describing: outcome))")
                    return
                }
                try store.accept([receipt], now: world.now)
                after = batch.last
            }
        }
        var token = admission.feed
        while feeding,
            let page = try world.hub.feed(for: admission.session, after: token, maximumItems: 100)
        {
            try store.apply(page, now: world.now)
            token = page.token
            try world.hub.confirmFeed(token, of: admission.session)
        }
    }

    func asker() throws -> Asker {
        var hello = try store.hello(now: world.now, program: "test")
        hello.capabilities = [ReconcileSession.capability]
        return try world.hub.greet(hello, publicKey: device.publicKey, now: world.now).get()
    }

    func listing(_ asker: Asker) throws -> AgentListing {
        let held = Dictionary(uniqueKeysWithValues: asker.welcome.held.map { ($0.origin, $0.sequence) })
        let today = LocalZone.fixed(hours: 8).day(of: world.now)
        return try store.listing(unit: unit, today: today, forms: .builtIn, held: held)
    }

    struct Comparison {
        var findings: TallyFindings
        var listing: AgentListing
        /// What the hub says is on its way down.
        var movingDown: UInt64
        var questions: Int

        /// "lackedThere check-in 18290 B1" and the like.
        var words: [String] {
            findings.differences.map { difference in
                let key = difference.key.flatMap { Canonical.decode(key: $0) }?.last?.string ?? "?"
                let place = difference.place
                return "\(difference.kind) \(String(decoding: place.form, as: UTF8.self)) "
                    + "\(String(decoding: place.unit, as: UTF8.self)) \(key)"
            }
        }
    }

    /// Compares as a session does.
    ///
    /// - Parameter between: happens after this end has looked and before the hub is asked.
    func compare(between: () throws -> Void = {}) throws -> Comparison {
        let asker = try asker()
        let listing = try listing(asker)
        try between()
        var reconciler = Reconciler(
            listing.listing, at: listing.moment(in: asker.welcome.epoch), limit: 100)
        var questions = 0
        while let question = reconciler.question() {
            questions += 1
            try reconciler.take(
                try world.hub.answer(question, of: asker, now: world.now, isPatient: { true }))
        }
        let moving = reconciler.overview.reduce(0) { $0 + $1.tally.moving }
        return Comparison(
            findings: reconciler.findings(), listing: listing, movingDown: moving, questions: questions)
    }

    func tamper(_ sql: String) throws {
        let queue = try DatabaseQueue(path: folder.path + "/store.sqlite")
        try queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }
}
