extension VersionColumns {
    /// Lays versions out as columns. Dots are not kept here: a batch implies them, a feed carries them
    /// beside.
    ///
    /// - Parameter afterHole: rows to mark with `.afterHole` (feed only).
    public init(_ versions: some Collection<Version>, afterHole: (Int) -> Bool = { _ in false }) {
        self.init()
        var builders: [GroupBuilder] = []
        var groupIndex: [GroupName: Int] = [:]
        var authorIndex: [[UInt8]: UInt32] = [:]
        var contextIndex: [Context: UInt32] = [.empty: 0]
        for (row, version) in versions.enumerated() {
            authored.append(version.authored)
            stated.append(version.stated)
            firstCreated.append(version.firstCreated)
            var flags: VersionFlags = []
            if version.isDelete { flags.insert(.delete) }
            if !version.clockTrusted { flags.insert(.clockUntrusted) }
            if afterHole(row) { flags.insert(.afterHole) }
            if let first = version.authoredDot {
                flags.insert(.hasAuthoredDot)
                authoredDots.append(first)
            }
            self.flags.append(flags.rawValue)
            author.append(Self.intern(version.author, in: &authors, index: &authorIndex))
            context.append(Self.intern(version.context, in: &contexts, index: &contextIndex))
            let name = GroupName(version)
            let index = groupIndex[name] ?? builders.count
            if index == builders.count {
                groupIndex[name] = index
                builders.append(GroupBuilder(name))
            }
            group.append(UInt32(index))
            place.append(UInt32(builders[index].rows.count))
            builders[index].append(version, row: row)
        }
        groups = builders.map { $0.finish() }
    }

    /// Lays rows of several batches out together, column by column: the same as of their versions one by one,
    /// at a fraction of the work.
    package init(gathering pieces: some Sequence<Piece>) {
        self.init()
        var builders: [GroupBuilder] = []
        var groupIndex: [GroupName: Int] = [:]
        var authorIndex: [[UInt8]: UInt32] = [:]
        var contextIndex: [Context: UInt32] = [.empty: 0]
        for piece in pieces {
            let source = piece.columns
            let dots = source.placesOfAuthoredDots
            var authorOf = [UInt32?](repeating: nil, count: source.authors.count)
            var contextOf = [UInt32?](repeating: nil, count: source.contexts.count)
            var groupOf = [Int?](repeating: nil, count: source.groups.count)
            var moves = [[Move]](repeating: [], count: source.groups.count)
            for row in piece.rows {
                authored.append(source.authored[row])
                stated.append(source.stated[row])
                firstCreated.append(source.firstCreated[row])
                var flags = VersionFlags(rawValue: source.flags[row]).intersection(.digested)
                if piece.afterHole.contains(row) { flags.insert(.afterHole) }
                self.flags.append(flags.rawValue)
                if let dot = dots[row] { authoredDots.append(source.authoredDots[dot]) }
                let named = Int(source.author[row])
                let itsAuthor =
                    authorOf[named] ?? Self.intern(source.authors[named], in: &authors, index: &authorIndex)
                authorOf[named] = itsAuthor
                author.append(itsAuthor)
                let seen = Int(source.context[row])
                let itsContext =
                    contextOf[seen] ?? Self.intern(source.contexts[seen], in: &contexts, index: &contextIndex)
                contextOf[seen] = itsContext
                context.append(itsContext)
                let from = Int(source.group[row])
                let index =
                    groupOf[from] ?? Self.group(source.groups[from], in: &builders, index: &groupIndex)
                groupOf[from] = index
                group.append(UInt32(index))
                place.append(UInt32(builders[index].rows.count))
                moves[from].append(Move(from: Int(source.place[row]), to: builders[index].rows.count))
                builders[index].rows.append(UInt32(self.flags.count - 1))
            }
            for (from, moves) in moves.enumerated() where !moves.isEmpty {
                builders[groupOf[from] ?? 0].append(source.groups[from], moves)
            }
        }
        groups = builders.map { $0.finish() }
    }

    private static func group(
        _ group: FormGroup, in builders: inout [GroupBuilder], index: inout [GroupName: Int]
    ) -> Int {
        let name = GroupName(group)
        if let known = index[name] { return known }
        index[name] = builders.count
        builders.append(GroupBuilder(name))
        return builders.count - 1
    }

