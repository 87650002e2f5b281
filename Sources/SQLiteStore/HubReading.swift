import Forms
public import SyncCore
public import SyncStore
import SyncWire

/// An origin as a hub holds it.
public struct HeldJournal: Sendable, Hashable {
    public var origin: OriginID
    public var lane: Lane
    /// Nil for an origin of the hub's own.
    public var device: Int64?
    /// One of those that its device wrote to when it last said Hello.
    public var isCurrent: Bool
    /// Highest sequence held, and the chain's head there.
    public var held: UInt64
    public var head: Digest
    /// Highest sequence that is sealed, and so receipted.
    public var sealed: UInt64
    /// Stretches in which it arrived.
    public var segments: UInt64
}

/// What tools look at.
extension SQLiteHubStore {
    /// Opens a store for looking only, beside whatever program runs on it, without the hub's key. Calls that
    /// write fail.
    ///
    /// - Throws: `StoreError` with `not_a_store`, `too_new` or `corrupt`.
    public convenience init(readingFrom folder: String) throws {
        let means = HubMeans(
            hashing: Hashing { _ in .zero }, verifying: Verifying { _, _, _ in false },
            signing: Signing(publicKey: []) { _ in throw StoreError(.inputOutput, "opened for reading only")
            }, zone: { _ in nil }, random: { .zero })
        try self.init(readingFrom: folder, means: means)
    }

    /// The same with means of the hub's own, for what needs them.
    public convenience init(readingFrom folder: String, means: HubMeans) throws {
        let database = try StoreDatabase(
            folder: folder, kind: .hub, migrations: HubSchema.migrations, mode: .readOnly)
        try self.init(connection: try HubConnection(database), means: means, isReading: true)
    }

    /// The tables that are there, with the columns that they have.
    func readTables() throws {
        let numbers = try formNumbers()
        tables = try means.forms.definitions.compactMap { definition in
            guard let number = numbers[Array(definition.form.utf8)] else { return nil }
            let whole = HubTable(number: number, definition: definition)
            let present = try columns(of: whole)
            let fields = whole.fields.filter { present.contains($0.column) }.map(\.id)
            guard !present.isEmpty else { return nil }
            var known = definition
            known.fields = definition.fields.filter { fields.contains($0.id) }
            return HubTable(number: number, definition: known)
        }
    }

    /// Everything known of a record; nil when nothing is.
    public func record(_ key: RecordKey) throws -> RecordState? {
        try connection.read {
            guard let table = table(key.form) else { return nil }
            let state = try state(of: key, in: table)
            return state.isEmpty ? nil : state
        }
    }

    /// What was found out about a version when it was taken in.
    public func verdicts(on dot: Dot) throws -> [Verdict] {
        try connection.read {
            guard let origin = try origin(dot.origin) else { return [] }
            return try connection.all(
                """
                SELECT kind, reason, field FROM verdict
                WHERE device = ? AND origin = ? AND sequence = ? ORDER BY position, number
                """, .int(origin.device ?? 0), .int(origin.number), .word(dot.sequence)
            ) { row in
                Verdict(
                    dot: dot, kind: Verdict.Kind(rawValue: UInt8(clamping: row.int(0))) ?? .noted,
                    reason: row.text(1), field: FieldID(clamping: row.int(2)))
            }
        }
    }

    /// Versions that are held back, with the form that each belongs to and the device that sent it.
    public func quarantined() throws -> [(dot: Dot, form: String, device: Int64?)] {
        try connection.read {
            try connection.all(
                "SELECT origin, sequence, form FROM quarantine WHERE released = 0 ORDER BY origin, sequence"
            ) {
                let id = try originID($0.int(0))
                return (Dot(origin: id, sequence: $0.word(1)), $0.text(2), try origin(id)?.device)
            }
        }
    }

