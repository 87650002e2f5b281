import FaultKit
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

/// A hub's store from its making to what it feeds, under every fault.
@Suite struct HubFaultTests {
    @Test(arguments: Fault.Aftermath.allCases) func everyOperationMayFail(_ aftermath: Fault.Aftermath) throws
    {
        try FaultWalk<HubWork>().walk(aftermath)
    }
}

private final class HubWork: FaultWork {
    static let steps = 10
    private static let now = HubWorld.morning + 43_200_000
    /// What two devices have written, cut into batches: made once, by a hub without faults.
    private struct Script: @unchecked Sendable {
        var keys: [[UInt8]] = []
        var hellos: [Hello] = []
        var batches: [[VersionBatch]] = []
    }

    private static let script = Result { try makeScript() }
    private let folder: String
    private let script: Script
    /// Receipts that were given out: what they say must hold for ever.
    private var receipts: [Receipt] = []
    private var sessions: [SessionRef?] = [nil, nil]

    init(folder: String) throws {
        self.folder = folder
        script = try HubWork.script.get()
    }

    private static func makeScript() throws -> Script {
        let world = try HubWorld(.memory)
        var script = Script()
        for number in UInt8(1)...2 {
            let device = try HubDevice(world, unit: number == 1 ? "B1" : "B2", number: number)
            let heads = Lane.allCases.map { lane in
                OriginHead(
                    claim: OriginClaim(
                        lane: lane, nonce: Token16(high: UInt64(number), low: UInt64(lane.rawValue))),
                    sequence: 100, head: .zero)
            }
            script.keys.append(device.key)
            script.hellos.append(
                Hello(
                    replica: .zero, origins: heads, capabilities: [], dictionaries: [], clock: now,
                    sessionToken: .zero, feed: .beginning, urgent: Backlog(), routine: Backlog(),
                    program: "test"))
            let people = number == 1 ? ["p1", "p2", "p3"] : ["p4", "p5", "stranger"]
            script.batches.append([
                try device.batch(people.map { HubWorld.checkIn($0) }),
                try device.batch([HubWorld.checkIn("p1", fever: true)], lane: .urgent),
                try device.batch(
                    (0..<6).map { HubWorld.checkIn("p\($0 + 1)", day: HubWorld.day + 1, temperature: 3_700) }
                        + [HubWorld.checkIn("p1", temperature: 9_900)]),
            ])
        }
        return script
    }

    private func means() -> HubMeans { HubFake.means(seed: 5) }

    func open() throws -> SQLiteHubStore {
        sessions = [nil, nil]
        do {
            return try SQLiteHubStore(folder: folder, means: means())
        } catch let error as StoreError where error.code == .notAStore {
            return try SQLiteHubStore.create(
                folder: folder, name: "Hub", settings: Settings(), means: means())
        }
    }

    func poke(_ store: SQLiteHubStore) throws { _ = try store.devices() }

    func run(_ number: Int, on store: SQLiteHubStore) throws {
        switch number {
        case 0: try importRegister(store)
        case 1: try join(store, 0)
        case 2: _ = try session(0, store)
        case 3: try send([(0, 0)], store)
        case 4: try send([(0, 1), (0, 2)], store)
        case 5: try join(store, 1)
        case 6: _ = try session(1, store)
        case 7: try send([(1, 0), (1, 1), (1, 2)], store)
        case 8: try correct(store)
        default: try purge(store)
        }
    }

    /// Whole or not at all; what comes after it only says so.
    private func purge(_ store: SQLiteHubStore) throws {
        let later = HubWork.now + 70 * 86_400_000
        let purge = try store.purge(now: later, limit: .max)
        try store.finish(purge, now: later)
    }

    // MARK: - The centre

    private var clock: AuthoringClock { AuthoringClock(now: HubWork.now, isTrusted: true) }

    private func importRegister(_ store: SQLiteHubStore) throws {
        try store.write(clock: clock) { transaction in
            for unit in HubWorld.units where try !transaction.unitExists(unit) {
                try transaction.author(
                    HubWorld.draft(
                        "unit", [.text(unit)],
                        [1: .text(unit), 3: unit == "C0" ? .notStated : .text("C0"), 4: .text("party")]))
            }
            for (person, unit) in HubWorld.people where try !transaction.personExists(person) {
                try transaction.author(HubWorld.draft("person", [.text(person)], [1: .text("Name")]))
                try transaction.author(HubWorld.membership(person, from: CivilDay.beginning, unit: unit))
            }
        }
    }

