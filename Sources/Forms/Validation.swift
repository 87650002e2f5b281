public import SyncCore

extension CompiledForm {
    /// What is to be said of one version by itself.
    public func findings(of version: Version) -> [Finding] {
        let columns = VersionColumns(CollectionOfOne(version))
        return columns.groups.flatMap { findings(in: $0, of: columns) }
    }

    /// What is to be said of the versions of one group: a tight loop per column, nothing allocated for rows
    /// that are in order. `row` of a finding counts in the whole of `columns`.
    public func findings(in group: FormGroup, of columns: VersionColumns) -> [Finding] {
        var report = Report(rows: group.rows)
        guard checkKeys(of: group, &report) else { return report.findings }
        checkTimes(of: group, columns, &report)
        for column in group.fields { check(column, &report) }
        checkRequired(of: group, columns, &report)
        for fields in groups { checkWhole(fields, of: group, &report) }
        checkSize(of: group, &report)
        return report.findings
    }

    /// Collects findings; a place is a row within the group.
    struct Report {
        let rows: [UInt32]
        var findings: [Finding] = []

        init(rows: [UInt32]) { self.rows = rows }

        mutating func refuse(_ place: Int, _ reason: String, _ field: FieldID = 0) {
            findings.append(Finding(row: Int(rows[place]), isRefusal: true, reason: reason, field: field))
        }

        mutating func note(_ place: Int, _ reason: String, _ field: FieldID = 0) {
            findings.append(Finding(row: Int(rows[place]), isRefusal: false, reason: reason, field: field))
        }
    }

    // MARK: - Keys

    /// False when the keys are of another shape, so that nothing else can be said of the rows.
    private func checkKeys(of group: FormGroup, _ report: inout Report) -> Bool {
        let fits =
            group.keys.count == keys.count
            && zip(group.keys, keys).allSatisfy { column, check in column.kind == check.kind }
        guard fits else {
            for place in group.rows.indices { report.refuse(place, Reason.missingKey) }
            return false
        }
        var bound = 0
        for (column, check) in zip(group.keys, keys) {
            for place in column.presence.indices where column.presence[place] != Presence.value.rawValue {
                report.refuse(place, Reason.missingKey)
            }
            if column.isDictionary {
                let texts = EntryScan(column)
                bound += texts.longest
                if texts.hasEmpty || texts.hasBadText {
                    for place in group.rows.indices where column.presence(at: place) == .value {
                        let entry = Int(column.index[place])
                        let length = column.range(ofEntry: entry).count
                        if length == 0 { report.refuse(place, Reason.missingKey) }
                        if texts.isBadText(entry) { report.refuse(place, Reason.badText) }
                    }
                }
            } else if check.isDate {
                let range = Int64(CivilDay.accepted.lowerBound)...Int64(CivilDay.accepted.upperBound)
                for place in column.integers.indices where !range.contains(column.integers[place]) {
                    report.refuse(place, Reason.badDate)
                }
            }
        }
        guard bound + CompiledForm.mostOverhead * group.keys.count > Limits.keyBytes else { return true }
        for place in group.rows.indices {
            let size = group.keys.reduce(0) { $0 + $1.canonicalSize(at: place) }
            if size > Limits.keyBytes { report.refuse(place, Reason.tooLarge) }
        }
        return true
    }

    // MARK: - Times

    private func checkTimes(of group: FormGroup, _ columns: VersionColumns, _ report: inout Report) {
        var cache = OffsetCache(zone: zone)
        let days = day.map { group.keys[$0.key] }
        for place in group.rows.indices {
            let row = Int(group.rows[place])
            let stated = columns.stated[row]
            let first = columns.firstCreated[row]
            guard LocalZone.acceptedTimes.contains(stated), LocalZone.acceptedTimes.contains(first),
                LocalZone.acceptedTimes.contains(columns.authored[row])
            else {
                report.refuse(place, Reason.badTime)
                continue
            }
            if stated > columns.authored[row] { report.note(place, Reason.statedAfterAuthored) }
            let isUntrusted = VersionFlags(rawValue: columns.flags[row]).contains(.clockUntrusted)
            if isUntrusted { report.note(place, Reason.clockUntrusted) }
            guard let check = day, let days, days.presence(at: place) == .value else { continue }
            let day = days.integers[place]
            guard CivilDay.accepted.contains(Int32(clamping: day)) else { continue }
            if !check.period.contains(Int32(clamping: day)) {
                report.refuse(place, Reason.dateOutOfPeriod)
                continue
            }
            // A time that a wrong clock gave says nothing about the day that a person gave.
            if isUntrusted && stated == columns.authored[row] { continue }
            let statedDay = LocalZone.floorDivide(cache.local(stated), 86_400_000)
            if day < statedDay - Int64(check.window) {
                report.refuse(place, Reason.dateOutOfPeriod)
            }
            // A record's later versions inherit what the first one said, also when its clock was wrong.
            let isNew = columns.context[row] == 0
            if statedDay < day || isNew && cache.local(first) < day * 86_400_000 {
                report.refuse(place, check.beforeReason)
            }
        }
    }

