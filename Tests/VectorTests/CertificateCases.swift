import SyncCore

/// Certificates that a device has nothing left to send, as files.
enum CertificateCases {
    private static func entry(
        _ journal: JournalCases.Journal, _ sequence: UInt64, receipt reach: UInt64?
    ) throws -> Certificate.Journal {
        let epoch = MessageCases.token
        var receipt = reach.map {
            Receipt(
                origin: journal.origin, sequence: $0, head: journal.head($0),
                time: 1_580_700_000_000 + Int64($0))
        }
        if let statement = try receipt?.statement(hub: TestKey.hub.fingerprint(), epoch: epoch) {
            receipt?.signature = try TestKey.hub.sign(statement)
        }
        return Certificate.Journal(
            claim: journal.claim, sequence: sequence, head: journal.head(sequence), receipt: receipt,
            epoch: receipt == nil ? .zero : epoch)
    }

    private static func signed(_ journals: [Certificate.Journal]) throws -> Certificate {
        var certificate = Certificate(
            device: try TestKey.agent.publicKey(), hub: HubKeyring(first: try TestKey.hub.publicKey()),
            at: 1_580_698_800_000, journals: journals)
        certificate.signature = try TestKey.agent.sign(certificate.statement(hashing: TestKey.hashing))
        return certificate
    }

    /// - Parameter defects: what is wrong, of `signature`, `receipt` and `otherJournal`.
    private static func vector(
        _ name: String, _ shows: String, _ certificate: Certificate, defects: [JSON] = []
    ) -> Case {
        let file: JSON = [
            "kind": "rollcall certificate 1", "unit": "B01", "made": "2020-02-03T03:00:00Z",
            "device": .hex(certificate.device), "hub": .hex(certificate.hub.encoded),
            "at": .number(certificate.at),
            "journals": .array(certificate.journals.map { json($0, of: certificate) }),
            "signature": .hex(certificate.signature),
        ]
        return Case(
            name, shows,
            [
                ("certificate", file),
                ("statement", .hex(certificate.statement(hashing: TestKey.hashing))),
                ("signature", .hex(certificate.signature)),
            ] + (defects.isEmpty ? [] : [("defects", .array(defects))]))
    }

    private static func json(_ journal: Certificate.Journal, of certificate: Certificate) -> JSON {
        let origin = certificate.origin(of: journal, hashing: TestKey.hashing)
        var members: [(key: String, value: JSON)] = [
            (key: "lane", value: .string("\(journal.claim.lane)")),
            (key: "nonce", value: .hex(journal.claim.nonce.bytes)),
            (key: "origin", value: Meaning.origin(origin)),
            (key: "sequence", value: .number(Int64(clamping: journal.sequence))),
            (key: "head", value: .hex(journal.head.bytes)),
        ]
        if let receipt = journal.receipt {
            let part: JSON = [
                "sequence": .number(Int64(clamping: receipt.sequence)), "head": .hex(receipt.head.bytes),
                "time": .number(receipt.time), "epoch": .hex(journal.epoch.bytes),
                "signature": .hex(receipt.signature),
            ]
            members.append((key: "receipt", value: part))
        }
        return .object(members)
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        let urgent = try JournalCases.urgent()
        let routine = try JournalCases.routine()
        let good = try signed([
            entry(urgent, 1, receipt: 1), entry(routine, 7, receipt: 7),
        ])
        let valid = [
            vector("receipted", "both journals are receipted to their ends", good),
            vector(
                "nothing-urgent", "nothing was ever written to the urgent lane",
                try signed([entry(urgent, 0, receipt: nil), entry(routine, 7, receipt: 7)])),
            vector(
                "beyond-its-receipt",
                "for versions 4 to 7 the hub has signed nothing: the certificate holds, "
                    + "and says so", try signed([entry(routine, 7, receipt: 3)])),
        ]
        func changed(
            _ name: String, _ shows: String, _ defects: [JSON], isSigned: Bool,
            _ change: (inout Certificate) -> Void
        ) throws -> Case {
            var bad = good
            change(&bad)
            if isSigned { bad.signature = try TestKey.agent.sign(bad.statement(hashing: TestKey.hashing)) }
            return vector(name, shows, bad, defects: defects)
        }
        let other = routine.head(6)
        let invalid = [
            try changed("later", "another time than the device has signed", ["signature"], isSigned: false) {
                $0.at += 1
            },
            try changed("journal-left-out", "of two journals", ["signature"], isSigned: false) {
                $0.journals.removeFirst()
            },
            try changed("another-head", "the receipt is for another head", ["otherJournal"], isSigned: true) {
                $0.journals[1].head = other
            },
            try changed("too-short", "the receipt reaches further", ["otherJournal"], isSigned: true) {
                $0.journals[1].sequence = 6
                $0.journals[1].head = other
            },
            try changed("receipt-altered", "the hub has not signed it", ["receipt"], isSigned: true) {
                $0.journals[1].receipt?.signature[63] ^= 1
            },
            try changed("another-epoch", "of the receipt", ["receipt"], isSigned: true) {
                $0.journals[1].epoch = MessageCases.other
            },
        ]
        return [
            ("keys", .array(try TestKey.all.map { try $0.json() })), ("valid", .cases(valid)),
            ("invalid", .cases(invalid)),
        ]
    }
}
