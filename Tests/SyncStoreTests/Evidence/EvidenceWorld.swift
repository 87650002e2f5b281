import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A branch and its hub, with a few entries of every kind.
final class EvidenceWorld {
    static let hubKey = [UInt8](repeating: 7, count: 65)
    static let deviceKey = [UInt8]([4, 77]) + [UInt8](repeating: 77, count: 63)

    let world: HubWorld
    let folder = TemporaryFolder()
    let agent: SQLiteAgentStore
    private(set) var session: SessionRef
    var hub: SQLiteHubStore { get throws { try #require(world.sqlite) } }

    init() throws {
        world = try HubWorld(.sqlite, isPopulated: false)
        try world.centre { transaction in
            for unit in ["C0", "B1"] {
                try transaction.author(
                    HubWorld.draft("unit", [.text(unit)], [1: .text("Unit \(unit)"), 4: .text("party")]))
            }
        }
        agent = try EvidenceWorld.open(folder.path)
        try agent.configure(
            AgentConfiguration(
                replica: Token16(high: 1, low: 2), address: "hub.example:7710",
                hub: HubFake.hashing(EvidenceWorld.hubKey), hubPublicKey: EvidenceWorld.hubKey, unit: "B1",
                unitName: "Branch 1", hubName: "Hub", settings: []))
        let secret = Token16(high: 5, low: 5)
        try world.store.invite(
            Invitation(
                secretHash: HubFake.hashing(secret.bytes), unit: "B1", isTrusted: true, expires: .max),
            now: world.now)
        _ = try world.store.join(
            Join(secret: secret, replica: .zero, label: "", clock: world.now),
            publicKey: EvidenceWorld.deviceKey, now: world.now
        ).get()
        session = SessionRef(device: 0, replica: 0, number: 0)
    }

    /// The branch's store, to be written.
    static func open(_ folder: String) throws -> SQLiteAgentStore {
        var random = HubRandom(state: 8)
        return try SQLiteAgentStore(
            folder: folder,
            means: AgentMeans(
                hashing: HubFake.hashing, signing: HubFake.signing(deviceKey),
                verifying: HubFake.verifying, random: { Token16(using: &random) }))
    }

    func author(_ drafts: [Draft], lane: Lane = .routine) throws {
        try agent.write(clock: AuthoringClock(now: world.now, isTrusted: true)) { transaction in
            for var draft in drafts {
                draft.lane = lane
                try transaction.author(draft)
            }
        }
    }

    /// A few entries in both lanes, in several transactions and batches, all receipted but the last.
    func fill() throws {
        try author([checkIn("p1"), checkIn("p2")])
        try author([checkIn("p3")])
        try sync()
        try author([checkIn("p1", 3700), checkIn("p4")])
        try author([checkIn("p2", 3900)], lane: .urgent)
        try sync()
        try feed()
        try author([checkIn("p5")])
    }

    private func checkIn(_ person: String, _ temperature: Int64 = 3650) -> Draft {
        HubWorld.draft(
            "check-in", [.integer(Int64(HubWorld.day)), .text(person)],
            [1: .decimal(unscaled: temperature, scale: 2), 14: .text("r" + person)])
    }

    /// Brings everything to the hub, and its receipts back.
    func sync() throws {
        let hello = try agent.hello(now: world.now, program: "test")
        let admission = try world.store.admit(
            hello, publicKey: EvidenceWorld.deviceKey, sessionToken: Token16(high: 1, low: 3), now: world.now
        ).get()
        session = admission.session
        let resumes = try agent.accept(admission.welcome, now: world.now)
        for resume in resumes {
            var after = resume.behind
            while let batch = try agent.batch(
                of: resume.origin, after: after, maximumVersions: 2, maximumBytes: 1 << 20)
            {
                world.now += 1_000
                let outcome = try #require(
                    try world.store.ingest([Submission(session: session, batch: batch)], now: world.now).first
                )
                try agent.accept([outcome.receipt].compactMap { $0 }, now: world.now)
                after = batch.last
            }
        }
    }

    /// Takes what others wrote.
    func feed() throws {
        let hello = try agent.hello(now: world.now, program: "test")
        var token = hello.feed
        while let page = try world.store.feed(for: session, after: token, maximumItems: 100) {
            guard page.token != token else { return }
            try agent.apply(page, now: world.now)
            token = page.token
        }
    }

    func reader() throws -> SQLiteAgentStore {
        try SQLiteAgentStore(
            readingFrom: folder.path, hashing: HubFake.hashing, verifying: HubFake.verifying)
    }

    func hubReader() throws -> SQLiteHubStore {
        let means = HubFake.means(seed: 3)
        return try SQLiteHubStore(readingFrom: world.folder.path, means: means)
    }
}
