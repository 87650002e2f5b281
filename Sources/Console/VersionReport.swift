package import SyncCore

/// One version of a record, with what became of each field that it assigns.
package struct VersionReport: Encodable {
    package struct Assigned: Encodable {
        package var id: FieldID
        package var name: String
        /// Absent: not stated.
        package var value: String?
        /// What became of it: see `History.Outcome`.
        package var outcome: String
        /// Versions that replaced it.
        package var by: [String]
        package var policy: String
        /// The name as people read it.
        fileprivate var shown: String

        private enum CodingKeys: String, CodingKey { case id, name, value, outcome, by, policy }
    }

    package var dot: String
    package var authoredDot: String?
    /// All names that it has, when it was written again after a store was restored or copied.
    package var names: [String]?
    package var revision: UInt32
    package var authored: String
    package var stated: String
    package var firstCreated: String
    package var clockTrusted: Bool
    package var delete: Bool
    package var author: String?
    /// Where it was written, when that is known.
    package var device: String?
    package var context: RecordReport.Seen
    package var assigns: [Assigned]
    /// What became of it as a sign that the record lives, or of the delete.
    package var existence: String?
    /// Names of the fields of which it is still a candidate.
    package var holds: [String]
    /// Names of the fields about which it decided between candidates.
    package var settled: [String]
    /// Kind and reason, when the centre said something about it.
    package var verdicts: [String]
    /// Authored, stated and first created, as people read them.
    private var local: [String]
    private let isBranch: Bool
    private let withdrawn: Words?

    private enum CodingKeys: String, CodingKey {
        case dot, authoredDot, names, revision, authored, stated, firstCreated, clockTrusted, delete, author
        case device, context, assigns, existence, holds, settled, verdicts
    }

    init(
        _ entry: History.Entry, _ state: RecordState?, _ masking: Masking, _ times: TimeText,
        _ around: RecordReport.Surroundings
    ) {
        let version = entry.version
        let form = version.key.form
        let sibling = state?.siblings.first { entry.names.contains($0.dot) }
        let held = sibling.map { sibling in
            RecordState.fields(of: sibling).filter { state?.holds(sibling, $0) ?? false }
        }
        dot = RecordText.text(version.dot)
        authoredDot = version.authoredDot.map { RecordText.text($0) }
        names = entry.names.count > 1 ? entry.names.map { RecordText.text($0) } : nil
        revision = version.formRevision
        authored = RecordText.time(version.authored)
        stated = RecordText.time(version.stated)
        firstCreated = RecordText.time(version.firstCreated)
        clockTrusted = version.clockTrusted
        delete = version.isDelete
        author = masking.author(version.author)
        device = around.device(version.dot.origin).map { Masking.clean($0.text()) }
        context = RecordReport.Seen(version.context)
        assigns = version.assignments.map { assignment in
            let fate = entry.fates.first { $0.field == assignment.field }
            return Assigned(
                id: assignment.field, name: masking.name(of: assignment.field, in: form),
                value: masking.text(assignment.value, field: assignment.field, of: form),
                outcome: fate?.outcome.rawValue ?? "", by: (fate?.by ?? []).map { RecordText.text($0) },
                policy: fate?.policy.rawValue ?? "",
                shown: masking.shownName(of: assignment.field, in: form))
        }
        existence = entry.fates.first { $0.field == RecordState.existence }?.outcome.rawValue
        holds = (held ?? []).map { masking.name(of: $0, in: form) }
        settled = entry.settled.flatMap(\.fields).map { masking.name(of: $0, in: form) }
        isBranch = around.isBranch
        withdrawn = WithdrawnWords.words(of: version, masking.forms)
        local = [version.authored, version.stated, version.firstCreated].map(times.text)
        verdicts = around.verdicts.filter { entry.names.contains($0.dot) }
            .map { "\($0.kind) \(Masking.clean($0.reason))" }
    }

    func lines() -> [String] {
        var notes: [String] = []
        if delete { notes.append((withdrawn ?? Words("delete", zh: "删除")).text()) }
        if !clockTrusted { notes.append(Words("clock not trusted", zh: "时钟不可信").text()) }
        if let authoredDot {
            notes.append(Words("first written as \(authoredDot)", zh: "原名 \(authoredDot)").text())
        }
        if let others = names?.filter({ $0 != dot && $0 != authoredDot }), !others.isEmpty {
            let list = others.joined(separator: ", ")
            notes.append(Words("the same version as \(list)", zh: "与 \(list) 为同一版本").text())
        }
        if let device { notes.append(device) }
        if let author { notes.append(Words("author \(author)", zh: "填写人 \(author)").text()) }
        if !settled.isEmpty {
            let existence = Masking.existence
            let names = settled.map { $0 == existence.en ? existence.text() : $0 }.joined(separator: ", ")
            notes.append(Words("decided \(names)", zh: "裁定了 \(names)").text())
        }
        notes += verdicts.map { verdict in
            let parts = verdict.split(separator: " ", maxSplits: 1).map(String.init)
            return parts.count == 2 ? CodeWords.verdict(parts[0], parts[1]).text() : verdict
        }
        let head = [Words("version \(dot)", zh: "版本 \(dot)").text()] + notes
        var lines = [
            head.joined(separator: ", "),
            Words(
                "  authored \(local[0]), stated \(local[1]), first created \(local[2])",
                zh: "  写入 \(local[0])，陈述时间 \(local[1])，最初建立 \(local[2])"
            ).text(),
            Words("  context \(context.text)", zh: "  所见 \(context.text)").text(),
        ]
        if assigns.isEmpty && !delete {
            lines.append(Words("  assigns nothing", zh: "  未设置任何字段").text())
        }
        for (what, fields) in outcomes() {
            lines.append("  \(what.text()): \(fields.joined(separator: ", "))")
        }
        return lines
    }

    /// A branch knows of what it holds alone.
    package static func inForce(isBranch: Bool) -> Words {
        isBranch ? Words("in force here", zh: "在本机生效") : Words("in force", zh: "生效")
    }

    /// More blank fields with one outcome are only counted.
    private static let blanksShown = 3

    /// Fields with the same outcome together, in the order in which they come first.
    private func outcomes() -> [(Words, [String])] {
        var result: [(what: Words, stated: [String], blank: [String])] = []
        for field in assigns {
            let what = VersionReport.words(field, isBranch: isBranch)
            let known = result.firstIndex { $0.what == what } ?? result.count
            if known == result.count { result.append((what, [], [])) }
            let text = "\(field.shown)=\(RecordReport.shown(field.value))"
            if field.value == nil {
                result[known].blank.append(text)
            } else {
                result[known].stated.append(text)
            }
        }
        return result.map { part in
            let count = part.blank.count
            if count <= VersionReport.blanksShown { return (part.what, part.stated + part.blank) }
            let counted = Words("\(count) fields not stated", zh: "另有 \(count) 个字段未填").text()
            return (part.what, part.stated + [counted])
        }
    }

    private static func words(_ field: Assigned, isBranch: Bool) -> Words {
        let policy = CodeWords.policy(field.policy)
        return switch History.Outcome(rawValue: field.outcome) {
        case .inForce: VersionReport.inForce(isBranch: isBranch)
        case .same: Words("says the same as what is in force", zh: "与生效值相同")
        case .merged: Words("among what is in force (\(policy.en))", zh: "已并入生效值（\(policy.zh)）")
        case .inQuestion: Words("in question, until somebody decides", zh: "有冲突，待裁定")
        case .overruled: Words("set aside by the rule \(policy.en)", zh: "按“\(policy.zh)”的规则未采用")
        case .replaced:
            Words(
                "replaced by \(field.by.joined(separator: ", ")), whose author was shown it",
                zh: "已被 \(field.by.joined(separator: "、")) 取代（其作者已见过它）")
        case .heldBack: Words("held back, does not count", zh: "已扣留，不计入")
        case nil: Words("assigned", zh: "已设置")
        }
    }
}
