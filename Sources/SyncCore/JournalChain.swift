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
        var walk = Walk(heads: [])
        walk.heads.reserveCapacity(columns.count)
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
///
/// Keys and fields are laid out as canonical bytes column by column first, what is the same only once, and a
/// row's bytes are then pieced together: so each column is touched once, and the loop over rows allocates and
/// counts references for nothing.
struct DigestWorker: ~Copyable {
    /// A retention class of a group and the columns of `cells` that belong to it.
    private struct ClassRun {
        var retentionClass: RetentionClass
        var columns: Range<Int>
    }

    private struct GroupLayout {
        var rows: Int
        /// Index into `places` of the first column's first row.
        var firstCell: Int
        var keyColumns: Int
        var keyCount: UInt64
        /// Indices into `runs`.
        var runs: Range<Int>
        /// Form and revision, as they stand in every version of the group.
        var name: Range<Int>
    }

    let hashing: Hashing
    var body = ByteScratch()
    var fields = ByteScratch()
    var link = ByteScratch(capacity: 64)
    /// Where the bytes of one key or field of one row lie.
    private struct Cell {
        var start: UInt32
        var end: UInt32

        /// A field that is left alone.
        static let none = Cell(start: 0, end: 0)
        var range: Range<Int> { Int(start)..<Int(end) }
    }

    /// Keys and fields of all groups.
    private var cells = ByteScratch()
    /// Where they lie, column after column, row after row.
    private var places: [Cell] = []
    private var names = ByteScratch(capacity: 256)
    private var layouts: [GroupLayout] = []
    private var runs: [ClassRun] = []
    /// Hashes that stand for values whose salts are gone; nil where all are made from values.
    private var kept: [KeptHashes.ClassHash]?
    /// The values of the last version are not those of the kept hashes.
    private(set) var hasStrayed = false
    /// What the class hashes of the last version are, and what they were made of; filled once ``collect()``
    /// was called.
    private(set) var collected: [(hash: KeptHashes.ClassHash, preimage: [UInt8])] = []
    private var isCollecting = false
    private var saltDay: Int32 = .min
    private var salts: [(retentionClass: RetentionClass, salt: Token16)] = []

    init(hashing: Hashing, columns: VersionColumns) {
        self.hashing = hashing
        for group in columns.groups { lay(out: group) }
    }

    private mutating func lay(out group: FormGroup) {
        let nameStart = names.count
        var form = group.form
        form.withUTF8 { names.put(counted: UnsafeRawBufferPointer($0)) }
        names.put(varint: UInt64(group.revision))
        let firstCell = places.count
        let firstRun = runs.count
        for column in group.keys { lay(out: column, rows: group.rows.count, isKey: true) }
        let ordered = group.fields.enumerated().sorted {
            ($0.element.retentionClass, $0.offset) < ($1.element.retentionClass, $1.offset)
        }
        for (index, (_, column)) in ordered.enumerated() {
            lay(out: column, rows: group.rows.count, isKey: false)
            let at = group.keys.count + index
            if runs.count > firstRun, runs[runs.count - 1].retentionClass == column.retentionClass {
                runs[runs.count - 1].columns = runs[runs.count - 1].columns.lowerBound..<(at + 1)
            } else {
                runs.append(ClassRun(retentionClass: column.retentionClass, columns: at..<(at + 1)))
            }
        }
        layouts.append(
            GroupLayout(
                rows: group.rows.count, firstCell: firstCell, keyColumns: group.keys.count,
                keyCount: UInt64(group.keys.count), runs: firstRun..<runs.count,
                name: nameStart..<names.count))
    }

    /// Appends a column's cells; a field that is left alone is an empty cell, any other begins with its id.
    private mutating func lay(out column: Column, rows: Int, isKey: Bool) {
        places.reserveCapacity(places.count + rows)
        let notStated = cell(isKey: isKey, column) { $0.put(0) }
        if column.isDictionary {
            let entries = column.ends.indices.map { entry in
                cell(isKey: isKey, column) { cells in
                    cells.put(column.kind.rawValue)
                    let range = column.range(ofEntry: entry)
                    if column.kind == .text { cells.put(varint: UInt64(range.count)) }
                    column.heap.withUnsafeBytes {
                        cells.put(raw: UnsafeRawBufferPointer(rebasing: $0[range]))
                    }
                }
            }
            for row in 0..<rows {
                switch column.presence(at: row) {
                case .value: places.append(entries[Int(column.index[row])])
                case .notStated: places.append(notStated)
                case .leftAlone: places.append(isKey ? notStated : .none)
                }
            }
            return
        }
        // Many rows say the same as the one before.
        var last: (number: Int64, cell: Cell)?
        for row in 0..<rows {
            switch column.presence(at: row) {
            case .value:
                let number = column.integers[row]
                if let last, last.number == number {
                    places.append(last.cell)
                    continue
                }
                let made = cell(isKey: isKey, column) { cells in
                    cells.put(column.kind.rawValue)
                    if column.kind == .decimal { cells.put(column.scale) }
                    cells.put(zigzag: number)
                }
                last = (number, made)
                places.append(made)
            case .notStated: places.append(notStated)
            case .leftAlone: places.append(isKey ? notStated : .none)
            }
        }
    }

