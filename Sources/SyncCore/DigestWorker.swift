/// The scratch memory of one walk.
///
/// Keys and fields are laid out as canonical bytes column by column first, what is the same only once, and a
/// row's bytes are then pieced together: so each column is touched once, and the loop over rows allocates and
/// counts references for nothing. What some rows are hashed from is laid out first and then hashed in one go.
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

    /// What one class hash of the stretch is made for.
    private struct ClassMark {
        var retentionClass: RetentionClass
        /// The salt is gone: what is kept stands for it.
        var isLocked: Bool
    }

    /// Rows of which the bytes are laid out before they are hashed.
    static let rowsAtOnce = 64

    let hashing: Hashing
    /// What the digests of the stretch's rows are hashed from, and where each ends.
    private(set) var body = ByteScratch(capacity: 16_384)
    private var bodyEnds: [UInt32] = []
    /// The same for class hashes.
    private var fields = ByteScratch(capacity: 16_384)
    private var fieldEnds: [UInt32] = []
    private var marks: [ClassMark] = []
    /// Where the marks of each row end.
    private var rowMarks: [Int] = []
    private var classHashes: [Digest] = []
    /// Where the bytes of one key or field of one row lie.
    private struct Cell {
        var start: UInt32
        var end: UInt32

        /// A field that is left alone.
        static let none = Cell(0..<0)

        init(_ range: Range<Int>) {
            start = UInt32(truncatingIfNeeded: range.lowerBound)
            end = UInt32(truncatingIfNeeded: range.upperBound)
        }

        var range: Range<Int> { Int(start)..<Int(end) }
    }

    /// Keys and fields of all groups.
    private var cells = ByteScratch()
    /// Where they lie, column after column, row after row.
    private var places: [Cell] = []
    private var names = ByteScratch(capacity: 1_024)
    /// Authors and contexts, in `names`.
    private var authors: [Cell] = []
    private var contexts: [Cell] = []
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
        places.reserveCapacity(
            columns.groups.reduce(0) { $0 + ($1.keys.count + $1.fields.count) * $1.rows.count })
        for author in columns.authors {
            let start = names.count
            names.put(counted: author)
            authors.append(Cell(start..<names.count))
        }
        for context in columns.contexts {
            let start = names.count
            put(context)
            contexts.append(Cell(start..<names.count))
        }
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
        return Cell(start..<cells.count)
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

    /// The digests of a stretch of rows, appended in their order.
    mutating func digests(
        _ columns: VersionColumns, rows: Range<Int>, origin: OriginID, first: UInt64,
        salt: (Int32, RetentionClass) -> Token16?, into digests: inout [Digest]
    ) throws(JournalChain.Failure) {
        try layClasses(columns, rows: rows, salt: salt)
        var authoredDots = columns.authoredDots[authoredDots(before: rows.lowerBound, columns)...]
        for row in rows {
            let isNamed = columns.flags[row] & VersionFlags.hasAuthoredDot.rawValue != 0
            let dot = Dot(origin: origin, sequence: first + UInt64(row))
            layBody(
                columns, row: row, dot: dot, authoredDot: isNamed ? authoredDots.popFirst() : nil,
                marks: markRange(row - rows.lowerBound))
        }
        DigestWorker.hash(body, bodyEnds, hashing, into: &digests)
    }

    /// How many rows before this one have an authored dot.
    private func authoredDots(before row: Int, _ columns: VersionColumns) -> Int {
        guard !columns.authoredDots.isEmpty else { return 0 }
        return columns.flags[..<row].reduce(0) {
            $0 + ($1 & VersionFlags.hasAuthoredDot.rawValue != 0 ? 1 : 0)
        }
    }

    mutating func digest(
        _ columns: VersionColumns, row: Int, dot: Dot, authoredDot: Dot?,
        salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) -> Digest {
        try layClasses(columns, rows: row..<(row + 1), salt: salt)
        layBody(columns, row: row, dot: dot, authoredDot: authoredDot, marks: markRange(0))
        var digests: [Digest] = []
        DigestWorker.hash(body, bodyEnds, hashing, into: &digests)
        return digests[0]
    }

    /// The hashes of what lies in `scratch`, appended.
    private static func hash(
        _ scratch: borrowing ByteScratch, _ ends: [UInt32], _ hashing: Hashing, into digests: inout [Digest]
    ) {
        let bytes = scratch.bytes()
        let start = digests.count
        digests.append(contentsOf: repeatElement(.zero, count: ends.count))
        digests.withUnsafeMutableBufferPointer { digests in
            ends.withUnsafeBufferPointer { ends in
                hashing.each(bytes, ends, UnsafeMutableBufferPointer(rebasing: digests[start...]))
            }
        }
    }

    private func markRange(_ row: Int) -> Range<Int> { (row == 0 ? 0 : rowMarks[row - 1])..<rowMarks[row] }

    private mutating func layBody(
        _ columns: VersionColumns, row: Int, dot: Dot, authoredDot: Dot?, marks: Range<Int>
    ) {
        let layout = layouts[Int(columns.group[row])]
        let place = Int(columns.place[row])
        body.put(raw: Canonical.versionMark)
        body.put(word: dot.origin)
        body.put(word: dot.sequence)
        body.put(columns.flags[row] & VersionFlags.digested.rawValue)
        if let authoredDot {
            body.put(word: authoredDot.origin)
            body.put(word: authoredDot.sequence)
        }
        body.put(contexts[Int(columns.context[row])].range, of: names)
        body.put(layout.name, of: names)
        body.put(zigzag: columns.authored[row])
        body.put(zigzag: columns.stated[row])
        body.put(zigzag: columns.firstCreated[row])
        body.put(authors[Int(columns.author[row])].range, of: names)
        body.put(varint: layout.keyCount)
        for column in 0..<layout.keyColumns { body.put(range(layout, column, place), of: cells) }
        putClasses(marks)
        bodyEnds.append(UInt32(truncatingIfNeeded: body.count))
    }

    @inline(__always) private func range(_ layout: GroupLayout, _ column: Int, _ place: Int) -> Range<Int> {
        places[layout.firstCell + column * layout.rows + place].range
    }

    private mutating func put(_ context: Context) {
        names.put(varint: UInt64(context.vector.entries.count))
        for entry in context.vector.entries {
            names.put(word: entry.origin)
            names.put(varint: entry.count)
        }
        names.put(varint: UInt64(context.dots.count))
        for dot in context.dots {
            names.put(word: dot.origin)
            names.put(varint: dot.sequence)
        }
    }

    /// Makes the class hashes of a stretch of rows.
    private mutating func layClasses(
        _ columns: VersionColumns, rows: Range<Int>, salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) {
        body.clear()
        bodyEnds.removeAll(keepingCapacity: true)
        fields.clear()
        fieldEnds.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
        rowMarks.removeAll(keepingCapacity: true)
        for row in rows {
            let layout = layouts[Int(columns.group[row])]
            try layClasses(
                layout, place: Int(columns.place[row]), day: JournalChain.day(of: columns.authored[row]),
                salt: salt)
            rowMarks.append(marks.count)
        }
        classHashes.removeAll(keepingCapacity: true)
        DigestWorker.hash(fields, fieldEnds, hashing, into: &classHashes)
    }

    /// Lays out what the class hashes of a row are made of.
    private mutating func layClasses(
        _ layout: GroupLayout, place: Int, day: Int32, salt: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) {
        for index in layout.runs {
            let run = runs[index]
            var assigned: UInt64 = 0
            for column in run.columns where !range(layout, column, place).isEmpty { assigned += 1 }
            if assigned == 0 { continue }
            let isLocked = kept != nil && salt(day, run.retentionClass) == nil
            if !isLocked {
                let salt = try self.salt(day: day, retentionClass: run.retentionClass, from: salt)
                fields.put(salt)
                fields.put(varint: assigned)
                for column in run.columns { fields.put(range(layout, column, place), of: cells) }
            }
            fieldEnds.append(UInt32(truncatingIfNeeded: fields.count))
            marks.append(ClassMark(retentionClass: run.retentionClass, isLocked: isLocked))
        }
    }

    /// Puts the classes of a row into its body, as they were hashed or as they are kept.
    private mutating func putClasses(_ range: Range<Int>) {
        let countAt = body.count
        body.put(0)
        var count: UInt8 = 0
        for index in range {
            let mark = marks[index]
            var hash = classHashes[index]
            if let kept {
                guard Int(count) < kept.count, kept[Int(count)].retentionClass == mark.retentionClass else {
                    hasStrayed = true
                    continue
                }
                if !mark.isLocked && kept[Int(count)].hash != hash { hasStrayed = true }
                hash = kept[Int(count)].hash
            }
            body.put(mark.retentionClass)
            body.put(hash)
            count += 1
            if isCollecting {
                let start = index == 0 ? 0 : Int(fieldEnds[index - 1])
                collected.append(
                    (
                        KeptHashes.ClassHash(retentionClass: mark.retentionClass, hash: hash),
                        Array(fields.bytes()[start..<Int(fieldEnds[index])])
                    ))
            }
        }
        if let kept, kept.count != Int(count) { hasStrayed = true }
        body.patch(count, at: countAt)
    }

    private mutating func salt(
        day: Int32, retentionClass: RetentionClass, from lookUp: (Int32, RetentionClass) -> Token16?
    ) throws(JournalChain.Failure) -> Token16 {
        if day != saltDay {
            saltDay = day
            salts.removeAll(keepingCapacity: true)
        }
        for at in salts.indices where salts[at].retentionClass == retentionClass { return salts[at].salt }
        guard let salt = lookUp(day, retentionClass) else {
            throw .saltMissing(day: day, retentionClass: retentionClass)
        }
        salts.append((retentionClass, salt))
        return salt
    }
}
