/// Sixteen random bytes that keep purged fields from being guessed: one per origin, UTC day and class.
public struct SaltGrant: Sendable, Hashable {
    /// UTC day of authoring, days since 1970-01-01.
    public var day: Int32
    public var retentionClass: RetentionClass
    public var salt: Token16

    public init(day: Int32, retentionClass: RetentionClass, salt: Token16) {
        self.day = day
        self.retentionClass = retentionClass
        self.salt = salt
    }
}

/// A device's signature over (origin, sequence, chain head), 64 bytes of P-256 ECDSA (r ‖ s).
public struct Seal: Sendable, Hashable {
    public var sequence: UInt64
    public var signature: [UInt8]

    public init(sequence: UInt64, signature: [UInt8]) {
        self.sequence = sequence
        self.signature = signature
    }
}

/// A stretch of one origin's journal, as columns. It stays columns from the wire to the store's bind.
public struct VersionBatch: Sendable, Hashable {
    public var origin: OriginID
    /// Sequence of the first version; the others follow without gaps.
    public var first: UInt64
    /// Of the chain's head before the first version, and of the one behind the last.
    public var before: ShortDigest
    public var after: ShortDigest
    /// Salts first needed in this batch.
    public var salts: [SaltGrant]
    /// Seals whose sequence lies in this batch, ascending.
    public var seals: [Seal]
    public var rows: VersionColumns
    /// `rows` as they lie on the wire, when that is known already; empty otherwise. Stored as they came, so
    /// that nothing is encoded twice.
    public var encodedRows: [UInt8]

    public init(
        origin: OriginID, first: UInt64, before: ShortDigest, after: ShortDigest, salts: [SaltGrant],
        seals: [Seal], rows: VersionColumns, encodedRows: [UInt8] = []
    ) {
        self.origin = origin
        self.first = first
        self.before = before
        self.after = after
        self.salts = salts
        self.seals = seals
        self.rows = rows
        self.encodedRows = encodedRows
    }

    /// Of who knows the chain.
    public init(
        origin: OriginID, first: UInt64, headBefore: Digest, headAfter: Digest, salts: [SaltGrant],
        seals: [Seal], rows: VersionColumns, encodedRows: [UInt8] = []
    ) {
        self.init(
            origin: origin, first: first, before: ShortDigest(headBefore), after: ShortDigest(headAfter),
            salts: salts, seals: seals, rows: rows, encodedRows: encodedRows)
    }

    public var count: Int { rows.count }
    /// Sequence of the last version. A batch is never empty.
    public var last: UInt64 { first + UInt64(count) - 1 }

    /// Bytes at most that columns, salts and seals take on the line, when the columns are known as they lie
    /// there.
    var weight: Int { encodedRows.count + salts.count * 24 + seals.count * 80 }

    public func dot(at row: Int) -> Dot { Dot(origin: origin, sequence: first + UInt64(row)) }
    public func version(at row: Int) -> Version { rows.version(at: row, dot: dot(at: row)) }
}