    /// How many versions of each device are held back, by the reason that was found first; devices ascending,
    /// reasons by their bytes.
    public func quarantineCounts() throws -> [(device: Int64, reason: String, count: Int)] {
        struct Group: Hashable {
            var device: Int64
            var reason: String
        }
        return try connection.read {
            var waiting: [[Int64]: Int64] = [:]
            let held = try connection.all(
                """
                SELECT q.origin, q.sequence, o.device FROM quarantine q JOIN origin o ON o.num = q.origin
                WHERE o.device IS NOT NULL AND q.released = 0
                """
            ) { (place: [$0.int(0), $0.int(1)], device: $0.int(2)) }
            for (place, device) in held { waiting[place] = device }
            var counts: [Group: Int] = [:]
            // Verdicts in the order in which they were found: the first one of each version counts.
            let verdicts = try connection.all(
                "SELECT origin, sequence, reason FROM verdict WHERE kind = ? "
                    + "ORDER BY device, position, origin, sequence, number",
                .int(Int64(Verdict.Kind.quarantined.rawValue))
            ) { (place: [$0.int(0), $0.int(1)], reason: $0.text(2)) }
            for (place, reason) in verdicts {
                guard let device = waiting.removeValue(forKey: place) else { continue }
                counts[Group(device: device, reason: reason), default: 0] += 1
            }
            for device in waiting.values { counts[Group(device: device, reason: "unknown"), default: 0] += 1 }
            return counts.sorted { left, right in
                left.key.device != right.key.device
                    ? left.key.device < right.key.device
                    : left.key.reason.utf8.lexicographicallyPrecedes(right.key.reason.utf8)
            }.map { ($0.key.device, $0.key.reason, $0.value) }
        }
    }

    /// All origins, in the order in which they were bound.
    public func journals() throws -> [HeldJournal] {
        try connection.read {
            try loadedOrigins().values.sorted { $0.number < $1.number }.map { origin in
                HeldJournal(
                    origin: origin.id, lane: origin.lane, device: origin.device, isCurrent: origin.isCurrent,
                    held: origin.held, head: origin.head, sealed: origin.sealed,
                    segments: try connection.first(
                        "SELECT count(*) FROM segment WHERE origin = ?", .int(origin.number)
                    ) { $0.word(0) } ?? 0)
            }
        }
    }

    /// The segment of `origin` that holds `sequence`, without its salts; nil when none does.
    public func segment(of origin: OriginID, holding sequence: UInt64) throws -> VersionBatch? {
        try connection.read {
            guard let known = try self.origin(origin), sequence >= 1, sequence <= known.held else {
                return nil
            }
            let found = try connection.first(
                """
                SELECT first, head_before, head_after, seals, rows FROM segment
                WHERE origin = ? AND last >= ? ORDER BY last LIMIT 1
                """, .int(known.number), .word(sequence)
            ) { row in
                VersionBatch(
                    origin: origin, first: row.word(0), headBefore: try row.digest(1),
                    headAfter: try row.digest(2), salts: [], seals: try SQLiteHubStore.seals(row.bytes(3)),
                    rows: VersionColumns(), encodedRows: row.bytes(4))
            }
            guard var batch = found, batch.first <= sequence else { return nil }
            do {
                batch.rows = try RowsCodec.decode(batch.encodedRows)
            } catch {
                throw StoreError(.corrupt, "a segment's rows do not read: \(error)")
            }
            return batch
        }
    }

    /// Sequence and length in eight bytes each, then the signature.
    static func seals(_ bytes: [UInt8]) throws -> [Seal] {
        var seals: [Seal] = []
        var rest = bytes[...]
        func word() -> UInt64 {
            defer { rest = rest.dropFirst(8) }
            return rest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
        while !rest.isEmpty {
            guard rest.count >= 16 else { throw StoreError(.corrupt, "a segment's seals") }
            let sequence = word()
            guard let length = Int(exactly: word()), length <= rest.count else {
                throw StoreError(.corrupt, "a segment's seals")
            }
            seals.append(Seal(sequence: sequence, signature: Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return seals
    }
}
