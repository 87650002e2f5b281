import SyncCore
import SyncStore
import SyncWire
import Testing

@Suite struct JournalVectorTests {
    private static let verifying = Verifying { TestKey.isValid($0, $1, $2) }

    private func key(_ name: JSON, in file: JSON) -> JSON {
        file["keys"].items.first { $0["name"] == name } ?? .null
    }

    private func salts(_ journal: JSON) -> [SaltGrant] {
        journal["salts"].items.map {
            SaltGrant(
                day: Int32(clamping: $0["day"].number), retentionClass: UInt8(clamping: $0["class"].number),
                salt: Token16(bytes: $0.bytes("salt")) ?? .zero)
        }
    }

    private func derivation(_ journal: JSON, in file: JSON) -> Digest {
        let claim = OriginClaim(
            lane: journal["lane"].string == "urgent" ? .urgent : .routine,
            nonce: Token16(bytes: journal.bytes("nonce")) ?? .zero)
        return claim.derivation(
            publicKey: key(journal["key"], in: file).bytes("public"), hashing: TestKey.hashing)
    }

    @Test func keys() throws {
        for file in ["journals", "receipts"] {
            for key in try VectorFile.stored(file)["keys"].items {
                let test = TestKey(name: key["name"].string, secret: key.bytes("private"))
                #expect(try test.publicKey() == key.bytes("public"))
                #expect(try test.fingerprint().bytes == key.bytes("fingerprint"))
            }
        }
    }

    @Test func digestsAndChains() throws {
        let file = try VectorFile.stored("journals")
        for journal in file["journals"].items {
            let derivation = derivation(journal, in: file)
            #expect(derivation.bytes == journal.bytes("derivation"))
            #expect(Meaning.origin(derivation.originID) == journal["origin"])
            let versions = journal["versions"].items
            let salts = salts(journal)
            let walk = try JournalChain(hashing: TestKey.hashing).walk(
                VersionColumns(versions.map { Reading.version($0["version"]) }), origin: derivation.originID,
                first: 1, from: derivation
            ) { day, retentionClass in
                salts.first { $0.day == day && $0.retentionClass == retentionClass }?.salt
            }
            var head = derivation
            for (row, version) in versions.enumerated() {
                let digest = TestKey.hashing(version.bytes("canonical"))
                #expect(digest.bytes == version.bytes("digest"))
                head = TestKey.hashing(head.bytes + digest.bytes)
                #expect(head.bytes == version.bytes("head"))
                #expect(head == walk.heads[row])
            }
            for seal in journal["seals"].items {
                let sequence = Reading.number(seal["sequence"])
                let statement = SealStatement.bytes(
                    origin: derivation.originID, sequence: sequence, head: walk.heads[Int(sequence) - 1])
                #expect(statement == seal.bytes("statement"))
                #expect(
                    TestKey.isValid(
                        statement, seal.bytes("signature"), key(journal["key"], in: file).bytes("public")))
            }
        }
    }

    /// What a hub answers that holds so much of the journal.
    @Test func batchesAreJudged() throws {
        let file = try VectorFile.stored("journals")
        for vector in file["batches"].items {
            let journal = try #require(file["journals"].items.first { $0["name"] == vector["journal"] })
            guard case .batch(let batch) = try FrameCase.messages(vector.bytes("bytes")).first else {
                Issue.record("\(vector["name"].string) is no batch")
                continue
            }
            let held = Reading.number(vector["held"])
            var origin = HubOrigin(
                number: 1, derivation: derivation(journal, in: file),
                claim: OriginClaim(
                    lane: journal["lane"].string == "urgent" ? .urgent : .routine, nonce: .zero), device: 1)
            if held > 0 {
                origin.held = held
                origin.head = Digest(bytes: journal["versions"].items[Int(held) - 1].bytes("head")) ?? .zero
            }
            let stored = held > 0 ? salts(journal) : []
            let judgement = HubBatchJudge(hashing: TestKey.hashing, verifying: Self.verifying).judge(
                batch, of: origin, publicKey: key(journal["key"], in: file).bytes("public")
            ) { day, retentionClass in
                stored.first { $0.day == day && $0.retentionClass == retentionClass }?.salt
            }
            #expect(answer(judgement) == vector["answer"], "\(vector["name"].string)")
        }
    }

    private func answer(_ judgement: HubBatchJudge.Judgement) -> JSON {
        switch judgement {
        case .held: ["held": true]
        case .gap(let gap): ["gap": Meaning.number(gap.wanted)]
        case .fork(let fork):
            ["fork": ["sequence": Meaning.number(fork.sequence), "head": .hex(fork.head.bytes)]]
        case .refused(let refuse): ["code": .number(Int64(refuse.code.rawValue))]
        case .fresh(_, let sealed):
            ["taken": true, "sealed": sealed.map { Meaning.number($0.sequence) } ?? .null]
        }
    }

    @Test(arguments: ["valid", "invalid"])
    func receipts(part: String) throws {
        let file = try VectorFile.stored("receipts")
        let hub = Digest(bytes: key("hub", in: file).bytes("fingerprint")) ?? .zero
        for vector in file[part].items {
            let receipt = Receipt(
                origin: Reading.origin(vector["origin"]), sequence: Reading.number(vector["sequence"]),
                head: Digest(bytes: vector.bytes("head")) ?? .zero, time: vector["time"].number,
                signature: vector.bytes("signature"))
            let statement = receipt.statement(
                hub: hub, epoch: Token16(bytes: vector.bytes("epoch")) ?? .zero)
            if part == "valid" { #expect(statement == vector.bytes("statement")) }
            let isValid = TestKey.isValid(
                statement, receipt.signature, key(vector["key"], in: file).bytes("public"))
            #expect(isValid == (part == "valid"), "\(vector["name"].string)")
        }
    }

    @Test func arrivalLogAndMarks() throws {
        let file = try VectorFile.stored("receipts")
        var hash = Digest.zero
        for entry in file["arrivalLog"].items {
            hash = ArrivalLog.next(
                hash, position: Reading.number(entry["position"]), origin: Reading.origin(entry["origin"]),
                first: Reading.number(entry["first"]), last: Reading.number(entry["last"]),
                head: Digest(bytes: entry.bytes("head")) ?? .zero, hashing: TestKey.hashing)
            #expect(hash.bytes == entry.bytes("hash"))
        }
        for mark in file["marks"].items {
            let dots = mark["dots"].items.map { Reading.dot($0) }
            #expect(Meaning.number(UInt64(dots.count)) == mark["count"])
            let sum = dots.reversed().reduce(UInt64(0)) { $0 &+ Mark.term(of: $1) }
            #expect(Bytes.word(sum) == mark.bytes("sum"))
        }
    }
}
