/// Counts records that are shown to it one after the other into the parts of an answer.
///
/// Memory is bounded by ``Limits``, whatever is shown.
public struct TallyBuilder: Sendable {
    fileprivate struct Part: Sendable {
        let path: TallyPath
        var groups: [TallyPath: Tally] = [:]
        /// Group of the record before, which most belong to as well.
        var last: (place: TallyPlace, path: TallyPath, tally: Tally)?
        var records: [TallyRecord] = []
        var hashes: [UInt64] = []
        var total: UInt64 = 0
        var isCut = false
    }

    /// Bytes of entries after which an answer is cut, roughly.
    static let answerBytes = 262_144

    private var parts: [Part]

    public init(_ paths: [TallyPath]) { parts = paths.map { Part(path: $0) } }

    /// - Parameter key: canonical bytes; asked for only where records are named.
    public mutating func add(
        _ place: TallyPlace, _ record: RecordPrint, flags: TallyFlags, key: () throws -> [UInt8]
    ) rethrows {
        for index in parts.indices where parts[index].path.contains(place, hash: record.hash) {
            try parts[index].add(place, record, flags: flags, key: key)
        }
    }

    public func answer(position: UInt64, today: Int32) -> TallyAnswer {
        var left = Limits.tallyEntries
        var bytes = TallyBuilder.answerBytes
        let answered = parts.map { part -> TallyAnswer.Part in
            var part = part
            part.flush()
            let content = part.content(&left, &bytes)
            return TallyAnswer.Part(path: part.path, content: content.0, isCut: content.isCut)
        }
        return TallyAnswer(position: position, today: today, parts: answered)
    }
}

extension TallyBuilder.Part {
    mutating func add(
        _ place: TallyPlace, _ record: RecordPrint, flags: TallyFlags, key: () throws -> [UInt8]
    ) rethrows {
        total += 1
        if path.mayNameRecords, records.count < Limits.tallyRecords {
            records.append(TallyRecord(key: try key(), print: record.print, flags: flags.intersection(.sent)))
            hashes.append(record.hash)
        }
        let isMoving = !flags.isDisjoint(with: .apart)
        if let last, path.isOneChild(last.place, place) {
            self.last?.tally.add(record.print, isMoving: isMoving)
            return
        }
        guard let child = path.child(place, hash: record.hash) else { return }
        flush()
        last = (place, child, Tally())
        last?.tally.add(record.print, isMoving: isMoving)
        if path.mayNameRecords { flush() }
    }

    mutating func flush() {
        guard let last else { return }
        self.last = nil
        if groups[last.path] == nil, groups.count >= Limits.tallyEntries {
            isCut = true
            return
        }
        groups[last.path, default: Tally()] += last.tally
    }

    /// Takes what it needs of the entries and bytes that are left.
    func content(
        _ left: inout Int, _ bytes: inout Int
    ) -> (TallyAnswer.Content, isCut: Bool) {
        if path.mayNameRecords, total <= UInt64(Limits.tallyRecords) || groups.isEmpty {
            let order = records.indices.sorted { hashes[$0] < hashes[$1] }
            var named: [TallyRecord] = []
            for index in order where left > 0 && bytes > 0 {
                named.append(records[index])
                left -= 1
                bytes -= records[index].key.count + 12
            }
            return (.records(named), UInt64(named.count) < total)
        }
        var named: [TallyGroup] = []
        for child in groups.keys.sorted(by: TallyPath.precedes) where left > 0 && bytes > 0 {
            named.append(TallyGroup(path: child, tally: groups[child] ?? Tally()))
            left -= 1
            bytes -= child.form.count + 24 + (child.unit?.count ?? 0)
        }
        return (.groups(named), isCut || named.count < groups.count)
    }
}

extension TallyPath {
    /// Whether records at both places belong to one child; false also where that takes more to find out.
    fileprivate func isOneChild(_ one: TallyPlace, _ other: TallyPlace) -> Bool {
        switch self {
        case .all:
            one.form == other.form
                && one.day.map(TallyPath.period(of:)) == other.day.map(TallyPath.period(of:))
        case .period: one.day == other.day
        case .day: one.unit == other.unit
        case .unit, .bucket: false
        }
    }

    var unit: [UInt8]? {
        switch self {
        case .unit(_, _, let unit), .bucket(_, _, let unit, _, _): unit
        default: nil
        }
    }

    /// The order in which answers name children.
    static func precedes(_ left: TallyPath, _ right: TallyPath) -> Bool {
        if left.form != right.form { return left.form.lexicographicallyPrecedes(right.form) }
        switch (left, right) {
        case (.period(_, let one), .period(_, let other)): return one < other
        case (.day(_, let one), .day(_, let other)):
            return (one.map { Int64($0) } ?? .min) < (other.map { Int64($0) } ?? .min)
        case (.unit(_, _, let one), .unit(_, _, let other)): return one.lexicographicallyPrecedes(other)
        case (.bucket(_, _, _, _, let one), .bucket(_, _, _, _, let other)): return one < other
        case (.day, .period): return true
        default: return false
        }
    }
}
