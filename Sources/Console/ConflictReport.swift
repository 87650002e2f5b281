import Forms
import SyncCore

/// One record in question, as the list shows it.
struct ConflictRow: Encodable {
    var form: String
    var key: [String]
    /// The unit under which it counts.
    var unit: String?
    /// Names of the fields; `record` where a delete stands beside an edit.
    var fields: [String]
    /// When the second answer was first written.
    var since: String
    /// To be handed back with a decision.
    var shown: String
    fileprivate var local: String
    /// The fields as people read them.
    fileprivate var shownFields: [String]

    private enum CodingKeys: String, CodingKey { case form, key, unit, fields, since, shown }

    init(
        _ key: RecordKey, _ state: RecordState, _ conflicts: [Conflict], unit: String?,
        _ definition: FormDefinition, times: TimeText
    ) {
        form = Masking.clean(key.form)
        self.key = Masking(forms: FormCatalog([definition]), unmask: true).text(key)
        self.unit = unit.map(Masking.clean)
        fields = conflicts.map { ConflictNames.subject($0, in: definition) }
        shownFields = conflicts.map { ConflictNames.shown($0, in: definition) }
        let first = conflicts.map(\.since).min() ?? 0
        since = RecordText.time(first)
        local = times.text(first)
        shown = ShownCode.text([state])
    }

    static func lines(_ rows: [ConflictRow], times: TimeText) -> [String] {
        var table = TextTable(
            [
                Words("form", zh: "表单"), Words("record", zh: "记录"), Words("unit", zh: "单位"),
                Words("since (\(times.name))", zh: "始于（\(times.name)）"), Words("in question", zh: "待裁定"),
            ].map { $0.text() })
        for row in rows {
            table.add([
                row.form, row.key.joined(separator: " "), row.unit ?? "", row.local,
                row.shownFields.joined(separator: ", "),
            ])
        }
        return table.lines()
    }
}

/// How conflicts are called on the command line.
enum ConflictNames {
    static let record = "record"

    /// One word for a field, a merge group (joined by `+`), or `record`.
    static func subject(_ conflict: Conflict, in form: FormDefinition) -> String {
        conflict.isAboutExistence
            ? record : conflict.fields.map { name(of: $0, in: form) }.joined(separator: "+")
    }

    /// As people read it.
    static func shown(_ conflict: Conflict, in form: FormDefinition) -> String {
        conflict.isAboutExistence
            ? Words("record", zh: "整条记录（record）").text()
            : conflict.fields.map { Masking.shownName(of: $0, in: form) ?? name(of: $0, in: form) }
                .joined(separator: "+")
    }

    static func name(of id: FieldID, in form: FormDefinition) -> String {
        form.field(id)?.name ?? "field-\(id)"
    }

    /// Whether a person means this conflict by `text`: its name, or one of its fields.
    static func means(_ text: String, _ conflict: Conflict, in form: FormDefinition) -> Bool {
        if text.utf8.elementsEqual(subject(conflict, in: form).utf8) { return true }
        return !conflict.isAboutExistence
            && conflict.fields.contains { name(of: $0, in: form).utf8.elementsEqual(text.utf8) }
    }
}

/// The answers of one record side by side, each with who, when and where.
struct ConflictReport: Encodable {
    struct Author: Encodable {
        var version: String
        var author: String?
        var device: String?
        var authored: String
        var stated: String
        var clockTrusted: Bool
    }

    struct Answer: Encodable {
        struct Said: Encodable {
            var field: String
            /// Absent: not stated.
            var value: String?
        }

        var number: Int
        /// It stands meanwhile.
        var inForce: Bool
        var delete: Bool
        var values: [Said]
        var versions: [Author]
    }

    struct Question: Encodable {
        var name: String
        var fields: [String]
        var since: String
        var answers: [Answer]
    }

    var form: String
    var key: [String]
    var unit: String?
    /// To be handed back with a decision.
    var shown: String
    var conflicts: [Question]
    /// Some value is not shown as it is.
    let isMasked: Bool
    private var local: [String: String] = [:]

