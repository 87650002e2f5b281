import FaultKit
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A branch's store from its making to its receipts, under every fault.
@Suite struct AgentFaultTests {
    @Test(arguments: Fault.Aftermath.allCases) func everyOperationMayFail(_ aftermath: Fault.Aftermath) throws
    {
        try FaultWalk<AgentWork>().walk(aftermath)
    }
}

private final class AgentWork: FaultWork {
    static let steps = 9
    private static let foreign: OriginID = 0xFFFF_0000_0000_0001
    private static let hubKey = [UInt8](repeating: 9, count: 65)
    private static let deviceKey = [4] + [UInt8](repeating: 3, count: 64)
    private let folder: String

    init(folder: String) { self.folder = folder }

    private var means: AgentMeans {
        var random = HubRandom(state: 17)
        return AgentMeans(
            hashing: HubFake.hashing, signing: HubFake.signing(AgentWork.deviceKey),
            verifying: HubFake.verifying, random: { Token16(using: &random) })
    }

    /// With a log so short that it is taken over in the middle of the work too.
    func open() throws -> SQLiteAgentStore {
        try SQLiteAgentStore(folder: folder, mode: .openOrCreate, means: means, logPages: 20)
    }

    func poke(_ store: SQLiteAgentStore) throws { _ = try store.configuration() }

    func run(_ number: Int, on store: SQLiteAgentStore) throws {
        switch number {
        case 0: try store.configure(configuration)
        case 1: try author([checkIn(1), checkIn(2), checkIn(3)], on: store)
        case 2: try importSheet(on: store)
        case 3: _ = try store.accept(try welcome(store), now: AgentFixture.start)
        case 4: try store.accept([try receipt(.urgent, at: 2, store)], now: AgentFixture.start + 5)
        case 5: try store.accept([try receipt(.routine, at: 7, store)], now: AgentFixture.start + 5)
        case 6: try store.apply(try feed(store), now: AgentFixture.start + 6)
        case 7: try store.note { $0.nextTry = 77 }
        default: try author([checkIn(99, temperature: 3_700)], on: store)
        }
    }

    private var configuration: AgentConfiguration {
        AgentConfiguration(
            replica: Token16(high: 1, low: 2), address: "hub.example:7710",
            hub: HubFake.hashing(AgentWork.hubKey), hubPublicKey: AgentWork.hubKey, unit: "B1",
            unitName: "Branch 1", hubName: "Centre", settings: Array("{}".utf8))
    }

    private var clock: AuthoringClock { AuthoringClock(now: AgentFixture.start, isTrusted: true) }

    private func author(_ drafts: [Draft], on store: SQLiteAgentStore) throws {
        try store.write(clock: clock) { transaction in
            for draft in drafts where try transaction.record(draft.key) == nil {
                try transaction.author(draft)
            }
        }
    }

    /// Forty rows, one of which raises an alert, as an import writes them.
    private func importSheet(on store: SQLiteAgentStore) throws {
        try store.write(clock: clock) { transaction in
            for person in 10..<30 {
                let draft = checkIn(person, lane: person == 20 ? .urgent : .routine)
                let print = RowPrint.digest(
                    of: draft.key, draft.assignments, stated: nil, firstCreated: nil,
                    hashing: HubFake.hashing)
                if try transaction.isKnown(print, of: draft.key) { continue }
                try transaction.author(draft)
                try transaction.rememberImport(from: "sheet", draft.key, draft.assignments)
                try transaction.remember(print, of: draft.key)
                guard person == 20 else { continue }
                var alert = checkIn(20, day: 1, lane: .urgent)
                alert.key.form = "alert"
                try transaction.author(alert)
            }
        }
    }

    private func origin(_ lane: Lane, _ store: SQLiteAgentStore) throws -> OwnOrigin {
        try #require(try store.origins().first { $0.claim.lane == lane })
    }

    private func receipt(_ lane: Lane, at sequence: UInt64, _ store: SQLiteAgentStore) throws -> Receipt {
        let head = try #require(try store.journal(lane: lane, after: sequence - 1, limit: 1).first?.head)
        var receipt = Receipt(origin: try origin(lane, store).id, sequence: sequence, head: head)
        let statement = receipt.statement(hub: configuration.hub, epoch: AgentFixture.epoch)
        receipt.signature = HubFake.signature(statement, AgentWork.hubKey)
        return receipt
    }

