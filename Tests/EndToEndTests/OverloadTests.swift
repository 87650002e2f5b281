import Foundation
import Logging
import SyncCore
import SyncStore
import Testing

@testable import Aggregator
@testable import SyncTransport
@testable import SyncWire

/// A hub that has as much as it can take: newcomers are sent away in words, their alerts are taken all the
/// same, and whoever is connected goes on.
@Suite(.timeLimit(.minutes(8))) struct OverloadTests {
    @Test func whatIsUrgentArrivesAndTheRestComesLater() async throws {
        let crowd = try await Crowd(branches: 3, persons: 6, days: 2)
        try await crowd.open(more: ["--sessions", "1"])
        for branch in ["B000", "B001", "B002"] { try await crowd.join(branch) }
        // The second has met the hub before, the third has not.
        try await crowd.checkIn("B001", "S001000", "36.5")
        #expect(try await crowd.sync("B001").drained)
        let first = try crowd.start("B000", "serve")
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        async let known: Void = sendAway("B001", "S00100", isReceiptBelieved: true, crowd)
        // Who has never been welcomed knows no epoch and cannot verify the receipt; the hub has it even so.
        async let unknown: Void = sendAway("B002", "S00200", isReceiptBelieved: false, crowd)
        _ = try await (known, unknown)
        #expect(try await crowd.alerts().count == 2)
        #expect(crowd.log.contains("overloaded"))
        // The first was never cut, and still delivers.
        try await crowd.checkIn("B000", "S000003", "36.7")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        #expect(!first.remarks.contains("no session"))
        // With room again everything arrives, once.
        _ = try await first.stop()
        for branch in ["B001", "B002"] {
            #expect(try await crowd.sync(branch).drained)
            #expect(try await crowd.status(branch).queued == 0)
        }
        #expect(try await crowd.arrived().count == 7)
        #expect(try await crowd.alerts().count == 2)
        try await crowd.close()
    }

    /// A device that brings more in a day than a branch can write fills no disk; its alerts get through.
    @Test func aDeviceBringsSoMuchInADay() async throws {
        struct Row: Decodable {
            var bytesToday: Int
        }
        let persons = 24
        let crowd = try await Crowd(branches: 1, persons: persons, days: 1)
        try await crowd.open(more: ["--device-day", "1"])
        try await crowd.join("B000")
        for person in (0..<(persons - 1)).map({ String(format: "S%06d", $0) }) {
            // What is said twice in a batch counts once.
            let remark = String(repeating: person, count: 8_000)
            try await crowd.branch(
                "B000", "add", "check-in", "day=\(crowd.days[0])", "person=\(person)", "temperature=36.5",
                "remark=\(remark)")
        }
        let refused = try await crowd.branch("B000", "sync", expecting: [3])
        #expect(refused.remarks.contains("125") && refused.remarks.contains("in a day"))
        try await crowd.checkIn("B000", String(format: "S%06d", persons - 1), "39.5")
        try await crowd.branch("B000", "sync", expecting: [3])
        let lanes = try await crowd.status("B000").lanes
        #expect(lanes["urgent"]?.queued == 0 && lanes["routine"]?.queued ?? 0 > 0)
        #expect(try await crowd.alerts().count == 1)
        let isNoted = try await eventually {
            let entries = try await AuditTests.Log.read(crowd).entries
            return entries.contains { $0.event == "refused" && $0.device == 1 && $0.detail.hasPrefix("125 ") }
        }
        #expect(isNoted)
        let rows: [Row] = try await crowd.hub("devices", "--json").json()
        #expect(rows.map { (1...(2 << 20)).contains($0.bytesToday) } == [true])
        // By the limit that this hub keeps, not by the one that it would have.
        let told = try await crowd.hub("devices").output
        #expect(told.contains("device 1 has brought") && told.contains("of the 1 MiB"), "\(told)")
        try await crowd.hub("serve", "--device-day", "0", expecting: [64])
        // Who looks after the hub may let more in.
        try await crowd.close()
        try await crowd.open()
        #expect(try await crowd.sync("B000").drained)
        #expect(try await crowd.arrived().count == persons)
        #expect(try await !crowd.hub("devices").output.contains("has brought"))
        try await crowd.close()
    }

    private func sendAway(
        _ branch: String, _ persons: String, isReceiptBelieved: Bool, _ crowd: Crowd
    ) async throws {
        try await crowd.checkIn(branch, persons + "1", "39.5")
        try await crowd.checkIn(branch, persons + "2", "36.5")
        let before = try await crowd.status(branch).lanes
        #expect(before["urgent"]?.queued ?? 0 >= 2)
        let outcome = try await crowd.branch(branch, "sync", expecting: [3])
        #expect(outcome.remarks.contains("120"))
        let after = try await crowd.status(branch).lanes
        #expect(after["routine"]?.queued == 1, "nothing that is not urgent was taken")
        #expect(after["urgent"]?.queued == (isReceiptBelieved ? 0 : before["urgent"]?.queued))
    }

    /// What a hub says to whom it refuses, byte by byte.
    @Test func theUrgentBatchIsReceiptedBeforeTheRefusal() async throws {
        let crowd = try await Crowd(branches: 1, persons: 1, days: 1)
        try await crowd.open(more: ["--sessions", "0"])
        let code = try await crowd.invite("B000")
        var device = try await RawDevice(joining: code)
        let urgent = try device.urgent.write([.checkIn("S000000", day: crowd.firstDay)])
        let routine = try device.routine.write([.checkIn("S000001", day: crowd.firstDay)])
        let peer = try await device.connect()
        try await peer.say(.hello(device.hello()))
        await peer.say(HostileFrameTests.frame(.batch(routine)))
        await peer.say(HostileFrameTests.frame(.batch(urgent)))
        guard case .receipt(let frame)? = try await peer.hear(),
            case .refuse(let refuse)? = try await peer.hear()
        else {
            Issue.record("not a receipt and a refusal")
            return
        }
        #expect(frame.receipts.map(\.origin) == [urgent.origin] && frame.receipts.map(\.sequence) == [1])
        #expect(refuse.code == .overloaded && refuse.retryAfter > 0 && !refuse.words.isEmpty)
        peer.close()
        // The receipt was lost on its way: it comes once more, as often as it is asked for.
        for _ in 0..<2 {
            let anew = try await device.connect()
            try await anew.say(.hello(device.hello()))
            await anew.say(HostileFrameTests.frame(.batch(urgent)))
            guard case .receipt(let frame)? = try await anew.hear(),
                case .refuse(let refuse)? = try await anew.hear()
            else {
                Issue.record("not a receipt and a refusal")
                return
            }
            #expect(frame.receipts.map(\.sequence) == [1] && refuse.code == .overloaded)
            anew.close()
        }
        // Nothing is announced that is missing, and it is known that it is not: that is told at once.
        let again = try await device.connect()
        try await again.say(
            .hello(
                device.hello { hello in
                    hello.origins.removeLast()
                    hello.origins[0].receipted = 1
                }))
        #expect(try await again.farewell()?.code == .overloaded)
        // A forged one is not taken because the hub is in a hurry.
        var forged = try device.urgent.write([.checkIn("S000002", day: crowd.firstDay)])
        forged.seals = [try device.urgent.seal(2, device.urgent.head(forged.after), by: .generate())]
        let liar = try await device.connect()
        try await liar.say(.hello(device.hello()))
        await liar.say(HostileFrameTests.frame(.batch(forged)))
        #expect(try await liar.farewell()?.code == .forgedSeal)
        #expect(try await crowd.arrived().map(\.person) == ["S000000"])
        try await crowd.close()
    }

    /// Too much that waits for the store counts like too many sessions; what was accepted is finished.
    @Test func aFullQueueSendsNewcomersAwayForAWhile() async throws {
        let crowd = try await Crowd(branches: 1, persons: 1, days: 1)
        let folder = HubFolder(path: crowd.place.path("hub"))
        let store = try folder.open()
        let writer = HubWriter(store: store, now: HubFolder.milliseconds)
        var load = HubLoad()
        load.bytesWaiting = 100
        let server = HubServer(
            writer: writer, logger: Logger(label: "test"), load: load, now: HubFolder.milliseconds)
        func device(_ secret: Token16) async throws -> (RawDevice, Caller) {
            try await writer.run {
                try $0.invite(
                    Invitation(
                        secretHash: Hashing.sha256(secret.bytes), unit: "B000", isTrusted: true,
                        expires: .max),
                    now: 0)
            }
            let device = RawDevice(port: 0, hub: .zero)
            let caller = Caller(publicKey: device.key.publicKey, address: "a", version: 1)
            let join = Join(secret: secret, replica: .random(), label: "", clock: 0)
            guard case .success = await connection(caller, server).join(join) else {
                throw RawDevice.Unexpected(words: "not joined")
            }
            return (device, caller)
        }
        var (first, caller) = try await device(.random())
        let (second, other) = try await device(.random())
        let open = connection(caller, server)
        #expect(try await open.admit(first.hello()).get().overload == nil)
        server.waiting(101)
        let refused = try await connection(other, server).admit(second.hello()).get().overload
        #expect(refused?.code == .overloaded && (refused?.retryAfter ?? 0) > 0)
        let batch = try first.routine.write([.checkIn("S1", day: 18_300)])
        guard case .held = await open.ingest(batch) else {
            Issue.record("what a session sends that was accepted is taken")
            return
        }
        server.waiting(-101)
        #expect(try await connection(other, server).admit(second.hello()).get().overload == nil)
    }

    /// Many who are sent away together do not come back together, and nobody is kept waiting for long.
    @Test(arguments: [(0, 5), (1_000, 5), (1_600, 8), (1_000_000, 10)] as [(Int, UInt32)])
    func theMoreAreSentAwayTheLaterTheyComeBack(others: Int, seconds: UInt32) {
        #expect(HubLoad().refusal(beside: others).retryAfter == seconds)
    }

    private func connection(_ caller: Caller, _ server: HubServer) -> any HubConnectionHost {
        server.connection(caller, moved: {}, close: { _ in })
    }
}