    private enum CodingKeys: String, CodingKey { case form, key, unit, shown, conflicts, isMasked = "masked" }

    init(
        _ key: RecordKey, _ state: RecordState, _ form: CompiledForm, at desk: any RecordDesk, unmask: Bool
    ) throws {
        let definition = form.definition
        let masking = Masking(forms: FormCatalog([definition]), unmask: unmask)
        self.form = Masking.clean(key.form)
        self.key = Masking(forms: FormCatalog([definition]), unmask: true).text(key)
        unit = try desk.unit(of: key).map(Masking.clean)
        shown = ShownCode.text([state])
        var local: [String: String] = [:]
        conflicts = try state.conflicts(under: form.mergeRules).map { conflict in
            Question(
                name: ConflictNames.subject(conflict, in: definition),
                fields: conflict.fields.filter { $0 != 0 }.map { ConflictNames.name(of: $0, in: definition) },
                since: RecordText.time(conflict.since),
                answers: try conflict.options.enumerated().map { index, option in
                    for version in option.versions {
                        local[RecordText.text(version.dot)] = desk.times.text(version.stated)
                    }
                    return Answer(
                        number: index + 1,
                        inForce: conflict.isAboutExistence ? !option.isDelete : index == 0,
                        delete: option.isDelete,
                        values: option.assignments.map { said in
                            Answer.Said(
                                field: ConflictNames.name(of: said.field, in: definition),
                                value: masking.text(said.value, field: said.field, of: key.form))
                        }, versions: try option.versions.map { try Author($0, desk, masking) })
                })
        }
        self.local = local
        isMasked = conflicts.contains { question in
            question.answers.contains { $0.values.contains { $0.value == Masking.mask } }
        }
    }

    /// How to read what is masked, for whoever has to decide.
    static func unmasking(_ command: String) -> Words {
        Words(
            "personal values are masked; to decide, read them with `\(command) --unmask --reason WHY`, which "
                + "is written down",
            zh: "个人信息已遮盖；裁定时请用 \(command) --unmask --reason 原因 查看，查看会被记录")
    }

    func lines(times: TimeText) -> [String] {
        let name = "\(form) \(key.joined(separator: " "))"
        let unit = unit.map { Words(", \($0)", zh: "，\($0)") } ?? Words("", zh: "")
        var lines = [Words(name, zh: name).joined(unit).text()]
        for question in conflicts {
            lines.append("")
            lines.append(
                question.name == ConflictNames.record
                    ? Words("record: deleted by one and edited by another", zh: "record：一方删除，另一方修改").text()
                    : question.name)
            for answer in question.answers { lines += self.lines(answer) }
        }
        return lines
    }

    private func lines(_ answer: Answer) -> [String] {
        let values =
            answer.values.isEmpty
            ? (answer.delete ? Words("delete it", zh: "删除") : Words("keep it", zh: "保留")).text()
            : answer.values.map { "\($0.field)=\(RecordReport.shown($0.value))" }.joined(separator: ", ")
        let stands = answer.inForce ? Words(" (stands meanwhile)", zh: "（暂时生效）").text() : ""
        return ["  \(answer.number). \(values)\(stands)"]
            + answer.versions.map { version in
                let who = [version.author, version.device].compactMap { $0 }.joined(separator: ", ")
                let clock =
                    version.clockTrusted ? "" : Words(", clock not trusted", zh: "，时钟不可信").text()
                return "     \(local[version.version] ?? version.stated)\(who.isEmpty ? "" : "  " + who)"
                    + "\(clock)  \(version.version)"
            }
    }
}

extension ConflictReport.Author {
    init(_ version: Version, _ desk: any RecordDesk, _ masking: Masking) throws {
        self.init(
            version: RecordText.text(version.dot), author: masking.author(version.author),
            device: try desk.device(of: version.dot.origin).map { Masking.clean($0.text()) },
            authored: RecordText.time(version.authored), stated: RecordText.time(version.stated),
            clockTrusted: version.clockTrusted)
    }
}
