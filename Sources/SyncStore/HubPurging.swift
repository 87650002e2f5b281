package import Forms
package import SyncCore

/// What a purge of a hub's store took out, or would.
public struct Purge: Sendable, Hashable {
    public struct Counts: Sendable, Hashable {
        /// Versions of which some values went.
        public var trimmed = 0
        /// Versions that went whole.
        public var removed = 0
        /// Records that went with all their versions.
        public var records = 0
    }

    public var forms: [String: Counts] = [:]
    /// Nothing more is over.
    public var isComplete = false

    public init() {}

    public var isEmpty: Bool { forms.isEmpty }

    public mutating func add(_ other: Purge) {
        for (form, counts) in other.forms {
            forms[form, default: Counts()].trimmed += counts.trimmed
            forms[form, default: Counts()].removed += counts.removed
            forms[form, default: Counts()].records += counts.records
        }
        isComplete = other.isComplete
    }

    /// For the audit: forms and counts, in the order of the forms' names.
    package var detail: String {
        forms.sorted { $0.key < $1.key }.map { form, counts in
            "\(form): \(counts.trimmed) trimmed, \(counts.removed) removed"
        }.joined(separator: "; ")
    }
}

/// What a purge makes of one segment's rows.
package struct SegmentPurge {
    /// As many as there were: one that is gone holds nothing of what it said.
    package var versions: [Version] = []
    package var trimmed: [Int] = []
    /// Rows that go now.
    package var gone: [Int] = []
    /// What the rows that go or are trimmed said, before.
    package var before: [Int: Version] = [:]
    /// The salts that must not outlive this: with them what went could be guessed from its hash.
    package var salts: Set<SaltName> = []
    /// When to look at the segment again.
    package var due: Int32?

    package struct SaltName: Sendable, Hashable {
        /// UTC day of authoring.
        package var day: Int32
        package var retentionClass: RetentionClass

        package init(day: Int32, retentionClass: RetentionClass) {
            self.day = day
            self.retentionClass = retentionClass
        }
    }

    package var isEmpty: Bool { trimmed.isEmpty && gone.isEmpty }

    /// - Parameters:
    ///   - first: the sequence of the first row.
    ///   - gone: rows that went in an earlier purge.
    package init(
        _ rows: VersionColumns, origin: OriginID, first: UInt64, gone earlier: Set<Int>,
        _ retention: Retention
    ) {
        versions.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let version = rows.version(at: row, dot: Dot(origin: origin, sequence: first + UInt64(row)))
            if earlier.contains(row) {
                versions.append(version)
                continue
            }
            let day = JournalChain.day(of: version.authored)
            if retention.isFresh(authored: version.authored) {
                versions.append(version)
                if let next = retention.firstDayOver(version) { look(again: max(next, day + 2)) }
            } else if retention.isOver(version.key) {
                gone.append(row)
                before[row] = version
                for assignment in version.assignments {
                    salts.insert(SaltName(day: day, retentionClass: assignment.retentionClass))
                }
                versions.append(version.blank)
            } else if let left = retention.trimmed(version) {
                trimmed.append(row)
                before[row] = version
                for (old, new) in zip(version.assignments, left.assignments) where old.value != new.value {
                    salts.insert(SaltName(day: day, retentionClass: old.retentionClass))
                }
                versions.append(left)
                if let next = retention.firstDayOver(left) { look(again: next) }
            } else {
                versions.append(version)
                if let next = retention.firstDayOver(version) { look(again: next) }
            }
        }
        // Never twice on one day.
        due = due.map { max($0, retention.today + 1) }
    }

    private mutating func look(again day: Int32) { due = min(due ?? .max, day) }

    /// Counts it into `purge`.
    package func count(into purge: inout Purge) {
        for row in trimmed {
            guard let form = before[row]?.key.form else { continue }
            purge.forms[form, default: Purge.Counts()].trimmed += 1
        }
        for row in gone {
            guard let form = before[row]?.key.form else { continue }
            purge.forms[form, default: Purge.Counts()].removed += 1
        }
    }
}

extension Version {
    /// Keeps the place of a version that is gone: nothing of it but its form's name.
    fileprivate var blank: Version {
        let values = key.values.map { value -> Value in
            switch value {
            case .notStated: .notStated
            case .integer: .integer(0)
            case .decimal(_, let scale): .decimal(unscaled: 0, scale: scale)
            case .text: .text([])
            case .list: .list([])
            }
        }
        return Version(
            dot: dot, key: RecordKey(form: key.form, values: values), formRevision: formRevision, authored: 0,
            stated: 0, firstCreated: 0, assignments: [])
    }
}