    /// Of each row that has one, where its authored dot lies.
    private var placesOfAuthoredDots: [Int: Int] {
        guard !authoredDots.isEmpty else { return [:] }
        let rows = flags.indices.filter { VersionFlags(rawValue: flags[$0]).contains(.hasAuthoredDot) }
        return Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($0.element, $0.offset) })
    }

    private static func intern<Element: Hashable>(
        _ element: Element, in table: inout [Element], index: inout [Element: UInt32]
    ) -> UInt32 {
        if let known = index[element] { return known }
        let next = UInt32(table.count)
        table.append(element)
        index[element] = next
        return next
    }
}

extension VersionColumns {
    /// Rows of one batch.
    package struct Piece: Sendable {
        package var columns: VersionColumns
        /// Ascending.
        package var rows: [Int]
        /// Those of the rows that are to be marked with `.afterHole`.
        package var afterHole: Set<Int>

        package init(_ columns: VersionColumns, rows: [Int], afterHole: Set<Int> = []) {
            self.columns = columns
            self.rows = rows
            self.afterHole = afterHole
        }
    }
}

/// A row's place in the group that it comes from, and in the one that it goes to.
private struct Move {
    var from: Int
    var to: Int
}

/// What puts versions into one group: form, revision, and how their keys lie.
private struct GroupName: Hashable {
    var form: String
    var formBytes: [UInt8]
    var revision: UInt32
    var keyKinds: [UInt16]

    init(_ version: Version) {
        form = version.key.form
        formBytes = Array(version.key.form.utf8)
        revision = version.formRevision
        keyKinds = version.key.values.map { value in
            if case .decimal(_, let scale) = value {
                return UInt16(ValueKind.decimal.rawValue) << 8 | UInt16(scale)
            }
            return UInt16(value.kind?.rawValue ?? 0) << 8
        }
    }

    init(_ group: FormGroup) {
        form = group.form
        formBytes = Array(group.form.utf8)
        revision = group.revision
        keyKinds = group.keys.map { column in
            UInt16(column.kind.rawValue) << 8 | UInt16(column.kind == .decimal ? column.scale : 0)
        }
    }
}

/// Where a field's values go: a field with mixed kinds, scales or classes gets a column for each.
private struct ColumnName: Hashable, Comparable {
    var field: FieldID
    var kind: UInt8
    var scale: UInt8
    var retentionClass: RetentionClass

    static func < (left: ColumnName, right: ColumnName) -> Bool {
        (left.field, left.kind, left.scale, left.retentionClass)
            < (right.field, right.kind, right.scale, right.retentionClass)
    }
}

private struct GroupBuilder {
    let name: GroupName
    var rows: [UInt32] = []
    var keys: [ColumnBuilder] = []
    var fields: [ColumnName: ColumnBuilder] = [:]
    /// Fields that have been left unstated before any row gave them a kind.
    var kindless: [(place: Int, assignment: Assignment)] = []

    init(_ name: GroupName) { self.name = name }

    mutating func append(_ version: Version, row: Int) {
        let place = rows.count
        rows.append(UInt32(row))
        for (index, value) in version.key.values.enumerated() {
            if keys.count == index {
                keys.append(ColumnBuilder(kind: value.kind ?? .text, scale: value.scale))
            }
            keys[index].set(value, at: place)
        }
        for assignment in version.assignments {
            guard let kind = assignment.value.kind else {
                kindless.append((place, assignment))
                continue
            }
            let column = ColumnName(
                field: assignment.field, kind: kind.rawValue, scale: assignment.value.scale,
                retentionClass: assignment.retentionClass)
            fields[column, default: ColumnBuilder(kind: kind, scale: assignment.value.scale)]
                .set(assignment.value, at: place)
        }
    }

    /// Rows of another group of the same name, whose places are known here already.
    mutating func append(_ group: FormGroup, _ moves: [Move]) {
        for (index, column) in group.keys.enumerated() {
            if keys.count == index { keys.append(ColumnBuilder(kind: column.kind, scale: column.scale)) }
            keys[index].append(column, moves)
        }
        for column in group.fields {
            var hasValue = false
            for move in moves {
                switch column.presence(at: move.from) {
                case .value: hasValue = true
                case .notStated:
                    let unstated = Assignment(
                        field: column.field, retentionClass: column.retentionClass, value: .notStated)
                    kindless.append((move.to, unstated))
                case .leftAlone: break
                }
            }
            guard hasValue else { continue }
            let scale = column.kind == .decimal ? column.scale : 0
            let name = ColumnName(
                field: column.field, kind: column.kind.rawValue, scale: scale,
                retentionClass: column.retentionClass)
            fields[name, default: ColumnBuilder(kind: column.kind, scale: scale)].append(column, moves)
        }
    }

