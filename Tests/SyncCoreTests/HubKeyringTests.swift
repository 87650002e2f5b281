import SyncCore
import Testing

/// Which keys a branch believes of its hub.
@Suite struct HubKeyringTests {
    /// Not hashes or signatures, but as good here.
    private static let hashing = Hashing { bytes in
        var words: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        for byte in bytes {
            words.0 = (words.0 ^ UInt64(byte)) &* 0x100_0000_01b3
            words = (words.1 &+ words.0, words.2, words.3, words.0)
        }
        return Digest(words: words)
    }
    private static func sign(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let digest = hashing(key + message).bytes
        return digest + digest
    }
    private static let verifying = Verifying { $1 == sign($0, $2) }

    private static func key(_ number: UInt8) -> [UInt8] { [4] + [UInt8](repeating: number, count: 64) }
    private static func signing(_ number: UInt8) -> Signing {
        Signing(publicKey: key(number)) { sign($0, key(number)) }
    }

    private func keys(_ steps: [(kind: HubKeyring.Entry.Kind, key: UInt8, by: UInt8)]) throws -> HubKeyring {
        var keys = HubKeyring(first: Self.key(1))
        for (at, step) in steps.enumerated() {
            try keys.bless(
                step.kind, Self.key(step.key), at: Int64(at), with: Self.signing(step.by),
                hashing: Self.hashing)
        }
        return keys
    }

    private func holds(_ keys: HubKeyring) -> Bool { keys.holds(Self.hashing, Self.verifying) }

    @Test func keysThatWereBlessedHoldAndComeBackFromTheirBytes() throws {
        let all = try keys([(.recovery, 9, 1), (.key, 2, 1), (.key, 3, 2), (.recovery, 8, 9), (.key, 4, 8)])
        #expect(holds(all) && all.current == Self.key(4) && all.recovery == Self.key(8))
        #expect(all.signers == [4, 3, 2, 1].map(Self.key))
        #expect(HubKeyring(encoded: all.encoded) == all)
        #expect(all.identity(Self.hashing) == HubKeyring(first: Self.key(1)).identity(Self.hashing))
        #expect(HubKeyring(first: Self.key(1)).encoded == Self.key(1))
        for bytes in [all.encoded.dropLast(), all.encoded + [0], []] {
            #expect(HubKeyring(encoded: Array(bytes)) == nil)
        }
    }

    @Test func everyByteThatIsAnotherIsFound() throws {
        let bytes = try keys([(.recovery, 9, 1), (.key, 2, 1), (.key, 3, 9)]).encoded
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            if let keys = HubKeyring(encoded: changed) { #expect(!holds(keys), "byte \(place)") }
        }
    }

    @Test func onlyThePresentKeyAndTheRecoveryKeyBless() throws {
        #expect(throws: HubKeyringDefect.unblessed) { try keys([(.key, 2, 3)]) }
        #expect(throws: HubKeyringDefect.unblessed) { try keys([(.key, 2, 1), (.key, 3, 1)]) }
        #expect(throws: HubKeyringDefect.unblessed) {
            try keys([(.recovery, 9, 1), (.recovery, 8, 9), (.key, 2, 9)])
        }
    }

    /// However often a hub has changed its key by itself, there is room for the day when that key is lost.
    @Test func theLastOnesAreKeptForTheRecoveryKey() throws {
        var full = HubKeyring(first: Self.key(1))
        func bless(_ kind: HubKeyring.Entry.Kind, _ key: UInt8, by signer: UInt8) throws {
            try full.bless(kind, Self.key(key), at: 0, with: Self.signing(signer), hashing: Self.hashing)
        }
        for number in UInt8(1)...12 { try bless(.key, number + 1, by: number) }
        #expect(throws: HubKeyringDefect.tooMany) { try bless(.key, 14, by: 13) }
        for recovery in UInt8(101)...102 { try bless(.recovery, recovery, by: 13) }
        #expect(throws: HubKeyringDefect.tooMany) { try bless(.recovery, 103, by: 13) }
        #expect(holds(full))
        try bless(.key, 14, by: 102)
        #expect(throws: HubKeyringDefect.tooMany) { try bless(.key, 15, by: 14) }
        try bless(.key, 15, by: 102)
        #expect(full.entries.count == Limits.hubKeys && holds(full) && full.current == Self.key(15))
        #expect(throws: HubKeyringDefect.tooMany) { try bless(.key, 16, by: 102) }
        #expect(HubKeyring(encoded: full.encoded + full.encoded.suffix(139)) == nil)
    }

    @Test func whatGoesOnReplacesAndARecoveryReplacesWhatAThiefBlessed() throws {
        let known = try keys([(.recovery, 9, 1)])
        let next = try keys([(.recovery, 9, 1), (.key, 2, 1)])
        #expect(next.replaces(known) && !known.replaces(next) && !known.replaces(known))
        let later = try keys([(.recovery, 9, 1), (.key, 2, 1), (.key, 3, 2)])
        #expect(later.replaces(known) && later.replaces(next))
        // A thief of the key makes it his, with a recovery key of his own.
        let stolen = try keys([(.recovery, 9, 1), (.recovery, 66, 1), (.key, 67, 66)])
        #expect(holds(stolen) && stolen.replaces(known) && !stolen.replaces(next))
        let recovered = try keys([(.recovery, 9, 1), (.key, 5, 9)])
        #expect(holds(recovered) && recovered.replaces(stolen) && recovered.replaces(next))
        #expect(!stolen.replaces(recovered) && !next.replaces(recovered))
        var other = HubKeyring(first: Self.key(7))
        try other.bless(.key, Self.key(2), at: 0, with: Self.signing(7), hashing: Self.hashing)
        #expect(!other.replaces(known))
    }

    @Test func formerKeysHaveSignedWhatTheySigned() throws {
        let all = try keys([(.recovery, 9, 1), (.key, 2, 1)])
        for (number, isOwn) in [(UInt8(1), true), (2, true), (9, false), (3, false)] {
            #expect(all.isSigned([5], Self.sign([5], Self.key(number)), Self.verifying) == isOwn)
        }
    }
}
