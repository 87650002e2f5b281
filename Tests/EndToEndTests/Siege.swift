import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

@testable import Aggregator
@testable import SyncTransport

/// A hub under attack: an honest branch is connected all the while, and in the end everything valid must be
/// in the hub, once.
final class Siege: Crowd, @unchecked Sendable {
    private var honest: Running?
    private(set) var fingerprint = Digest.zero
    private var persons = 0
    /// Check-ins that the hub has receipted or must have: person and temperature.
    private var wanted: [String: Int64] = [:]
    private var others: Set<String> = []

    /// The hub is up, and the honest branch has arrived.
    init() async throws {
        try await super.init(branches: 3, persons: 12, days: 2)
        fingerprint = try DeviceKey.load(from: place.path("hub") + "/hub.key").fingerprint
        try await open()
        try await join("B000", as: "honest")
        try await checkIn("honest", "S000000", "36.6")
        wanted["S000000"] = 3_660
        honest = try start("honest", "serve")
        try await expectHonestDrained()
    }

    var day: Int32 { firstDay }

    /// A device of branch B001 that follows no program.
    func device(trusted: Bool = true) async throws -> RawDevice {
        try await RawDevice(joining: try await invite("B001", trusted: trusted))
    }

    /// A version that is in order, of a person of its own; it must be in the hub in the end.
    func valid(_ temperature: Int64 = 3_650) -> Version {
        let version = passing(temperature)
        wanted[version.key.values[1].string ?? ""] = temperature
        return version
    }

    /// This check-in must be in the hub in the end.
    func expect(_ version: Version, temperature: Int64 = 3_650) {
        wanted[version.key.values[1].string ?? ""] = temperature
    }

    /// A version that is in order, and will not arrive.
    func passing(_ temperature: Int64 = 3_650) -> Version {
        persons += 1
        return .checkIn("R\(persons)", day: day, temperature: temperature)
    }

    /// These records are there as well, whatever they say.
    func expectRecords(_ persons: [String]) { others.formUnion(persons) }

    private func expectHonestDrained() async throws {
        #expect(try await eventually { try await status("honest").queued == 0 })
    }

    /// The hub lives, its memory is bounded, the honest branch was never cut and still delivers, and what is
    /// in the hub is what must be, once.
    func lift() async throws {
        try await checkIn("honest", "S000001", "36.6")
        wanted["S000001"] = 3_660
        try await expectHonestDrained()
        #expect(honest?.isRunning ?? false)
        // A session that was cut says so and comes again.
        let cuts = honest?.remarks.split(separator: "\n").count { $0.contains("no session") } ?? -1
        #expect(cuts == 0, "\(honest?.remarks ?? "")")
        _ = try await honest?.stop()
        try await close()
        let found = try await arrived().filter { !others.contains($0.person) }
        #expect(found.count == wanted.count)
        for entry in found { #expect(wanted[entry.person] == Int64(entry.temperature), "\(entry.person)") }
        let store = try HubFolder(path: place.path("hub")).open()
        for person in wanted.keys.sorted() {
            let key = RecordKey(form: "check-in", values: [.integer(Int64(day)), .text(person)])
            #expect(try store.versions(of: key).count == 1, "\(person)")
        }
    }

    // MARK: - What the hub answers

    /// Says `bytes` on a new connection behind Preamble; what the hub says in the end.
    func farewell(_ device: RawDevice, to bytes: [UInt8]) async throws -> Refuse? {
        let peer = try await device.connect()
        await peer.say(bytes)
        return try await peer.farewell()
    }

    /// Says `bytes` after Welcome; what the hub says in the end.
    func farewell(
        welcomed device: RawDevice, to bytes: (RawPeer) throws -> [UInt8]
    ) async throws -> Refuse? {
        let (peer, _) = try await device.welcomed()
        await peer.say(try bytes(peer))
        return try await peer.farewell()
    }

    /// The hub's answer to a batch after Welcome: Receipt, Gap, Fork, Close.
    func answer(_ device: RawDevice, to batch: VersionBatch, compress: Bool = true) async throws -> Message? {
        let (peer, _) = try await device.welcomed()
        defer { peer.close() }
        try await peer.say(.batch(batch), compress: compress)
        return try await peer.answer()
    }

    /// Sends a batch that must be taken, and checks its receipt.
    func deliver(
        _ device: RawDevice, _ batch: VersionBatch, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await answer(device, to: batch)
        guard case .receipt(let frame)? = answer else {
            Issue.record("no receipt: \(String(describing: answer))", sourceLocation: location)
            return
        }
        #expect(frame.receipts.map(\.sequence) == [batch.last], sourceLocation: location)
        #expect(frame.receipts.map { ShortDigest($0.head) } == [batch.after], sourceLocation: location)
    }
}

extension RawPeer {
    /// The hub's next answer to a batch; nil when it hung up.
    func answer() async throws -> Message? {
        try await hear { message in
            switch message {
            case .receipt, .gap, .fork, .close, .refuse: message
            default: nil
            }
        }
    }

    /// What the hub found out about versions of one's own: reasons by sequence, until `count` are known.
    func verdicts(_ count: Int) async throws -> [UInt64: Verdict] {
        var found: [UInt64: Verdict] = [:]
        while found.count < count {
            let feed = try await hear { message -> Feed? in
                if case .feed(let feed) = message { feed } else { nil }
            }
            guard let feed else { break }
            for verdict in feed.verdicts where found[verdict.dot.sequence] == nil {
                found[verdict.dot.sequence] = verdict
            }
            try await say(.feedAck(feed.token))
        }
        return found
    }
}

extension Crowd {
    /// The latest day as a number.
    var firstDay: Int32 { CivilDay.parse(days[0]) ?? 0 }

    /// Enters one check-in of the latest day.
    func checkIn(_ branch: String, _ person: some StringProtocol, _ degrees: String) async throws {
        try await self.branch(
            branch, "add", "check-in", "day=" + days[0], "person=\(person)", "temperature=\(degrees)")
    }
}
