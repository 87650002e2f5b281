import Console
import Foundation
import NIOPosix
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import Aggregator
@testable import SyncTransport
@testable import SyncWire

/// Everybody who is turned away hears a code of its own, and leaves an entry at the hub.
@Suite(.timeLimit(.minutes(8))) struct TurnedAwayTests {
    /// The hub's entries come a moment after its words.
    private func expectEntry(
        _ words: String, at hub: Hub, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let isThere = try await eventually(within: .seconds(20)) {
            try await AuditTests.Log.read(hub).details("refused").contains { $0.contains(words) }
        }
        if isThere { return }
        let entries = try await AuditTests.Log.read(hub).details("refused")
        Issue.record("no entry with \(words): \(entries)", sourceLocation: location)
    }

    private func join(_ siege: Siege, _ secret: Token16, _ key: DeviceKey = .generate()) async throws
        -> Refuse?
    {
        let stranger = RawDevice(port: siege.port, key: key, hub: siege.fingerprint)
        let join = Join(secret: secret, replica: .random(), label: "x", clock: 0)
        return try await siege.farewell(stranger, to: HostileFrameTests.frame(.join(join)))
    }

    @Test func whoMayNotJoin() async throws {
        let siege = try await Siege()
        let spent = try #require(JoinCode(text: try await siege.invite("B001")))
        let first = DeviceKey.generate()
        let other = DeviceKey.generate()
        for _ in 0..<2 {
            // The answer may have been lost: the same key gets the same again.
            let device = RawDevice(port: siege.port, key: first, hub: siege.fingerprint)
            let peer = try await device.connect()
            try await peer.say(
                .join(Join(secret: spent.secret, replica: .random(), label: "x", clock: 0)))
            guard case .joined(let joined)? = try await peer.hear() else {
                Issue.record("not joined")
                return
            }
            #expect(joined.state == .active)
            peer.close()
        }
        #expect(try await join(siege, spent.secret, other)?.code == .codeSpent)
        try await expectEntry("204 ", at: siege)
        // A code that this hub has not made: another hub's looks the same.
        #expect(try await join(siege, .random())?.code == .codeUnknown)
        try await expectEntry("203 ", at: siege)
        // What was taken back, with a fresh code.
        let id = try #require(try await self.device(first, siege))
        try await siege.hub("revoke", String(id))
        let fresh = try #require(JoinCode(text: try await siege.invite("B001")))
        #expect(try await join(siege, fresh.secret, first)?.code == .revokedDevice)
        try await expectEntry("202 ", at: siege)
        let revoked = RawDevice(port: siege.port, key: first, hub: siege.fingerprint)
        let hello = HostileFrameTests.frame(.hello(revoked.hello()))
        #expect(try await siege.farewell(revoked, to: hello)?.code == .revokedDevice)
        // Somebody who guesses is held back, and the honest branch is not.
        let refusals = try await withThrowingTaskGroup(of: Refuse?.self) { group in
            for _ in 0..<40 { group.addTask { try await join(siege, .random()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(refusals.map { $0?.code.rawValue }) == [203, 124])
        #expect(refusals.allSatisfy { $0?.code != .tooManyAttempts || (1...6).contains($0?.retryAfter ?? 0) })
        try await expectEntry("124 ", at: siege)
        try await siege.lift()
        // One entry stands for many; none is forgotten.
        let entries = try await AuditTests.Log.read(siege).details("refused").filter {
            $0.hasPrefix("203 ") || $0.hasPrefix("124 ")
        }
        #expect(Self.stoodFor(entries) == 41 && entries.count <= 12, "\(entries)")
    }

    /// Attempts for which entries stand.
    private static func stoodFor(_ entries: [String]) -> Int {
        entries.reduce(0) { sum, entry in
            let alike = entry.split(separator: "; ").first { $0.hasSuffix(" more like it") }
            return sum + 1 + (alike.flatMap { Int($0.split(separator: " ")[0]) } ?? 0)
        }
    }

    private func device(_ key: DeviceKey, _ hub: Hub) async throws -> Int? {
        struct Row: Decodable {
            var id: Int
            var fingerprint: String
        }
        let rows: [Row] = try await hub.hub("devices", "--json").json()
        return rows.first { $0.fingerprint == key.fingerprint.short }?.id
    }

    @Test func aCodeThatHasExpired() async throws {
        let siege = try await Siege()
        let secret = Token16.random()
        let store = try HubFolder(path: siege.place.path("hub")).open()
        try store.invite(
            Invitation(secretHash: Hashing.sha256(secret.bytes), unit: "B001", isTrusted: true, expires: 1),
            now: 0)
        #expect(try await join(siege, secret)?.code == .codeExpired)
        try await expectEntry("205 ", at: siege)
        try await siege.lift()
    }

    @Test func whoIsNotKnownOrSpeaksForAnother() async throws {
        let siege = try await Siege()
        let stranger = RawDevice(port: siege.port, hub: siege.fingerprint)
        let hello = HostileFrameTests.frame(.hello(stranger.hello()))
        #expect(try await siege.farewell(stranger, to: hello)?.code == .unknownDevice)
        try await expectEntry("key \(stranger.key.fingerprint.short)", at: siege)
        try await expectEntry("200 ", at: siege)
        // An origin of another device: in a batch.
        let known = try await siege.device()
        var other = try await siege.device()
        try await other.welcomed().peer.close()
        let foreign = try other.routine.write([siege.passing()])
        guard case .close(let refuse)? = try await siege.answer(known, to: foreign) else {
            Issue.record("taken")
            return
        }
        #expect(refuse.code == .originOfAnother)
        try await expectEntry("207 ", at: siege)
        // Another protocol, or a version of it that nobody here speaks.
        for (words, code) in [
            (Array("GET / HTTP/1.1\r\n".utf8), RefusalCode.notRollcall),
            (Preamble.bytes(min: 2, max: 9), .tooNew),
        ] {
            let peer = try await RawPeer.open(port: known.port, key: known.key, pinned: known.hub)
            await peer.say(words)
            #expect(try await peer.farewell()?.code == code)
            try await expectEntry("\(code.rawValue) ", at: siege)
        }
        // A key that is not the hub's: the device hangs up in the handshake, and the hub sees that much.
        await #expect(throws: (any Error).self) {
            let peer = try await RawPeer.open(port: known.port, key: known.key, pinned: .zero)
            peer.close()
        }
        try await expectEntry("215 the handshake failed: another hub's key was looked for", at: siege)
        try await siege.lift()
    }

    /// TLS 1.3 lets a client believe that it is through before the server has looked for its key.
    @Test func whoShowsNoKey() async throws {
        let siege = try await Siege()
        let calls = 20
        for _ in 0..<calls {
            let peer = try? await RawPeer.openWithoutKey(port: siege.port, pinned: siege.fingerprint)
            guard let peer else { continue }
            await peer.say(Preamble.bytes())
            #expect(try await peer.farewell() == nil, "nothing is said to somebody without a key")
        }
        try await expectEntry("214 the handshake failed: no key was shown; from 127.0.0.1", at: siege)
        try await siege.lift()
        let entries = try await AuditTests.Log.read(siege).details("refused").filter { $0.hasPrefix("214 ") }
        #expect(entries.count < calls / 2, "many are one entry: \(entries)")
        #expect(Self.stoodFor(entries) == calls, "and none is forgotten: \(entries)")
    }

    /// A device tells the hub of a receipt that it does not believe; a device may show one that is none.
    @Test func aReceiptThatWasAltered() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let batch = try device.routine.write([siege.valid()])
        guard case .receipt(let frame)? = try await siege.answer(device, to: batch),
            var receipt = frame.receipts.first
        else {
            Issue.record("no receipt")
            return
        }
        receipt.signature[9] ^= 1
        receipt.sequence = batch.last + 1
        let hole = Hole(
            sequence: batch.last + 1, head: receipt.head, receipt: receipt,
            epoch: Token16(high: 1, low: 1))
        let (peer, _) = try await device.welcomed()
        try await peer.say(.hole(hole))
        #expect(try await peer.farewell()?.code == .forgedReceipt)
        try await expectEntry("213 a hole with a receipt", at: siege)
        // Of another device: what is alike is one entry a minute.
        let (other, _) = try await siege.device().welcomed()
        try await other.say(.close(Refuse(.forgedReceipt, words: "x\u{1b}[2J")))
        try await expectEntry("213 the device hung up", at: siege)
        other.close()
        try await siege.lift()
    }

    @Test func whatIsForgedOrDoesNotFollow() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let good = try device.routine.trial(siege)
        var forged = good
        forged.seals = [try device.routine.seal(good.last, device.routine.head(good.after), by: .generate())]
        guard case .close(let refuse)? = try await siege.answer(device, to: forged) else {
            Issue.record("taken")
            return
        }
        #expect(refuse.code == .forgedSeal)
        try await expectEntry("208 ", at: siege)
        var astray = good
        astray.before = .zero
        guard case .fork? = try await siege.answer(device, to: astray) else {
            Issue.record("no fork")
            return
        }
        let origin = RecordText.origin(good.origin)
        try await expectEntry(
            "216 a chain that does not follow the hub's: origin \(origin), held through 0", at: siege)
        let refused = try await AuditTests.Log.read(siege).entries.filter { $0.event == "refused" }
        let id = try #require(try await self.device(device.key, siege))
        #expect(refused.allSatisfy { $0.device == id }, "each names the device")
        // A session token of an earlier session: nothing is taken until the device has mended itself.
        let first = try await device.welcomed()
        first.peer.close()
        try await siege.deliver(device, try device.routine.write([siege.valid()]))
        let second = try await token(first.welcome, of: device)
        #expect(!second.isTokenUnknown)
        let third = try await token(second, of: device)
        #expect(!third.isTokenUnknown)
        let replayed = try await token(first.welcome, of: device)
        #expect(replayed.isTokenUnknown)
        // One that is put back to before what it had sent shows it in its journal as well.
        let peer = try await device.connect()
        try await peer.say(
            .hello(
                device.hello { hello in
                    hello.origins = hello.origins.map { origin in
                        let start = origin.claim.derivation(
                            publicKey: device.key.publicKey, hashing: .sha256)
                        return OriginHead(claim: origin.claim, sequence: 0, head: ShortDigest(start))
                    }
                }))
        _ = try await peer.hear()
        peer.close()
        let log = try await AuditTests.Log.read(siege)
        let found = log.entries.filter { $0.event == "store_restored_or_copied" }
        #expect(log.intact && found.allSatisfy { $0.device == id })
        #expect(
            found.map { $0.detail.split(separator: ";")[0] } == [
                "217 an old session token was shown", "217 its journal is behind the hub's, or another",
            ])
        try await siege.lift()
    }

    /// Whatever somebody can do as often as he likes, with a key of his own, a device's or a revoked one:
    /// many that are alike are one entry, and none is forgotten.
    @Test func whateverIsDoneOftenIsOneEntryWithItsNumber() async throws {
        let siege = try await Siege()
        let calls = 12
        func many(_ call: () async throws -> RefusalCode?, _ code: RefusalCode?) async throws {
            for _ in 0..<calls { #expect(try await call() == code) }
        }
        let stranger = RawDevice(port: siege.port, hub: siege.fingerprint)
        let unknown = HostileFrameTests.frame(.hello(stranger.hello()))
        try await many({ try await siege.farewell(stranger, to: unknown)?.code }, .unknownDevice)
        try await many(
            { try await siege.farewell(stranger, to: HostileFrameTests.frame(0xee, [1], flags: 1))?.code },
            .unknownCritical)
        try await many(
            {
                let peer = try? await RawPeer.open(port: siege.port, key: stranger.key, pinned: .zero)
                peer?.close()
                return nil
            }, nil)
        let lost = try await siege.device()
        try await lost.welcomed().peer.close()
        let id = try #require(try await self.device(lost.key, siege))
        try await siege.hub("revoke", String(id))
        let hello = HostileFrameTests.frame(.hello(lost.hello()))
        try await many({ try await siege.farewell(lost, to: hello)?.code }, .revokedDevice)
        var device = try await siege.device()
        var other = try await siege.device()
        try await other.welcomed().peer.close()
        let foreign = try other.routine.write([siege.passing()])
        try await many({ try await said(siege, device, foreign) }, .originOfAnother)
        let good = try device.routine.trial(siege)
        var forged = good
        forged.seals = [try device.routine.seal(good.last, device.routine.head(good.after), by: .generate())]
        try await many({ try await said(siege, device, forged) }, .forgedSeal)
        var astray = good
        astray.before = .zero
        try await many({ try await said(siege, device, astray) }, nil)
        try await many(
            {
                let (peer, _) = try await device.welcomed()
                try await peer.say(.close(Refuse(.forgedReceipt)))
                return try await peer.farewell()?.code
            }, nil)
        let first = try await device.welcomed()
        first.peer.close()
        try await siege.deliver(device, try device.routine.write([siege.valid()]))
        _ = try await token(try await token(first.welcome, of: device), of: device)
        try await many({ try await token(first.welcome, of: device).isTokenUnknown ? .done : nil }, .done)
        try await many(
            {
                _ = try await token(first.welcome, of: device, as: .random()); return nil
            }, nil)
        try await siege.lift()
        try await expectSums(calls, siege)
    }

    /// Each of them was done `calls` times.
    private func expectSums(_ calls: Int, _ siege: Siege) async throws {
        let log = try await AuditTests.Log.read(siege)
        #expect(log.intact)
        for (event, code) in [
            ("refused", "200 "), ("refused", "105 "), ("refused", "215 "), ("refused", "202 "),
            ("refused", "207 "), ("refused", "208 "), ("refused", "216 "), ("refused", "213 "),
            ("store_restored_or_copied", "217 "), ("replica_opened", "replica "),
        ] {
            let entries = log.details(event).filter { $0.hasPrefix(code) }
            #expect(Self.stoodFor(entries) == calls, "\(code)\(entries)")
            #expect(entries.count < calls / 2, "\(code)\(entries)")
        }
        // The program's log is not filled either.
        for words in [
            "code=200 event=device_refused", "event=fork", "event=store_restored_or_copied",
        ] {
            let lines = siege.log.split(separator: "\n").filter { $0.contains(words) }
            let stoodFor = lines.reduce(0) { $0 + 1 + Self.alike(inLine: $1) }
            #expect(stoodFor == calls && lines.count < calls / 2, "\(words): \(lines)")
        }
    }

    /// So many others a line of the program's log stands for.
    private static func alike(inLine line: Substring) -> Int {
        let field = line.split(separator: " ").first { $0.hasPrefix("alike=") }
        return field.flatMap { Int($0.dropFirst("alike=".count)) } ?? 0
    }

    /// With which code a batch is answered by Close.
    private func said(_ siege: Siege, _ device: RawDevice, _ batch: VersionBatch) async throws -> RefusalCode?
    {
        guard case .close(let refuse)? = try await siege.answer(device, to: batch) else { return nil }
        return refuse.code
    }

    private func token(
        _ shown: Welcome, of device: RawDevice, as replica: Token16? = nil
    ) async throws -> Welcome {
        let peer = try await device.connect()
        defer { peer.close() }
        try await peer.say(
            .hello(
                device.hello { hello in
                    hello.replica = replica ?? hello.replica
                    hello.sessionToken = replica == nil ? shown.sessionToken : .zero
                    hello.epoch = shown.epoch
                }))
        guard case .welcome(let welcome)? = try await peer.hear() else {
            throw RawDevice.Unexpected(words: "no Welcome")
        }
        return welcome
    }
}
