import SyncCore

/// The keys of a hub: which hold, and which an agent that keeps others believes.
enum HubKeyCases {
    private static let second = TestKey(name: "second", secret: (1...32).map { UInt8(0x40 + $0) })
    private static let recovery = TestKey(name: "recovery", secret: (1...32).map { UInt8(0x60 + $0) })
    private static let thief = TestKey(name: "thief", secret: (1...32).map { UInt8(0xa0 + $0) })
    private static let keys = [TestKey.hub, second, recovery, thief]

    private static func blessed(
        _ ring: HubKeyring, _ kind: HubKeyring.Entry.Kind, _ key: TestKey, by signer: TestKey
    ) throws -> HubKeyring {
        var ring = ring
        let signing = Signing(publicKey: try signer.publicKey()) { try signer.sign($0) }
        let at = 1_580_698_800_000 + Int64(ring.entries.count)
        try ring.bless(kind, try key.publicKey(), at: at, with: signing, hashing: TestKey.hashing)
        return ring
    }

    /// What each entry's signature is over; the digest runs on whether it holds or not.
    private static func statements(_ ring: HubKeyring) -> [[UInt8]] {
        var digest = TestKey.hashing(ring.first).bytes
        return ring.entries.map { entry in
            let body =
                [entry.kind.rawValue, entry.isByRecovery ? 1 : 0]
                + Bytes.word(UInt64(bitPattern: entry.at)) + entry.key
            digest = TestKey.hashing(digest + body).bytes
            return Array("rollcall hub key v1".utf8) + digest
        }
    }

    private static func valid(_ name: String, _ shows: String, _ ring: HubKeyring) -> Case {
        let entries = zip(ring.entries, statements(ring)).map { entry, statement -> JSON in
            [
                "kind": .string(entry.kind == .key ? "key" : "recovery"),
                "by": .string(entry.isByRecovery ? "recovery" : "hub"), "time": .number(entry.at),
                "key": .hex(entry.key), "statement": .hex(statement), "signature": .hex(entry.signature),
            ]
        }
        return Case(
            name, shows,
            [
                ("bytes", .hex(ring.encoded)), ("first", .hex(ring.first)), ("entries", .array(entries)),
                ("current", .hex(ring.current)),
                ("recovery", ring.recovery.map { .hex($0) } ?? .null),
                ("calledBy", .hex(ring.identity(TestKey.hashing).bytes)),
            ])
    }

    private static func shown(
        _ name: String, _ shows: String, kept: HubKeyring, shown: HubKeyring, isBelieved: Bool
    ) -> Case {
        Case(
            name, shows,
            [
                ("kept", .hex(kept.encoded)), ("shown", .hex(shown.encoded)), ("believed", .bool(isBelieved)),
            ])
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        let first = HubKeyring(first: try TestKey.hub.publicKey())
        let safe = try blessed(first, .recovery, recovery, by: .hub)
        let rotated = try blessed(safe, .key, second, by: .hub)
        let stolen = try blessed(safe, .key, thief, by: .hub)
        let recovered = try blessed(safe, .key, second, by: recovery)
        let stolenRecovery = try blessed(first, .recovery, thief, by: .hub)
        func invalid(_ name: String, _ shows: String, _ change: (inout [UInt8]) -> Void) -> Case {
            var bytes = rotated.encoded
            change(&bytes)
            return Case(name, shows, [("bytes", .hex(bytes))])
        }
        return [
            ("keys", .array(try keys.map { try $0.json() })),
            (
                "valid",
                .cases([
                    valid("first", "a hub that never changed its key", first),
                    valid("recovery", "a recovery key changes nothing about what the hub signs with", safe),
                    valid("rotated", "blessed by the key before", rotated),
                    valid("recovered", "blessed by the recovery key", recovered),
                    valid("stolen", "a thief of the hub's key can bless his own, and it holds", stolen),
                    valid("stolen-recovery", "and a recovery key of his own", stolenRecovery),
                ])
            ),
            (
                "invalid",
                .cases([
                    invalid("cut-off", "an entry is not whole") { $0.removeLast() },
                    invalid("kind-unknown", "kinds are 1 and 2") { $0[65] = 3 },
                    invalid("by-unknown", "by is 0 or 1") { $0[66] = 2 },
                    invalid("later", "another time than was signed") { $0[65 + 9] ^= 1 },
                    invalid("signature-altered", "of the last entry") { $0[$0.count - 1] ^= 1 },
                    invalid("by-another", "said to be by the recovery key, which has not signed it") {
                        $0[65 + 139 + 1] = 1
                    },
                    invalid("first-missing", "an entry taken out of the middle") {
                        $0.removeSubrange(65..<65 + 139)
                    },
                    invalid("seventeen", "at most 16 entries") {
                        $0 += (0..<15).flatMap { _ in rotated.encoded.suffix(139) }
                    },
                ])
            ),
            (
                "agents",
                agents(
                    safe: safe, rotated: rotated, stolen: stolen, recovered: recovered,
                    stolenRecovery: stolenRecovery)
            ),
        ]
    }

    private static func agents(
        safe: HubKeyring, rotated: HubKeyring, stolen: HubKeyring, recovered: HubKeyring,
        stolenRecovery: HubKeyring
    ) -> JSON {
        .cases([
            shown(
                "goes-on", "behind all that is kept", kept: safe, shown: rotated,
                isBelieved: true),
            shown(
                "long-away", "several changes later", kept: HubKeyring(first: safe.first), shown: recovered,
                isBelieved: true),
            shown(
                "outdated", "nothing new, so the key to be shown is the one kept", kept: rotated,
                shown: safe, isBelieved: false),
            shown(
                "thief", "who had followed a thief goes where the recovery key says", kept: stolen,
                shown: recovered, isBelieved: true),
            shown(
                "thief-again", "and does not come back", kept: recovered, shown: stolen,
                isBelieved: false),
            shown(
                "two-ways", "two keys blessed by the one before: the one that was known stays",
                kept: rotated, shown: stolen, isBelieved: false),
            shown(
                "two-recovery-keys", "the recovery key that was known stays", kept: safe,
                shown: stolenRecovery, isBelieved: false),
        ])
    }
}