    // MARK: - Fields

    private func check(_ column: Column, _ report: inout Report) {
        guard let check = check(of: column.field) else {
            for place in report.rows.indices where column.presence(at: place) != .leftAlone {
                report.note(place, Reason.unknownField, column.field)
            }
            return
        }
        if column.retentionClass != check.retentionClass {
            for place in report.rows.indices where column.presence(at: place) != .leftAlone {
                report.refuse(place, Reason.wrongClass, check.id)
            }
        }
        guard column.kind == check.kind, column.kind != .decimal || column.scale == check.scale else {
            for place in report.rows.indices where column.presence(at: place) == .value {
                report.refuse(place, Reason.wrongKind, check.id)
            }
            return
        }
        if column.isDictionary {
            checkEntries(of: column, check, &report)
        } else if case .range(let range, let reason) = check.content {
            checkRange(of: column, range, reason, &report)
        }
    }

    private func checkRange(
        of column: Column, _ range: ClosedRange<Int64>, _ reason: String, _ report: inout Report
    ) {
        let least = range.lowerBound
        let most = range.upperBound
        var isOutside = false
        for number in column.integers where number < least || number > most { isOutside = true }
        guard isOutside else { return }
        for place in column.integers.indices where !range.contains(column.integers[place]) {
            if column.presence(at: place) == .value { report.refuse(place, reason, column.field) }
        }
    }

    private func checkEntries(of column: Column, _ check: FieldCheck, _ report: inout Report) {
        let scan = EntryScan(column)
        var isWrong: [Bool] = []
        var wrong = Reason.badValue
        if case .choice(let choices, let reason) = check.content {
            wrong = reason
            isWrong = column.ends.indices.map { !CompiledForm.isChosen(column, entry: $0, from: choices) }
        }
        if case .text(let pattern, let longest) = check.content {
            isWrong = column.ends.indices.map { entry in
                let text = String(decoding: column.heap[column.range(ofEntry: entry)], as: UTF8.self)
                return text.unicodeScalars.count > longest || pattern?.matches(text) == false
            }
        }
        let hasWrong = isWrong.contains(true)
        guard hasWrong || scan.hasBadText || scan.longest > Limits.valueBytes else { return }
        for place in report.rows.indices where column.presence(at: place) == .value {
            let entry = Int(column.index[place])
            if column.range(ofEntry: entry).count > Limits.valueBytes {
                report.refuse(place, Reason.tooLarge, check.id)
            } else if scan.isBadText(entry) {
                report.refuse(place, Reason.badText, check.id)
            } else if hasWrong, isWrong[entry] {
                report.refuse(place, wrong, check.id)
            }
        }
    }

    private static func isChosen(_ column: Column, entry: Int, from choices: [[UInt8]]) -> Bool {
        let bytes = column.heap[column.range(ofEntry: entry)]
        guard column.kind == .list else { return choices.contains { bytes.elementsEqual($0) } }
        guard let items = Canonical.decodeList(bytes) else { return false }
        return items.allSatisfy(choices.contains)
    }

    /// A required field may not be made blank, and must be assigned by the version that makes a record.
    private func checkRequired(of group: FormGroup, _ columns: VersionColumns, _ report: inout Report) {
        for check in fields where check.isRequired || !check.requiredIf.isEmpty {
            let own = group.fields.filter { $0.field == check.id }
            let isAsked = isAsked(check, group)
            for place in group.rows.indices {
                let row = Int(group.rows[place])
                if !isAsked[place] || own.contains(where: { $0.presence(at: place) == .value }) { continue }
                let isBlank = own.contains { $0.presence(at: place) == .notStated }
                let isNew =
                    columns.context[row] == 0
                    && group.fields.contains { $0.presence(at: place) != .leftAlone }
                    && !VersionFlags(rawValue: columns.flags[row]).contains(.delete)
                if isBlank || isNew { report.refuse(place, Reason.missingValue, check.id) }
            }
        }
    }