    /// Somebody moves in the middle: counters of days that were counted change.
    private func correct(_ store: SQLiteHubStore) throws {
        try store.write(clock: clock) { transaction in
            let move = HubWorld.membership("p3", from: HubWorld.day, unit: "B2")
            if try transaction.effective(move.key) == nil { try transaction.author(move) }
        }
    }

    /// Two transactions; the first leaves nothing that the picture shows.
    private func join(_ store: SQLiteHubStore, _ device: Int) throws {
        let secret = Token16(high: 42, low: UInt64(device))
        do {
            try store.invite(
                Invitation(
                    secretHash: HubFake.hashing(secret.bytes), unit: device == 0 ? "B1" : "B2",
                    isTrusted: true,
                    expires: HubWork.now + 1_000), now: HubWork.now)
        } catch {
            // Made already; anything else is not what a constraint says.
            if error is StoreError { throw error }
        }
        let join = Join(secret: secret, replica: secret, label: "Device", clock: HubWork.now)
        _ = try store.join(join, publicKey: script.keys[device], now: HubWork.now).get()
    }

    // MARK: - Devices

    private func session(_ device: Int, _ store: SQLiteHubStore) throws -> SessionRef {
        if let known = sessions[device] { return known }
        let admission = try store.admit(
            script.hellos[device], publicKey: script.keys[device], sessionToken: Token16(high: 1, low: 1),
            now: HubWork.now
        ).get()
        sessions[device] = admission.session
        return admission.session
    }

    private func send(_ chosen: [(device: Int, batch: Int)], _ store: SQLiteHubStore) throws {
        let submissions = try chosen.map { choice in
            Submission(
                session: try session(choice.device, store),
                batch: script.batches[choice.device][choice.batch])
        }
        for outcome in try store.ingest(submissions, now: HubWork.now) {
            switch outcome {
            case .held(let receipt, _): receipts += receipt.map { [$0] } ?? []
            case .refused(let refuse) where refuse.code == .diskFull: throw StoreError(.diskFull, "refused")
            default: Issue.record("\(outcome)")
            }
        }
        // The feed goes on from where it was confirmed.
        for device in Set(chosen.map(\.device)) {
            let session = try session(device, store)
            var token = FeedToken(epoch: try store.epoch, position: 0, hash: .zero)
            while let page = try store.feed(for: session, after: token, maximumItems: 7) {
                token = page.token
            }
            try store.confirmFeed(token, of: session)
        }
    }

    // MARK: - Looking

    func picture(_ store: SQLiteHubStore) throws -> [String] {
        var lines: [String] = []
        for form in ["unit", "person", "membership", "check-in", "alert"] {
            try store.export(form: form, from: nil, to: nil) { key, record in
                lines.append("\(form) \(key) \(record.fields.map(\.value)) \(record.firstCreated)")
            }
        }
        for day in HubWorld.day...(HubWorld.day + 1) {
            lines += try store.coverage(of: day).lines.map { "\(day) \($0)" }
        }
        for journal in try store.journals() where journal.device != nil {
            lines.append("\(journal.origin) \(journal.held) \(journal.sealed) \(journal.segments)")
        }
        lines += try store.devices().map { "\($0.unit) \($0.state) \($0.lastSeen ?? 0)" }
        return lines
    }

    func audit(_ store: SQLiteHubStore) throws {
        for day in HubWorld.day...(HubWorld.day + 1) { #expect(try store.countersAgree(on: day)) }
        let journals = try store.journals()
        let key = means().signing.publicKey
        for receipt in receipts {
            // Power or not: what was receipted is there, with that head.
            let journal = try #require(journals.first { $0.origin == receipt.origin })
            #expect(journal.sealed >= receipt.sequence)
            let segment = try #require(try store.segment(of: receipt.origin, holding: receipt.sequence))
            #expect(segment.last != receipt.sequence || segment.after == ShortDigest(receipt.head))
            let statement = try receipt.statement(hub: HubFake.hashing(key), epoch: store.epoch)
            #expect(
                HubFake.verifying.isValid(statement, receipt.signature, key))
        }
        for journal in journals {
            var head: ShortDigest?
            var next: UInt64 = 1
            while next <= journal.held {
                let segment = try #require(try store.segment(of: journal.origin, holding: next))
                #expect(segment.first == next && (head == nil || head == segment.before))
                head = segment.after
                next = segment.last + 1
            }
            #expect(next == journal.held + 1 && (head == nil || head == ShortDigest(journal.head)))
        }
    }
}
