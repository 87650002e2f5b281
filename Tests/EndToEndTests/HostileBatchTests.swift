import Foundation
import SyncCore
import Testing

@testable import SyncTransport
@testable import SyncWire

/// Batches that do not follow, are forged, or hold what no form allows, said to a real hub.
@Suite(.timeLimit(.minutes(8))) struct HostileBatchTests {
    @Test func whoMayNotComeIsToldWhy() async throws {
        let siege = try await Siege()
        let known = try await siege.device()
        let pending = try await siege.device(trusted: false)
        let stranger = RawDevice(port: siege.port, hub: siege.fingerprint)
        for (device, code, retryAfter) in [
            (stranger, RefusalCode.unknownDevice, UInt32(0)), (pending, .pendingDevice, 60),
        ] {
            let refuse = try await siege.farewell(device, to: HostileFrameTests.frame(.hello(device.hello())))
            #expect(refuse?.code == code && refuse?.retryAfter == retryAfter)
            #expect(refuse?.words.isEmpty == false)
            // What came at once with Hello is not taken either.
            var copy = device
            let batch = try copy.urgent.write([siege.passing()])
            let words = HostileFrameTests.frame(.hello(copy.hello())) + HostileFrameTests.frame(.batch(batch))
            #expect(try await siege.farewell(device, to: words)?.code == code)
        }
        // A join code that nobody made.
        let join = Join(secret: .random(), replica: .random(), label: "x", clock: 0)
        let refuse = try await siege.farewell(stranger, to: HostileFrameTests.frame(.join(join)))
        #expect(refuse?.code == .codeUnknown && refuse?.words.contains("not known") == true)
        // An origin that another device has, or that nobody announced.
        var other = try await siege.device()
        let announced = try await other.welcomed()
        announced.peer.close()
        let foreign = try other.routine.write([siege.passing()])
        let unheard = try RawJournal(lane: .routine, key: known.key).trial(siege)
        for batch in [foreign, unheard] {
            guard case .close(let refuse)? = try await siege.answer(known, to: batch) else {
                Issue.record("taken")
                continue
            }
            #expect(refuse.code == .originOfAnother && refuse.words.contains("not in this device's Hello"))
        }
        try await siege.lift()
    }

    @Test func whatDoesNotFollowIsNotWritten() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let first = try device.routine.write([siege.valid(), siege.valid(), siege.valid()])
        try await siege.deliver(device, first)
        // The same again, and the same in two connections.
        try await siege.deliver(device, first)
        let (peer, welcome) = try await device.welcomed()
        #expect(welcome.held.map(\.sequence) == [0, 3])
        #expect(try welcome.held.last?.head == device.routine.head(first.after))

        // Sequences that are missing, overlap or jump: the one that is wanted is named.
        var ahead = device.routine
        _ = try ahead.write([siege.passing()])
        let missing = try ahead.write([siege.passing()])
        var copy = device.routine
        var overlap = try copy.write([siege.passing(), siege.passing()])
        overlap.first = 3
        overlap.seals = []
        var jump = try device.routine.trial(siege)
        jump.first = Limits.sequence
        jump.seals = []
        for batch in [missing, overlap, jump] {
            try await peer.say(.batch(batch), compress: true)
            let answer = try await peer.answer()
            guard case .gap(let gap)? = answer else {
                Issue.record("no gap: \(String(describing: answer))")
                continue
            }
            #expect(gap == Gap(origin: device.routine.origin, wanted: 4))
        }
        // Another journal under the same origin; the connection stays.
        let good = try device.routine.trial(siege)
        var before = good
        before.before = .zero
        var after = good
        after.after = .zero
        var altered = good
        altered.rows = VersionColumns([siege.passing(3_999)])
        altered.rows.authored = good.rows.authored
        for batch in [before, after, altered] {
            try await peer.say(.batch(batch), compress: true)
            guard case .fork(let fork)? = try await peer.answer() else {
                Issue.record("no fork")
                continue
            }
            #expect(
                try fork
                    == Fork(
                        origin: device.routine.origin, sequence: 3, head: device.routine.head(first.after)))
        }
        let next = try device.routine.write([siege.valid()])
        try await peer.say(.batch(next), compress: true)
        guard case .receipt(let frame)? = try await peer.answer() else {
            Issue.record("the connection did not stay")
            return
        }
        #expect(frame.receipts.map(\.sequence) == [4])
        peer.close()
        try await siege.lift()
    }

    @Test func whatIsForgedEndsTheConnection() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let good = try device.routine.trial(siege)
        let sequence = good.last
        let seals = [
            try device.routine.seal(sequence, device.routine.head(good.after), by: .generate()),
            try device.routine.seal(sequence, .zero),
            try device.routine.seal(sequence + 1, device.routine.head(good.after)),
            Seal(sequence: sequence, signature: [UInt8](repeating: 0, count: 64)),
        ]
        for (index, seal) in seals.enumerated() {
            var batch = good
            batch.seals = [Seal(sequence: sequence, signature: seal.signature)]
            guard case .close(let refuse)? = try await siege.answer(device, to: batch) else {
                Issue.record("seal \(index) was taken")
                continue
            }
            #expect(refuse.code == .forgedSeal && refuse.words == "a seal does not hold")
        }
        var saltless = good
        saltless.salts = []
        guard case .close(let refuse)? = try await siege.answer(device, to: saltless) else {
            Issue.record("taken without a salt")
            return
        }
        #expect(refuse.code == .saltMissing && refuse.words.contains("salt"))
        // Without a seal it is kept and not receipted; the next seal covers both.
        var unsealed = try device.routine.write([siege.valid()])
        unsealed.seals = []
        let (peer, _) = try await device.welcomed()
        try await peer.say(.batch(unsealed), compress: true)
        guard case .receipt(let none)? = try await peer.answer() else {
            Issue.record("no answer")
            return
        }
        #expect(none.receipts.isEmpty)
        let sealed = try device.routine.write([siege.valid()])
        try await peer.say(.batch(sealed), compress: true)
        guard case .receipt(let both)? = try await peer.answer() else {
            Issue.record("no answer")
            return
        }
        #expect(both.receipts.map(\.sequence) == [2])
        peer.close()
        try await siege.lift()
    }

    /// One version that cannot be used is set aside with its reason; the others of its batch are in force.
    @Test func whatNoFormAllowsIsSetAsideAlone() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let cases = Self.quarantined(siege)
        var versions: [Version] = [siege.valid()]
        for (version, _) in cases { versions += [version, siege.valid()] }
        let batch = try device.routine.write(versions)
        let (peer, _) = try await device.welcomed()
        try await peer.say(.batch(batch), compress: true)
        var receipted: [UInt64] = []
        var found: [UInt64: Verdict] = [:]
        while found.count < cases.count, let message = try await peer.hear() {
            if case .receipt(let frame) = message { receipted += frame.receipts.map(\.sequence) }
            guard case .feed(let feed) = message else { continue }
            for verdict in feed.verdicts where verdict.kind == .quarantined {
                if found[verdict.dot.sequence] == nil { found[verdict.dot.sequence] = verdict }
            }
            try await peer.say(.feedAck(feed.token))
        }
        peer.close()
        #expect(receipted == [batch.last])
        for (index, item) in cases.enumerated() {
            let verdict = found[UInt64(2 + 2 * index)]
            #expect(verdict?.reason == item.reason, "\(item.version.key)")
        }
        try await siege.lift()
    }

    private static func quarantined(_ siege: Siege) -> [(version: Version, reason: String)] {
        func other(_ change: (inout Version) -> Void) -> Version {
            var version = siege.passing()
            change(&version)
            return version
        }
        func text(_ field: FieldID, _ count: Int) -> Assignment {
            Assignment(
                field: field, retentionClass: field < 11 ? 1 : 2,
                value: .text(String(repeating: "x", count: count)))
        }
        let day = Value.integer(Int64(siege.day))
        return [
            (other { $0.key.form = "nonsense" }, "unknown_form"),
            (other { $0.key = RecordKey(form: "person", values: [.text("Q1")]) }, "form_not_writable"),
            (siege.passing(9_999), "temperature_out_of_range"),
            (siege.passing(-1), "temperature_out_of_range"),
            (siege.passing(.max), "temperature_out_of_range"),
            (other { $0.key.values = [] }, "missing_key"), (other { $0.key.values = [day] }, "missing_key"),
            (other { $0.key.values = [day, .text("")] }, "missing_key"),
            (other { $0.key.values = [.text("S001000"), day] }, "missing_key"),
            (other { $0.key.values[0] = .integer(.max) }, "bad_date"),
            (other { $0.key.values[0] = .integer(Int64(siege.day) - 400) }, "date_out_of_period"),
            (other { $0.stated = Limits.time }, "bad_time"),
            (other { $0.key.values[1] = .text(String(repeating: "k", count: 600)) }, "too_large"),
            (
                other { $0.assignments += [text(10, 60_000), text(14, 60_000), text(16, 60_000)] },
                "too_large"
            ),
            (other { $0.assignments[0].value = .integer(3_650) }, "wrong_kind"),
            (other { $0.assignments[0].value = .decimal(unscaled: 3_650, scale: 3) }, "wrong_kind"),
            (other { $0.assignments[0].retentionClass = 7 }, "wrong_retention_class"),
        ]
    }

    @Test func onlySoManyWhoHaveNotSeenEachOther() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let record = siege.passing()
        let versions = (0...Limits.siblings).map {
            Version.checkIn(
                record.key.values[1].string ?? "", day: siege.day, temperature: 3_500 + Int64($0))
        }
        let batch = try device.routine.write(versions)
        let (peer, _) = try await device.welcomed()
        try await peer.say(.batch(batch), compress: true)
        let verdicts = try await peer.verdicts(1)
        peer.close()
        let last = verdicts[UInt64(Limits.siblings) + 1]
        #expect(last?.kind == .quarantined && last?.reason == "too_many_siblings")
        siege.expectRecords([record.key.values[1].string ?? ""])
        try await siege.lift()
    }
}
