/// The keys of one hub, from its first to the present one: each was blessed by the one before, or by the
/// recovery key that was in force. `Protocol/SPEC.md`, "Keys of a hub", is the authority.
///
/// The hub is called by its first key for ever: that one's SHA-256 stands in everything that it signs.
public struct HubKeyring: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public enum Kind: UInt8, Sendable {
            /// The hub signs with another key from here on.
            case key = 1
            /// The key that can bless when the hub's own is lost; it is kept away from the hub.
            case recovery = 2
        }

        public var kind: Kind
        /// Blessed by the recovery key instead of the hub's own.
        public var isByRecovery: Bool
        /// By the hub's clock; for people.
        public var at: Milliseconds
        /// The new public key (X9.63, 65 bytes).
        public var key: [UInt8]
        /// 64 bytes by who blessed it.
        public var signature: [UInt8]
    }

    private static let mark = Array("rollcall hub key v1".utf8)
    private static let keyBytes = 65
    private static let entryBytes = 2 + 8 + keyBytes + 64
    /// Of ``encoded``.
    package static let mostBytes = keyBytes + Limits.hubKeys * entryBytes

    /// X9.63, 65 bytes.
    public let first: [UInt8]
    public private(set) var entries: [Entry] = []

    public init(first: [UInt8]) { self.first = first }

    /// The one that the hub proves to have, and signs with.
    public var current: [UInt8] { entries.last { $0.kind == .key }?.key ?? first }
    /// Nil while there is none.
    public var recovery: [UInt8]? { entries.last { $0.kind == .recovery }?.key }
    /// All that ever were current, the newest first.
    public var signers: [[UInt8]] { entries.filter { $0.kind == .key }.reversed().map(\.key) + [first] }

    /// What the hub is called by: the SHA-256 of its first key.
    public func identity(_ hashing: Hashing) -> Digest { hashing(first) }

    /// Whether one of the keys has signed this. Who lost a key cannot sign for the hub by it any more only
    /// where the hub has to show its present one.
    public func isSigned(_ statement: [UInt8], _ signature: [UInt8], _ verifying: Verifying) -> Bool {
        signers.contains { verifying.isValid(statement, signature, $0) }
    }

    // MARK: - Blessing

    /// Adds a key, or a recovery key.
    ///
    /// - Parameter signing: with the present key, or with the recovery key.
    /// - Throws: ``HubKeyringDefect`` when `signing` may not bless or there are too many.
    public mutating func bless(
        _ kind: Entry.Kind, _ key: [UInt8], at: Milliseconds, with signing: Signing, hashing: Hashing
    ) throws {
        let isByRecovery = signing.publicKey == recovery
        guard isByRecovery || signing.publicKey == current else { throw HubKeyringDefect.unblessed }
        let most = isByRecovery ? Limits.hubKeys : HubKeyring.mostByKey(kind)
        guard entries.count < most else { throw HubKeyringDefect.tooMany }
        var entry = Entry(kind: kind, isByRecovery: isByRecovery, at: at, key: key, signature: [])
        let before = entries.reduce(identity(hashing)) { HubKeyring.digest($0, $1, hashing) }
        entry.signature = try signing.sign(HubKeyring.mark + HubKeyring.digest(before, entry, hashing).bytes)
        entries.append(entry)
    }

    /// How many entries there may be once the hub's own key has blessed one: the last four are kept for the
    /// day when that key is lost, of which two may make a recovery key.
    package static func mostByKey(_ kind: Entry.Kind) -> Int {
        Limits.hubKeys - (kind == .recovery ? 2 : 4)
    }

    private static func digest(_ before: Digest, _ entry: Entry, _ hashing: Hashing) -> Digest {
        hashing(before.bytes + body(entry))
    }

    private static func body(_ entry: Entry) -> [UInt8] {
        [entry.kind.rawValue, entry.isByRecovery ? 1 : 0]
            + Canonical.bigEndian(UInt64(bitPattern: entry.at)) + entry.key
    }

    /// Whether each was blessed by who could.
    public func holds(_ hashing: Hashing, _ verifying: Verifying) -> Bool {
        guard entries.count <= Limits.hubKeys else { return false }
        var keys = HubKeyring(first: first)
        var digest = identity(hashing)
        for entry in entries {
            digest = HubKeyring.digest(digest, entry, hashing)
            guard let signer = entry.isByRecovery ? keys.recovery : keys.current,
                verifying.isValid(HubKeyring.mark + digest.bytes, entry.signature, signer)
            else { return false }
            keys.entries.append(entry)
        }
        return true
    }

    /// Whether who believed `known` believes these instead: they go on from them; or they part from them with
    /// what the recovery key has blessed where the other is blessed by the hub's own, as by a thief of it.
    public func replaces(_ known: HubKeyring) -> Bool {
        guard first == known.first else { return false }
        let common = zip(entries, known.entries).prefix { $0 == $1 }.count
        guard common < entries.count else { return false }
        return common == known.entries.count
            || entries[common].isByRecovery && !known.entries[common].isByRecovery
    }

    // MARK: - Bytes

    /// The first key, and behind it each entry; a hub that never changed its key is that key alone.
    public var encoded: [UInt8] { first + entries.flatMap { HubKeyring.body($0) + $0.signature } }

    /// Nil for what is not so long, or too long. Whether it holds is another question.
    public init?(encoded bytes: [UInt8]) {
        let rest = bytes.count - HubKeyring.keyBytes
        guard rest >= 0, rest % HubKeyring.entryBytes == 0, rest / HubKeyring.entryBytes <= Limits.hubKeys
        else {
            return nil
        }
        first = Array(bytes.prefix(HubKeyring.keyBytes))
        for start in stride(from: HubKeyring.keyBytes, to: bytes.count, by: HubKeyring.entryBytes) {
            guard let kind = Entry.Kind(rawValue: bytes[start]), bytes[start + 1] <= 1 else { return nil }
            let time = bytes[start + 2..<start + 10].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let key = start + 10 + HubKeyring.keyBytes
            entries.append(
                Entry(
                    kind: kind, isByRecovery: bytes[start + 1] == 1, at: Int64(bitPattern: time),
                    key: Array(bytes[start + 10..<key]),
                    signature: Array(bytes[key..<start + HubKeyring.entryBytes])))
        }
    }
}

/// Why a key cannot be blessed.
public enum HubKeyringDefect: Error, Sendable, Hashable {
    /// By neither the present key nor the recovery key.
    case unblessed
    /// More than `Limits.hubKeys`.
    case tooMany
}