    /// Of each row, whether it must say a field: always, or for what it says of others.
    private func isAsked(_ check: FieldCheck, _ group: FormGroup) -> [Bool] {
        if check.isRequired { return Array(repeating: true, count: group.rows.count) }
        return group.rows.indices.map { place in
            check.requiredIf.contains { condition in
                group.fields.contains {
                    $0.field == condition.field && condition.holds($0.value(at: place))
                }
            }
        }
    }

    /// A version assigns all fields of a merge group or none: they could not move as one otherwise.
    private func checkWhole(_ fields: [FieldID], of group: FormGroup, _ report: inout Report) {
        let columns = group.fields.filter { fields.contains($0.field) }
        if columns.isEmpty { return }
        for place in group.rows.indices {
            let assigned = columns.filter { $0.presence(at: place) != .leftAlone }.map(\.field)
            guard !assigned.isEmpty, let missing = fields.first(where: { !assigned.contains($0) }) else {
                continue
            }
            report.refuse(place, Reason.partialGroup, missing)
        }
    }

    // MARK: - Size

    /// More than the canonical bytes of a value that are not its text: kind, scale, number or length.
    private static let mostOverhead = 16

    /// As the branch counts before it writes: what the version itself assigns, whatever it came with.
    private func checkSize(of group: FormGroup, _ report: inout Report) {
        let bound = group.fields.reduce(0) { sum, column in
            sum + CompiledForm.mostOverhead + (column.isDictionary ? EntryScan.longest(in: column) : 0)
        }
        guard bound > Limits.recordBytes else { return }
        for place in group.rows.indices {
            let size = group.fields.reduce(0) { sum, column in
                let own = column.canonicalSize(at: place)
                return own == 0 ? sum : sum + own + Canonical.fieldOverhead
            }
            if size > Limits.recordBytes { report.refuse(place, Reason.tooLarge) }
        }
    }
}

/// One walk over the dictionary of a column.
private struct EntryScan {
    private(set) var longest = 0
    private(set) var hasEmpty = false
    private var badTexts: [Int] = []

    var hasBadText: Bool { !badTexts.isEmpty }

    init(_ column: Column) {
        longest = EntryScan.longest(in: column)
        var start: UInt32 = 0
        for end in column.ends {
            if end == start { hasEmpty = true }
            start = end
        }
        // Text that is plain ASCII as a whole needs no look at its parts.
        guard column.heap.contains(where: { $0 >= 0x80 }) else { return }
        for entry in column.ends.indices {
            let bytes = column.heap[column.range(ofEntry: entry)]
            if column.kind == .list {
                if Canonical.decodeList(bytes)?.allSatisfy({ EntryScan.isText($0[...]) }) != true {
                    badTexts.append(entry)
                }
            } else if !EntryScan.isText(bytes) {
                badTexts.append(entry)
            }
        }
    }

    func isBadText(_ entry: Int) -> Bool { badTexts.contains(entry) }

    static func longest(in column: Column) -> Int {
        var longest: UInt32 = 0
        var start: UInt32 = 0
        for end in column.ends {
            longest = max(longest, end &- start)
            start = end
        }
        return Int(longest)
    }

    static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }
}

/// The zone's offset, looked up once a quarter of an hour: no zone changes within one. A day's quarters are
/// kept, since times of one group mostly lie on the same days.
struct OffsetCache {
    private let zone: LocalZone
    private var quarters = [Int64](repeating: .min, count: OffsetCache.size)
    private var offsets = [Int64](repeating: 0, count: OffsetCache.size)
    private static let size = 128

    init(zone: LocalZone) { self.zone = zone }

    mutating func local(_ time: Milliseconds) -> Milliseconds {
        let wanted = LocalZone.floorDivide(time, 900_000)
        let slot = Int(truncatingIfNeeded: wanted) & (OffsetCache.size - 1)
        if quarters[slot] != wanted {
            quarters[slot] = wanted
            offsets[slot] = Int64(zone.secondsFromUTC(wanted * 900)) * 1000
        }
        let sum = time.addingReportingOverflow(offsets[slot])
        return sum.overflow ? time : sum.partialValue
    }
}
