/// Computes digests and continues an origin's chain over a batch, once at each end.
///
/// digest(n) = SHA-256(canonical bytes of version n), in which each retention class stands as one salted hash.
/// chain(n) = SHA-256(chain(n-1) ‖ digest(n)); chain(0) is the origin's derivation.
public struct JournalChain: Sendable {
    /// Why a chain could not be continued.
    public enum Failure: Error, Sendable, Hashable {
        /// A version needs the salt of this day and class, and neither batch nor store has it.
        case saltMissing(day: Int32, retentionClass: RetentionClass)
    }

    /// What walking over a batch yields.
    public struct Walk: Sendable {
        /// chain(n) for every row, in order.
        public var heads: [Digest]
        /// The first eight bytes of each row's digest, for order-independent sums.
        public var shortDigests: [UInt64]
    }

    public let hashing: Hashing

    public init(hashing: Hashing) { self.hashing = hashing }

    /// UTC day of a time, days since 1970-01-01, also before it.
    public static func day(of time: Milliseconds) -> Int32 {
        let (day, rest) = time.quotientAndRemainder(dividingBy: 86_400_000)
        return Int32(clamping: rest < 0 ? day - 1 : day)
    }

    /// Continues the chain from `head` over all rows of `columns`, whose first sequence is `first`.
    ///
    /// - Parameter salt: the salt of a UTC day and class, from the batch or the store.
    /// - Throws: ``Failure/saltMissing(day:retentionClass:)``
    public func walk(
        _ columns: VersionColumns, origin: OriginID, first: UInt64, from head: Digest,
        salt: (Int32, RetentionClass) -> Token16?
    ) throws(Failure) -> Walk {
        var walk = Walk(heads: [], shortDigests: [])
        walk.heads.reserveCapacity(columns.count)
        walk.shortDigests.reserveCapacity(columns.count)
        var worker = DigestWorker(hashing: hashing, columns: columns)
        var head = head
        var authoredDots = columns.authoredDots.makeIterator()
        for row in 0..<columns.count {
            let flags = VersionFlags(rawValue: columns.flags[row])
            let authoredDot = flags.contains(.hasAuthoredDot) ? authoredDots.next() : nil
            let digest = try worker.digest(
                columns, row: row, dot: Dot(origin: origin, sequence: first + UInt64(row)),
                authoredDot: authoredDot, salt: salt)
            head = worker.chain(head, digest)
            walk.heads.append(head)
            walk.shortDigests.append(digest.words.0)
        }
        return walk
    }

    /// The days and classes whose salts the rows need, each with the first row that needs it.
    public static func saltsNeeded(_ columns: VersionColumns) -> [(
        day: Int32, retentionClass: RetentionClass, row: Int
    )] {
        var found: [(day: Int32, retentionClass: RetentionClass, row: Int)] = []
        for row in 0..<columns.count {
            let day = day(of: columns.authored[row])
            let place = Int(columns.place[row])
            for column in columns.groups[Int(columns.group[row])].fields
            where column.presence(at: place) != .leftAlone {
                let known = found.contains { $0.day == day && $0.retentionClass == column.retentionClass }
                if !known { found.append((day, column.retentionClass, row)) }
            }
        }
        return found
    }
}

/// The scratch memory of one walk.
private struct DigestWorker: ~Copyable {
    let hashing: Hashing
    var body = ByteScratch()
    var fields = ByteScratch()
    var link = ByteScratch(capacity: 64)
    /// Per group: the retention classes present, ascending, each with its columns.
    let classes: [[(retentionClass: RetentionClass, columns: [Int])]]
    var saltDay: Int32 = .min
    var salts: [(retentionClass: RetentionClass, salt: Token16)] = []

    init(hashing: Hashing, columns: VersionColumns) {
        self.hashing = hashing
        classes = columns.groups.map { group in
            var byClass: [(retentionClass: RetentionClass, columns: [Int])] = []
            for (index, column) in group.fields.enumerated() {
                if let found = byClass.firstIndex(where: { $0.retentionClass == column.retentionClass }) {
                    byClass[found].columns.append(index)
                } else {
                    byClass.append((column.retentionClass, [index]))
                }
            }
            return byClass.sorted { $0.retentionClass < $1.retentionClass }
        }
    }

