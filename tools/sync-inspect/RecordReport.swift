import Console
import Forms
import SyncCore

/// A record with all versions of it that are held, its fields masked as asked for.
struct RecordReport: Encodable {
    struct Field: Encodable {
        struct Candidate: Encodable {
            var value: String?
            var setter: String
        }

        var id: FieldID
        var name: String
        /// Absent: not stated.
        var value: String?
        var setter: String
        var policy: String
        var conflict: Bool
        /// Latest first.
        var candidates: [Candidate]
    }

    struct Seen: Encodable {
        /// `origin/sequence`: everything of the origin up to there.
        var vector: [String]
        /// `origin/sequence`: these alone.
        var dots: [String]

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

    struct Assigned: Encodable {
        var id: FieldID
        var name: String
        /// Absent: not stated.
        var value: String?
    }

    struct Held: Encodable {
        var dot: String
        var authoredDot: String?
        var revision: UInt32
        var authored: String
        var stated: String
        var firstCreated: String
        var clockTrusted: Bool
        var delete: Bool
        var author: String?
        var context: Seen
        var assigns: [Assigned]
        /// Names of the fields of which it is still a candidate.
        var holds: [String]
        /// Kind and reason, when the centre said something about it.
        var verdicts: [String] = []
        /// Authored, stated and first created, as people read them.
        fileprivate var local: [String] = []

        private enum CodingKeys: String, CodingKey {
            case dot, authoredDot, revision, authored, stated, firstCreated, clockTrusted, delete, author
            case context, assigns, holds, verdicts
        }
    }

    var form: String
    var key: [String]
    var found: Bool
    var exists: Bool
    var conflict: Bool
    var deleteConflict: Bool
    var masked: Bool
    var revision: UInt32?
    var firstCreated: String?
    var seen: Seen
    var fields: [Field]
    var versions: [Held]
    private let times: TimeText
    private let created: Milliseconds?

    private enum CodingKeys: String, CodingKey {
        case form, key, found, exists, conflict, deleteConflict, masked, revision, firstCreated, seen, fields
        case versions
    }

    init(
        _ key: RecordKey, _ state: RecordState?, _ held: [Version], verdicts: [Verdict] = [],
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
                })
        }
        versions = held.map { version in
            var report = RecordReport.held(version, state, masking)
            report.local = [version.authored, version.stated, version.firstCreated].map(times.text)
            report.verdicts = verdicts.filter { $0.dot == version.dot }
                .map { "\($0.kind) \(Masking.clean($0.reason))" }
            return report
        }
    }

    private static func held(_ version: Version, _ state: RecordState?, _ masking: Masking) -> Held {
        let form = version.key.form
        let sibling = state?.siblings.first { $0.dot == version.dot }
        let holds = sibling.map { sibling in
            RecordState.fields(of: sibling).filter { state?.holds(sibling, $0) ?? false }
        }
        return Held(
            dot: RecordText.text(version.dot), authoredDot: version.authoredDot.map { RecordText.text($0) },
            revision: version.formRevision, authored: RecordText.time(version.authored),
            stated: RecordText.time(version.stated), firstCreated: RecordText.time(version.firstCreated),
            clockTrusted: version.clockTrusted, delete: version.isDelete,
            author: masking.author(version.author), context: Seen(version.context),
            assigns: version.assignments.map {
                Assigned(
                    id: $0.field, name: masking.name(of: $0.field, in: form),
                    value: masking.text($0.value, field: $0.field, of: form))
            }, holds: (holds ?? []).map { masking.name(of: $0, in: form) })
    }
}

/// The report as people read it.
extension RecordReport {
    func lines() -> [String] {
        let name = "\(form) \(key.joined(separator: " "))"
        guard found else {
            return [Words("\(name): nothing is known of this record here", zh: "\(name)：此处没有该记录").text()]
        }
        var lines = [headline(name).text(), Words("seen \(seen.text)", zh: "已见 \(seen.text)").text()]
        if !fields.isEmpty {
            lines.append("")
            lines += fieldTable().lines()
        }
        for version in versions { lines += RecordReport.lines(of: version) }
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

    private static func shown(_ value: String?) -> String {
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
                field.name, RecordReport.shown(field.value), field.setter,
                CodeWords.policy(field.policy).text(),
                mark + others,
            ])
        }
        return table
    }

    private static func lines(of version: Held) -> [String] {
        var notes: [String] = []
        if version.delete { notes.append(Words("delete", zh: "删除").text()) }
        if !version.clockTrusted { notes.append(Words("clock not trusted", zh: "时钟不可信").text()) }
        if let dot = version.authoredDot {
            notes.append(Words("first written as \(dot)", zh: "原名 \(dot)").text())
        }
        if let author = version.author { notes.append(Words("author \(author)", zh: "填写人 \(author)").text()) }
        notes += version.verdicts.map { verdict in
            let parts = verdict.split(separator: " ", maxSplits: 1).map(String.init)
            return parts.count == 2 ? CodeWords.verdict(parts[0], parts[1]).text() : verdict
        }
        let holds =
            version.holds.isEmpty
            ? Words("nothing any more", zh: "已无")
            : Words(
                version.holds.joined(separator: ", "),
                zh: version.holds.map { $0 == Masking.existence.en ? Masking.existence.zh : $0 }
                    .joined(separator: ", "))
        let assigns = version.assigns.map { "\($0.name)=\(shown($0.value))" }.joined(separator: ", ")
        return [
            "",
            ([Words("version \(version.dot)", zh: "版本 \(version.dot)").text()] + notes).joined(
                separator: ", "),
            Words(
                "  authored \(version.local[0]), stated \(version.local[1]), "
                    + "first created \(version.local[2])",
                zh: "  写入 \(version.local[0])，陈述时间 \(version.local[1])，最初建立 \(version.local[2])"
            ).text(),
            Words("  context \(version.context.text)", zh: "  所见 \(version.context.text)").text(),
            Words("  assigns \(assigns)", zh: "  设置 \(assigns)").text(),
            Words("  still holds \(holds.en)", zh: "  仍生效 \(holds.zh)").text(),
        ]
    }
}