    func finish() -> FormGroup {
        var columns = fields
        for (place, assignment) in kindless {
            let name =
                columns.keys.filter {
                    $0.field == assignment.field && $0.retentionClass == assignment.retentionClass
                }.min()
                ?? ColumnName(
                    field: assignment.field, kind: ValueKind.text.rawValue, scale: 0,
                    retentionClass: assignment.retentionClass)
            columns[name, default: ColumnBuilder(kind: .text, scale: 0)].leaveUnstated(at: place)
        }
        return FormGroup(
            form: name.form, revision: name.revision, rows: rows,
            keys: keys.enumerated().map { index, builder in
                builder.finish(
                    ColumnName(field: FieldID(index), kind: 0, scale: 0, retentionClass: 0), rows: rows.count)
            },
            fields: columns.keys.sorted().map { name in
                (columns[name] ?? ColumnBuilder(kind: .text, scale: 0)).finish(name, rows: rows.count)
            })
    }
}

private struct ColumnBuilder {
    var column: Column
    var known: [[UInt8]: UInt32] = [:]

    init(kind: ValueKind, scale: UInt8) {
        column = Column(field: 0, kind: kind, scale: scale)
    }

    mutating func set(_ value: Value, at place: Int) {
        if place < column.presence.count {
            // A kindless value that comes after the others: the row was padded already.
            column.presence[place] = Presence.notStated.rawValue
            return
        }
        pad(to: place)
        var presence = Presence.value
        switch value {
        case .notStated:
            presence = .notStated
            if column.isDictionary { column.index.append(0) } else { column.integers.append(0) }
        case .integer(let number): column.integers.append(number)
        case .decimal(let unscaled, _): column.integers.append(unscaled)
        case .text(let bytes): column.index.append(entry(bytes))
        case .list(let items): column.index.append(entry(Canonical.encodeList(items)))
        }
        column.presence.append(presence.rawValue)
    }

    /// The values of another column of the same kind.
    mutating func append(_ source: Column, _ moves: [Move]) {
        var entries = [UInt32?](repeating: nil, count: source.ends.count)
        for move in moves where source.presence(at: move.from) == .value {
            pad(to: move.to)
            if column.isDictionary {
                let place = Int(source.index[move.from])
                let known = entries[place] ?? entry(Array(source.heap[source.range(ofEntry: place)]))
                entries[place] = known
                column.index.append(known)
            } else {
                column.integers.append(source.integers[move.from])
            }
            column.presence.append(Presence.value.rawValue)
        }
    }

    /// For a row that may lie before others that have been set already.
    mutating func leaveUnstated(at place: Int) {
        pad(to: place + 1)
        column.presence[place] = Presence.notStated.rawValue
    }

    private mutating func entry(_ bytes: [UInt8]) -> UInt32 {
        if let index = known[bytes] { return index }
        let index = UInt32(column.ends.count)
        column.heap.append(contentsOf: bytes)
        column.ends.append(UInt32(column.heap.count))
        known[bytes] = index
        return index
    }

    private mutating func pad(to place: Int) {
        while column.presence.count < place {
            column.presence.append(Presence.leftAlone.rawValue)
            if column.isDictionary { column.index.append(0) } else { column.integers.append(0) }
        }
    }

    func finish(_ name: ColumnName, rows: Int) -> Column {
        var copy = self
        copy.pad(to: rows)
        copy.column.field = name.field
        copy.column.retentionClass = name.retentionClass
        if copy.column.presence.allSatisfy({ $0 == Presence.value.rawValue }) { copy.column.presence = [] }
        return copy.column
    }
}

extension Value {
    /// Decimal digits after the point; 0 for everything but decimals.
    public var scale: UInt8 {
        if case .decimal(_, let scale) = self { return scale }
        return 0
    }
}