    private func welcome(_ store: SQLiteAgentStore) throws -> Welcome {
        let held = HeldOrigin(
            origin: try origin(.routine, store).id, sequence: 3,
            head: try #require(try store.journal(lane: .routine, after: 2, limit: 1).first?.head),
            receipt: try receipt(.routine, at: 3, store))
        return Welcome(
            epoch: AgentFixture.epoch, sessionToken: Token16(high: 3, low: 4), held: [held],
            urgentWindow: 16_384, routineWindow: 65_536, maximumBatch: 65_536, clock: AgentFixture.start,
            capabilities: [], dictionary: 0, settings: [])
    }

    private func feed(_ store: SQLiteAgentStore) throws -> Feed {
        let versions = (1...5).map { index in
            let draft = checkIn(index, temperature: 3_800)
            return Version(
                dot: Dot(origin: AgentWork.foreign, sequence: UInt64(index)), key: draft.key,
                formRevision: 1, authored: AgentFixture.start, stated: AgentFixture.start,
                firstCreated: AgentFixture.start, assignments: draft.assignments)
        }
        let own = Dot(origin: try origin(.routine, store).id, sequence: 2)
        return Feed(
            lane: .routine, forms: [Array("{}".utf8)],
            versions: FeedVersions(dots: versions.map(\.dot), rows: VersionColumns(versions)),
            verdicts: [Verdict(dot: own, kind: .noted, reason: "unknown_person")],
            token: FeedToken(epoch: AgentFixture.epoch, position: 9, hash: ShortDigest(HubFake.hashing([9]))))
    }

    func picture(_ store: SQLiteAgentStore) throws -> [String] {
        var lines = ["\(String(describing: try store.configuration()))"]
        for form in ["check-in", "alert"] {
            for (key, state) in try store.records(form: form, after: nil, limit: 1_000) {
                let record = state.effective { _ in .latest }
                lines.append("\(key) \(state.siblings.count) \(record.fields.map(\.value))")
            }
        }
        for lane in Lane.allCases {
            lines.append("\(lane) \(try store.status(of: lane))")
            lines += try store.journal(lane: lane, after: 0, limit: 1_000).map {
                "\($0.version.dot.sequence) \($0.version.key) \($0.isReceipted) \($0.verdicts.map(\.reason))"
            }
        }
        lines.append("\(try store.contact()) \(try store.forms().count)")
        if try store.configuration() != nil {
            let hello = try store.hello(now: 0, program: "")
            lines.append("\(hello.feed) \(hello.sessionToken)")
        }
        return lines
    }

    func audit(_ store: SQLiteAgentStore) throws {
        for lane in Lane.allCases {
            guard let origin = try store.origins().first(where: { $0.claim.lane == lane }) else { continue }
            let journal = try store.journal(lane: lane, after: 0, limit: 1_000)
            #expect(
                journal.map(\.version.dot.sequence)
                    == Array(1...max(1, origin.sequence)).filter { _ in
                        origin.sequence > 0
                    })
            #expect(origin.receipted <= origin.sequence)
            // Batches continue the chain, and all that was written is sealed.
            var after: UInt64 = 0
            var head = origin.derivation
            var sealed: UInt64 = 0
            var salts: [SaltGrant] = []
            while let batch = try store.batch(
                of: origin.id, after: after, maximumVersions: 7, maximumBytes: 9_000)
            {
                #expect(batch.before == ShortDigest(head))
                salts += batch.salts
                let known = salts
                let walk = try JournalChain(hashing: HubFake.hashing).walk(
                    batch.rows, origin: batch.origin, first: batch.first, from: head
                ) { day, wanted in known.first { $0.day == day && $0.retentionClass == wanted }?.salt }
                for seal in batch.seals {
                    let statement = SealStatement.bytes(
                        origin: batch.origin, sequence: seal.sequence,
                        head: walk.heads[Int(seal.sequence - batch.first)])
                    #expect(HubFake.verifying.isValid(statement, seal.signature, AgentWork.deviceKey))
                    sealed = seal.sequence
                }
                head = try #require(walk.heads.last)
                #expect(batch.after == ShortDigest(head))
                after = batch.last
            }
            #expect(after == origin.sequence && head == origin.head && sealed == origin.sequence)
        }
    }
}