    /// Lays out one cell: the id of a field, then what `content` puts.
    @inline(__always) private mutating func cell(
        isKey: Bool, _ column: Column, content: (inout ByteScratch) -> Void
    ) -> Cell {
        let start = cells.count
        if !isKey { cells.put(varint: UInt64(column.field)) }
        content(&cells)
        return Cell(
            start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: cells.count))
    }

    /// The next digest is made with these hashes.
    mutating func keep(_ classes: [KeptHashes.ClassHash]) {
        kept = classes
        hasStrayed = false
    }

    /// Of the next digest the class hashes are remembered.
    mutating func collect() {
        isCollecting = true
        collected = []
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
        let layout = layouts[Int(columns.group[row])]
        let place = Int(columns.place[row])
        body.clear()
        body.put(raw: Canonical.versionMark)
        body.put(word: dot.origin)
        body.put(word: dot.sequence)
        body.put(columns.flags[row] & VersionFlags.digested.rawValue)
        if let authoredDot {
            body.put(word: authoredDot.origin)
            body.put(word: authoredDot.sequence)
        }
        if columns.context[row] == 0 {
            body.put(0)
            body.put(0)
        } else {
            put(columns.contexts[Int(columns.context[row])])
        }
        body.put(layout.name, of: names)
        body.put(zigzag: columns.authored[row])
        body.put(zigzag: columns.stated[row])
        body.put(zigzag: columns.firstCreated[row])
        body.put(counted: columns.authors[Int(columns.author[row])])
        body.put(varint: layout.keyCount)
        for column in 0..<layout.keyColumns { body.put(range(layout, column, place), of: cells) }
        try putClasses(layout, place: place, day: JournalChain.day(of: columns.authored[row]), salt: salt)
        return hashing.sha256(body.bytes())
    }

    @inline(__always) private func range(_ layout: GroupLayout, _ column: Int, _ place: Int) -> Range<Int> {
        places[layout.firstCell + column * layout.rows + place].range
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

    private mutating func putClasses(
        _ layout: GroupLayout, place: Int, day: Int32, salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) {
        let countAt = body.count
        body.put(0)
        var count: UInt8 = 0
        for index in layout.runs {
            let run = runs[index]
            var assigned: UInt64 = 0
            for column in run.columns where !range(layout, column, place).isEmpty { assigned += 1 }
            if assigned == 0 { continue }
            var hash: Digest
            let isLocked = kept != nil && salt(day, run.retentionClass) == nil
            if isLocked {
                hash = .zero
            } else {
                let salt = try self.salt(day: day, retentionClass: run.retentionClass, from: salt)
                hash = self.hash(layout, run, place: place, assigned: assigned, salt: salt)
            }
            if let kept {
                guard Int(count) < kept.count, kept[Int(count)].retentionClass == run.retentionClass else {
                    hasStrayed = true
                    continue
                }
                if !isLocked && kept[Int(count)].hash != hash { hasStrayed = true }
                hash = kept[Int(count)].hash
            }
            body.put(run.retentionClass)
            body.put(hash)
            count += 1
            if isCollecting {
                let named = KeptHashes.ClassHash(retentionClass: run.retentionClass, hash: hash)
                collected.append((named, Array(fields.bytes())))
            }
        }
        if let kept, kept.count != Int(count) { hasStrayed = true }
        body.patch(count, at: countAt)
    }

    /// The salted hash of one class of a row.
    private mutating func hash(
        _ layout: GroupLayout, _ run: ClassRun, place: Int, assigned: UInt64, salt: Token16
    ) -> Digest {
        fields.clear()
        fields.put(salt)
        fields.put(varint: assigned)
        for column in run.columns { fields.put(range(layout, column, place), of: cells) }
        return hashing.sha256(fields.bytes())
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
}
