package import Forms
package import SyncCore

/// A record with all versions of it that are held, its fields masked as asked for.
package struct RecordReport: Encodable {
    package struct Field: Encodable {
        package struct Candidate: Encodable {
            package var value: String?
            package var setter: String
        }

        package var id: FieldID
        package var name: String
        /// Absent: not stated.
        package var value: String?
        package var setter: String
        package var policy: String
        package var conflict: Bool
        /// Latest first.
        package var candidates: [Candidate]
        /// The name as people read it.
        fileprivate var shown: String

        private enum CodingKeys: String, CodingKey {
            case id, name, value, setter, policy, conflict, candidates
        }
    }

    package struct Seen: Encodable {
        /// `origin/sequence`: everything of the origin up to there.
        package var vector: [String]
        /// `origin/sequence`: these alone.
        package var dots: [String]

        init(_ context: Context) {
            vector = context.vector.entries.map {
                RecordText.text(Dot(origin: $0.origin, sequence: $0.count))
            }
            dots = context.dots.map { RecordText.text($0) }
        }

        var text: String {
            vector.isEmpty && dots.isEmpty
                ? "{}" : "{" + (vector.map { "≤" + $0 } + dots).joined(separator: ", ") + "}"
        }
    }

    /// What the caller knows beside the record itself.
    package struct Surroundings {
        package var verdicts: [Verdict]
        /// Versions that are kept and do not count.
        package var heldBack: Set<Dot>
        /// What an origin's device is called; nil where that is not known.
        package var device: (OriginID) -> Words?
        /// Others may have written what is not fed here.
        package var isBranch: Bool

        package init(
            verdicts: [Verdict] = [], heldBack: Set<Dot> = [], isBranch: Bool = false,
            device: @escaping (OriginID) -> Words? = { _ in nil }
        ) {
            self.verdicts = verdicts
            self.heldBack = heldBack
            self.device = device
            self.isBranch = isBranch
        }
    }

    package var form: String
    package var key: [String]
    package var found: Bool
    package var exists: Bool
    package var conflict: Bool
    package var deleteConflict: Bool
    package var masked: Bool
    package var revision: UInt32?
    package var firstCreated: String?
    package var seen: Seen
    package var fields: [Field]
    /// Each behind what its author had been shown.
    package var versions: [VersionReport]
    private let times: TimeText
    private let created: Milliseconds?

    private enum CodingKeys: String, CodingKey {
        case form, key, found, exists, conflict, deleteConflict, masked, revision, firstCreated, seen, fields
        case versions
    }

    package init(
        _ key: RecordKey, _ state: RecordState?, _ held: [Version], _ around: Surroundings = Surroundings(),
        forms: FormCatalog, masking: Masking, times: TimeText = TimeText(zone: "UTC")
    ) {
        self.times = times
        created = state.flatMap { $0.firstCreated == .max ? nil : $0.firstCreated }
        let form = key.form
        let rules = forms[form]?.mergeRules ?? .latest
        let effective = state?.effective(under: rules)
        self.form = Masking.clean(form)
        self.key = masking.text(key)
        found = state != nil || !held.isEmpty
        exists = effective?.exists ?? false
        conflict = effective?.hasConflict ?? false
        deleteConflict = effective?.isDeleteConflict ?? false
        masked = !masking.unmask
        revision = state?.formRevision
        firstCreated = created.map(RecordText.time)
        seen = Seen(state?.seen ?? .empty)
        fields = (effective?.fields ?? []).map { field in
            Field(
                id: field.field, name: masking.name(of: field.field, in: form),
                value: masking.text(field.value, field: field.field, of: form),
                setter: RecordText.text(field.setter),
                policy: rules.policy(of: field.field, at: state?.formRevision ?? 0).rawValue,
                conflict: field.isConflict,
                candidates: field.candidates.map {
                    Field.Candidate(
                        value: masking.text($0.value, field: field.field, of: form),
                        setter: RecordText.text($0.setter))
                }, shown: masking.shownName(of: field.field, in: form))
        }
        versions = History(held, heldBack: around.heldBack, under: rules).entries.map { entry in
            VersionReport(entry, state, masking, times, around)
        }
    }
}

/// The report as people read it.
extension RecordReport {
    package func lines() -> [String] {
        let name = "\(form) \(key.joined(separator: " "))"
        guard found else {
            return [Words("\(name): nothing is known of this record here", zh: "\(name)：此处没有该记录").text()]
        }
        var lines = [headline(name).text(), Words("seen \(seen.text)", zh: "已见 \(seen.text)").text()]
        if !fields.isEmpty {
            lines.append("")
            lines += fieldTable().lines()
        }
        for version in versions { lines += [""] + version.lines() }
        return lines
    }

    private func headline(_ name: String) -> Words {
        let created = created.map(times.text).map {
            Words(", first created \($0) (\(times.name))", zh: "，最初建立于 \($0)（\(times.name)）")
        }
        let state =
            deleteConflict
            ? Words("deleted and edited, and neither author saw the other", zh: "同时被删除和修改，双方互不知情")
            : conflict
                ? Words("fields in conflict", zh: "有冲突的字段")
                : exists ? Words("no conflict", zh: "无冲突") : Words("not in force", zh: "不生效")
        return Words(
            "\(name): versions held \(versions.count), \(state.en)",
            zh: "\(name)：\(versions.count) 个版本，\(state.zh)"
        )
        .joined(created ?? Words("", zh: ""))
    }

    static func shown(_ value: String?) -> String {
        value ?? Words("(not stated)", zh: "（未填）").text()
    }

    private func fieldTable() -> TextTable {
        var table = TextTable(
            [
                Words("field", zh: "字段"), Words("value", zh: "生效值"), Words("set by", zh: "来自版本"),
                Words("policy", zh: "合并规则"), Words("beside it", zh: "其他候选"),
            ].map { $0.text() })
        for field in fields {
            let others = field.candidates.filter { $0.setter != field.setter }
                .map { "\(RecordReport.shown($0.value)) (\($0.setter))" }.joined(separator: ", ")
            let mark = field.conflict ? Words("CONFLICT ", zh: "冲突 ").text() : ""
            table.add([
                field.shown, RecordReport.shown(field.value), field.setter,
                CodeWords.policy(field.policy).text(), mark + others,
            ])
        }
        return table
    }
}
