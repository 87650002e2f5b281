import Forms
import Foundation
import SyncCore
import SyncTransport
import SyncWire

extension Seed {
    /// One whole example of each kind of which nothing is published.
    static func madeUp() throws -> [Seed] {
        func seed(_ target: String, _ name: String, _ bytes: [UInt8]) -> Seed {
            Seed(target: target, name: name, bytes: bytes)
        }
        func text(_ target: String, _ name: String, _ words: String) -> Seed {
            seed(target, name, Array(words.utf8))
        }
        let preimage = try JournalChain(hashing: MadeUp.hashing).preimage(of: version) { _, _ in salt }
        let envelope = EnvelopeLayout(
            .batches, recipient: MadeUp.hashing(MadeUp.key), sender: MadeUp.key,
            encapsulatedKey: MadeUp.key, ciphertext: Array(repeating: 5, count: 20))
        let deviceKey = DeviceKey.generate()
        var hubKeys = HubKeyring(first: deviceKey.publicKey)
        for kind in [HubKeyring.Entry.Kind.recovery, .key] {
            try hubKeys.bless(
                kind, DeviceKey.generate().publicKey, at: 1, with: Signing(deviceKey), hashing: .sha256)
        }
        let walk = (0..<400).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
        return [
            seed("carried", "batches", [0] + CarriedFile.encode(carried)),
            seed("carried", "answer", [1] + CarriedFile.encode(try answer)),
            seed("envelope", "batches", envelope.head + envelope.ciphertext),
            seed("proof", "one-version", ProofFile.encode(try proof(preimage))),
            seed("tally-file", "one-record", [1] + tally.encoded()),
            seed("version", "body", [0] + preimage.body),
            seed("stream-rows", "two-days", streamRows),
            seed("handshake", "device", try BareCertificate.der(for: deviceKey, keys: nil)),
            seed("handshake", "hub", try BareCertificate.der(for: deviceKey, keys: hubKeys)),
            seed("hub-keys", "first", deviceKey.publicKey), seed("hub-keys", "two", hubKeys.encoded),
            seed("audit", "five-entries", [5, 1, 2, 3, 4, 5]),
            seed("audit", "dropped", [5, 1, 2, 3, 4, 5, 2, 0]),
            seed("reconcile-session", "a-walk", walk),
            seed("settings", "default", Array(try JSONEncoder().encode(Settings()))),
            text("settings", "typed", "checkInCutoff=16:30"),
            text("cell", "day", " 2020年2月3日 "), text("cell", "time", "2020/2/3 8:31:05.250"),
            text("cell", "number", "-36.50"),
            text("sheet", "quoted", "person,day,\"re\"\"mark\"\r\nP1,2020-02-03,\"a\nb,\"\n\n,,\n"),
        ] + preimage.classes.map { seed("version", "class", [1] + $0.bytes) }
    }

    /// The same version three times, as a stream has it.
    private static var streamRows: [UInt8] {
        RowsCodec.encode(inStream: [version, version, version].map { VersionColumns([$0]) }).flatMap {
            [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0
        }
    }

    private static let salt = Token16(high: 1, low: 2)
    private static let claim = OriginClaim(lane: .routine, nonce: Token16(high: 3, low: 4))
    private static let derivation = claim.derivation(publicKey: MadeUp.key, hashing: MadeUp.hashing)

    private static let version = Version(
        dot: Dot(origin: derivation.originID, sequence: 1),
        key: RecordKey(form: BuiltIn.checkIn, values: [.integer(18_295), .text(Array("P1".utf8))]),
        formRevision: 1,
        context: Context(canonical: VersionVector(), dots: [Dot(origin: 9, sequence: 8)])
            ?? .empty,
        authored: 1_580_000_000_000, stated: 1_580_000_000_000, firstCreated: 1_580_000_000_000,
        author: [0x61],
        assignments: [
            Assignment(field: 1, retentionClass: 1, value: .decimal(unscaled: 365, scale: 1)),
            Assignment(field: 2, retentionClass: 2, value: .list([[0x62], []])),
        ])

    private static let carried = CarriedBatches(
        made: 1_580_000_000_000, origins: [CarriedBatches.Origin(claim: claim, isClosed: false)],
        batches: [
            VersionBatch(
                origin: derivation.originID, first: 1, headBefore: derivation, headAfter: .zero, salts: [],
                seals: [Seal(sequence: 1, signature: Array(repeating: 6, count: 64))],
                rows: VersionColumns([version]))
        ])

    private static func receipt(_ head: Digest, _ epoch: Token16) throws -> Receipt {
        var receipt = Receipt(
            origin: derivation.originID, sequence: 1, head: head, time: 1_580_000_000_000, signature: [])
        let statement = receipt.statement(hub: MadeUp.hashing(MadeUp.key), epoch: epoch)
        receipt.signature = try MadeUp.signing.sign(statement)
        return receipt
    }

    private static var answer: CarriedAnswer {
        get throws {
            CarriedAnswer(
                epoch: salt, clock: 1_580_000_000_000, receipts: [try receipt(.zero, salt)],
                verdicts: [
                    Verdict(dot: version.dot, kind: .quarantined, reason: "bad_time", field: 2)
                ])
        }
    }

    private static func proof(_ preimage: VersionPreimage) throws -> Proof {
        let digest = MadeUp.hashing(preimage.body)
        let head = MadeUp.hashing(derivation.bytes + digest.bytes)
        let sealed = SealStatement.bytes(origin: derivation.originID, sequence: 1, head: head)
        let mark = Proof.Mark(
            seal: try MadeUp.signing.sign(sealed), receipt: try receipt(head, salt), epoch: salt)
        let stretch = Proof.Stretch(
            publicKey: MadeUp.key, claim: claim, first: 1, headBefore: derivation,
            entries: [Proof.Entry(digest: digest, preimage: preimage)], marks: [mark])
        return Proof(hubKeys: HubKeyring(first: MadeUp.key), stretches: [stretch])
    }

    private static var tally: TallyFile {
        let place = TallyPlace(form: Array("check-in".utf8), day: 18_295, unit: [0x75])
        let entry = TallyListing.Entry(RecordPrint(hash: 1, print: 2), bringer: 1, position: 3)
        return TallyFile(
            side: .hub, made: 1, today: 18_300, hub: .zero, epoch: salt, position: 3, unit: [],
            journals: [TallyFile.Journal(origin: 1, bringer: 1, sequence: 1, head: .zero)],
            listing: TallyListing([TallyListing.Group(place: place, entries: [entry])]))
    }
}
