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
