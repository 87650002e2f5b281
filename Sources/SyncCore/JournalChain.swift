/// Computes digests and continues an origin's chain over a batch, once at each end.
///
/// digest(n) = SHA-256(canonical bytes of version n), in which each retention class stands as one salted
/// hash. chain(n) = SHA-256(chain(n-1) ‖ digest(n)); chain(0) is the origin's derivation.
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

        package init(heads: [Digest]) { self.heads = heads }

        /// Continues the chain from `head` over the digests.
        init(digests: [Digest], from head: Digest, hashing: Hashing) {
            heads = digests
            heads.withUnsafeMutableBufferPointer { hashing.chain(head, $0) }
        }
    }

    public let hashing: Hashing

    public init(hashing: Hashing) { self.hashing = hashing }

    /// UTC day of a time, days since 1970-01-01, also before it.
    public static func day(of time: Milliseconds) -> Int32 {
        let (day, rest) = time.quotientAndRemainder(dividingBy: 86_400_000)
        return Int32(clamping: rest < 0 ? day - 1 : day)
    }

    /// Continues the chain from `head` over rows of `columns`.
    ///
    /// - Parameters:
    ///   - rows: which ones; nil for all.
    ///   - first: the sequence of the first of all rows.
    ///   - salt: the salt of a UTC day and class, from the batch or the store.
    /// - Throws: ``Failure/saltMissing(day:retentionClass:)``
    public func walk(
        _ columns: VersionColumns, rows: Range<Int>? = nil, origin: OriginID, first: UInt64,
        from head: Digest,
        salt: (Int32, RetentionClass) -> Token16?
    ) throws(Failure) -> Walk {
        let wanted = rows ?? 0..<columns.count
        var digests: [Digest] = []
        digests.reserveCapacity(wanted.count)
        var worker = DigestWorker(hashing: hashing, columns: columns)
        for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: DigestWorker.rowsAtOnce) {
            let rows = start..<min(start + DigestWorker.rowsAtOnce, wanted.upperBound)
            try worker.digests(columns, rows: rows, origin: origin, first: first, salt: salt, into: &digests)
        }
        return Walk(digests: digests, from: head, hashing: hashing)
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