    mutating func chain(_ head: Digest, _ digest: Digest) -> Digest {
        link.clear()
        link.put(head)
        link.put(digest)
        return hashing.sha256(link.bytes())
    }

    mutating func digest(
        _ columns: VersionColumns, row: Int, dot: Dot, authoredDot: Dot?,
        salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) -> Digest {
        body.clear()
        body.put(raw: Canonical.versionMark)
        body.put(word: dot.origin)
        body.put(word: dot.sequence)
        body.put(columns.flags[row] & VersionFlags.digested.rawValue)
        if let authoredDot {
            body.put(word: authoredDot.origin)
            body.put(word: authoredDot.sequence)
        }
        put(columns.contexts[Int(columns.context[row])])
        let groupIndex = Int(columns.group[row])
        let place = Int(columns.place[row])
        putHead(columns, row: row, group: columns.groups[groupIndex], place: place)
        try putClasses(
            columns.groups[groupIndex], classes: groupIndex, place: place,
            day: JournalChain.day(of: columns.authored[row]), salt: salt)
        return hashing.sha256(body.bytes())
    }

    private mutating func put(_ context: Context) {
        body.put(varint: UInt64(context.vector.entries.count))
        for entry in context.vector.entries {
            body.put(word: entry.origin)
            body.put(varint: entry.count)
        }
        body.put(varint: UInt64(context.dots.count))
        for dot in context.dots {
            body.put(word: dot.origin)
            body.put(varint: dot.sequence)
        }
    }

    private mutating func putHead(_ columns: VersionColumns, row: Int, group: FormGroup, place: Int) {
        var form = group.form
        form.withUTF8 { body.put(counted: UnsafeRawBufferPointer($0)) }
        body.put(varint: UInt64(group.revision))
        body.put(zigzag: columns.authored[row])
        body.put(zigzag: columns.stated[row])
        body.put(zigzag: columns.firstCreated[row])
        body.put(counted: columns.authors[Int(columns.author[row])])
        body.put(varint: UInt64(group.keys.count))
        for column in group.keys { DigestWorker.put(column, place: place, into: &body) }
    }

    private mutating func putClasses(
        _ group: FormGroup, classes index: Int, place: Int, day: Int32,
        salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) {
        let countAt = body.count
        body.put(0)
        var count: UInt8 = 0
        for (retentionClass, columns) in classes[index] {
            var assigned: UInt64 = 0
            for column in columns where group.fields[column].presence(at: place) != .leftAlone {
                assigned += 1
            }
            if assigned == 0 { continue }
            let salt = try self.salt(day: day, retentionClass: retentionClass, from: salt)
            fields.clear()
            fields.put(salt)
            fields.put(varint: assigned)
            for column in columns where group.fields[column].presence(at: place) != .leftAlone {
                fields.put(varint: UInt64(group.fields[column].field))
                DigestWorker.put(group.fields[column], place: place, into: &fields)
            }
            body.put(retentionClass)
            body.put(hashing.sha256(fields.bytes()))
            count += 1
        }
        body.patch(count, at: countAt)
    }

    private mutating func salt(
        day: Int32, retentionClass: RetentionClass, from lookUp: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) -> Token16 {
        if day != saltDay {
            saltDay = day
            salts.removeAll(keepingCapacity: true)
        }
        for known in salts where known.retentionClass == retentionClass { return known.salt }
        guard let salt = lookUp(day, retentionClass) else {
            throw .saltMissing(day: day, retentionClass: retentionClass)
        }
        salts.append((retentionClass, salt))
        return salt
    }

    /// Kind, then content, straight from the column.
    private static func put(_ column: Column, place: Int, into bytes: inout ByteScratch) {
        guard column.presence(at: place) == .value else {
            bytes.put(0)
            return
        }
        bytes.put(column.kind.rawValue)
        switch column.kind {
        case .integer: bytes.put(zigzag: column.integers[place])
        case .decimal:
            bytes.put(column.scale)
            bytes.put(zigzag: column.integers[place])
        case .text, .list:
            let range = column.range(ofEntry: Int(column.index[place]))
            if column.kind == .text { bytes.put(varint: UInt64(range.count)) }
            column.heap.withUnsafeBytes { bytes.put(raw: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }
}
