import SyncCore
import SyncTransport
import SyncWire

/// Files that people hand to the programs.
extension FuzzTarget {
    static let files: [FuzzTarget] = [
        FuzzTarget("carried", carried), FuzzTarget("envelope", envelope), FuzzTarget("proof", proof),
        FuzzTarget("tally-file", tallyFile), FuzzTarget("version", version), FuzzTarget("audit", audit),
        FuzzTarget("handshake", handshake), FuzzTarget("hub-keys", hubKeys),
    ]

    /// The certificate that a stranger shows, read before he is judged.
    @Sendable private static func handshake(_ bytes: [UInt8]) {
        guard let read = BareCertificate.read(bytes) else { return }
        check(read.publicKey.count == 65, "a key on P-256 has 65 bytes")
    }

    @Sendable private static func hubKeys(_ bytes: [UInt8]) {
        guard let keys = HubKeyring(encoded: bytes) else { return }
        check(keys.encoded == bytes, "a hub's keys have one way to be written")
        check(keys.signers.contains(keys.current), "a hub signs with its present key")
        _ = keys.holds(MadeUp.hashing, MadeUp.believing)
        check(!keys.replaces(keys), "keys do not replace themselves")
    }

    /// The first byte chooses between batches and an answer.
    @Sendable private static func carried(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let body = Array(bytes.dropFirst())
        if first & 1 == 0 {
            guard let file = try? CarriedFile.decode(batches: body) else { return }
            let again = try? CarriedFile.decode(batches: CarriedFile.encode(file))
            check(again?.origins == file.origins, "carried origins read as they were written")
            check(again?.batches.count == file.batches.count, "carried batches read as they were written")
        } else {
            guard let answer = try? CarriedFile.decode(answer: body) else { return }
            check(
                (try? CarriedFile.decode(answer: CarriedFile.encode(answer))) == answer,
                "an answer reads as it was written")
        }
    }

    @Sendable private static func envelope(_ bytes: [UInt8]) {
        for kind in EnvelopeLayout.Kind.allCases {
            guard let layout = EnvelopeLayout(bytes, kind) else { continue }
            check(layout.head + layout.ciphertext == bytes, "an envelope is what it was")
            let again = EnvelopeLayout(
                kind, recipient: layout.recipient, sender: layout.sender,
                encapsulatedKey: layout.encapsulatedKey, ciphertext: layout.ciphertext)
            check(again == layout, "an envelope has one way to be written")
        }
    }

    @Sendable private static func proof(_ bytes: [UInt8]) {
        guard let proof = try? ProofFile.decode(bytes) else { return }
        check(ProofFile.encode(proof) == bytes, "a proof has one way to be written")
        let hub = proof.hubKeys.identity(MadeUp.hashing)
        _ = try? proof.check(hub: hub, hashing: MadeUp.hashing, verifying: MadeUp.believing)
        _ = try? proof.check(hub: hub, hashing: MadeUp.hashing, verifying: MadeUp.verifying)
    }

    /// The first byte says whether the checksum is mended, which no change at random would hit.
    @Sendable private static func tallyFile(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        var file = Array(bytes.dropFirst())
        if first & 1 == 1 {
            file = Array(file.dropLast(4))
            let check = Checksum.crc32(file)
            for shift in stride(from: 24, through: 0, by: -8) {
                file.append(UInt8(truncatingIfNeeded: check >> UInt32(shift)))
            }
        }
        guard let tally = try? TallyFile(decoding: file) else { return }
        let again = try? TallyFile(decoding: tally.encoded())
        check(again == tally, "a tally reads as it was written")
        let findings = tally.listing.compared(with: TallyListing(), limit: 10)
        check(findings.differences.count <= 10, "no more is named than was asked for")
        check(tally.listing.compared(with: tally.listing, limit: 10).agrees, "what is the same agrees")
    }

    /// The first byte chooses between the body and a class of it.
    @Sendable private static func version(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let body = Array(bytes.dropFirst())
        guard first & 1 == 0 else {
            let part = VersionPreimage.Class(retentionClass: first, bytes: body)
            guard let assignments = CanonicalVersion.assignments(of: part) else { return }
            check(
                zip(assignments, assignments.dropFirst()).allSatisfy { $0.field < $1.field },
                "fields ascend")
            return
        }
        guard let read = CanonicalVersion(body) else { return }
        // Any field stands for a class: its hash is kept.
        var version = read.version
        version.assignments = read.classes.enumerated().map { index, kept in
            Assignment(field: FieldID(index + 1), retentionClass: kept.retentionClass, value: .notStated)
        }
        let digest = JournalChain(hashing: MadeUp.hashing).digest(of: version, kept: read.classes)
        check(digest == MadeUp.hashing(body), "a version has one way to be written")
    }

    /// A log as somebody left it in a store: of what the bytes say, or of what a hub wrote, changed by them.
    @Sendable private static func audit(_ bytes: [UInt8]) {
        var source = ByteSource(bytes)
        let chain = AuditChain(hashing: MadeUp.hashing, hub: MadeUp.key)
        var entries: [AuditEntry] = []
        var head: AuditHead?
        for number in 0..<UInt64(source.choice(6)) {
            let entry = AuditEntry(
                number: number + 1, at: Int64(source.byte()), event: "e", who: "", device: 0, detail: "",
                before: entries.last?.hash ?? .zero)
            guard let signed = try? chain.sign(entry, MadeUp.signing) else { return }
            entries.append(signed.entry)
            head = signed.head
        }
        let whole = entries
        let wholeHead = head
        while !source.isEmpty {
            let at = entries.isEmpty ? 0 : source.choice(entries.count)
            switch source.choice(8) {
            case 0 where !entries.isEmpty: entries.remove(at: at)
            case 1 where !entries.isEmpty: entries[at].number = source.number()
            case 2 where !entries.isEmpty: entries[at].before = source.head()
            case 3 where !entries.isEmpty: entries[at].at = Int64(bitPattern: source.number())
            case 4 where !entries.isEmpty:
                let other = source.choice(entries.count)
                entries.swapAt(at, other)
            case 5 where !entries.isEmpty: entries.insert(entries[at], at: 0)
            case 6: head = AuditHead(number: source.number(), hash: source.head(), signature: [])
            default: head = nil
            }
        }
        let log = AuditLog(entries: entries, head: head, beside: wholeHead.map { .end($0) } ?? .gone)
        let finding = chain.firstFinding(in: log, verifying: MadeUp.verifying, key: MadeUp.key)
        let isWhole = entries == whole && head == wholeHead
        check(isWhole == (finding == nil), "what was changed is found, and nothing else")
    }
}

/// Stands for SHA-256 and P-256, so that what lies behind a hash or signature can be reached at all.
enum MadeUp {
    static let key: [UInt8] = [4] + Array(repeating: 7, count: 64)
    static let hashing = Hashing { bytes in
        var words: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        for byte in bytes {
            words.0 = (words.0 ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
            words.1 = (words.1 ^ words.0) &* 0xbf58_476d_1ce4_e5b9
            words.2 = words.2 &+ words.1 ^ (words.2 >> 29)
            words.3 = words.3 &* 0x94d0_49bb_1331_11eb ^ words.0
        }
        return Digest(words: words)
    }
    static let signing = Signing(publicKey: key) { signature(of: $0, key) }
    static let verifying = Verifying { message, signed, key in signed == signature(of: message, key) }
    /// Takes every signature for a good one.
    static let believing = Verifying { _, _, _ in true }

    private static func signature(of message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let digest = hashing(message + key).bytes
        return digest + digest
    }
}
