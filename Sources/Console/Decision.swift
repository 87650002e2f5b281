import Forms
import SyncCore
import SyncStore

/// What a person decided about a record in question.
struct Decision {
    /// `--take`: an answer by number, version or word, of one conflict or of all that it fits.
    struct Take {
        /// Nil: all that it fits.
        var subject: String?
        var choice: String

        /// `2`, `latest`, `ORIGIN/SEQUENCE`, or one of these behind `FIELD=`.
        init(_ text: String) {
            guard let equals = text.firstIndex(of: "=") else {
                (subject, choice) = (nil, text)
                return
            }
            subject = String(text[..<equals])
            choice = String(text[text.index(after: equals)...])
        }
    }

    static let words = ["latest", "earliest", "highest", "lowest", "keep", "delete"]

    var takes: [Take]
    /// `--set`: values that are none of the answers.
    var sets: [Assignment]

    /// What is to be written, what it decides, and what stays in question.
    struct Outcome {
        var edits: [RecordEdit]
        var decided: [Conflict]
        var open: [Conflict]
    }

    /// - Throws: ``Failure`` that names the answers there are.
    func applied(to state: RecordState, _ form: CompiledForm) throws -> Outcome {
        let rules = form.mergeRules
        let conflicts = state.conflicts(under: rules)
        var wanted = sets
        var decided: [Conflict] = []
        var isDelete = false
        for conflict in conflicts {
            if sets.contains(where: { conflict.fields.contains($0.field) }) {
                decided.append(conflict)
                continue
            }
            guard let option = try option(of: conflict, among: conflicts, form) else { continue }
            decided.append(conflict)
            if option.isDelete { isDelete = true } else { wanted += option.assignments }
        }
        try checkSubjects(conflicts, form)
        guard !decided.isEmpty else { throw Decision.nothing(conflicts, form) }
        let open = conflicts.filter { !decided.contains($0) }
        if isDelete {
            guard decided.count == 1, sets.isEmpty else {
                throw Failure(
                    .usage,
                    Words(
                        "a record that is deleted has no fields to decide about; decide one or the other",
                        zh: "删除的记录没有可裁定的字段；二者只能择一"))
            }
            let delete = RecordEdit(assignments: [], isDelete: true, context: state.seen)
            return Outcome(edits: [delete], decided: decided, open: [])
        }
        if wanted.isEmpty {
            guard let said = state.assertion(under: rules) else {
                throw Failure(
                    .usage,
                    Words(
                        "all fields of the record are in question too; decide about one of them as well",
                        zh: "该记录的所有字段也都有冲突；请同时裁定其中一个字段"))
            }
            wanted = said
        }
        let settling = Set(decided.flatMap(\.fields))
        return Outcome(
            edits: state.edits(wanted, settling: settling, under: rules), decided: decided, open: open)
    }

    private func option(
        of conflict: Conflict, among conflicts: [Conflict], _ form: CompiledForm
    ) throws -> Conflict.Option? {
        for take in takes {
            if let subject = take.subject {
                guard ConflictNames.means(subject, conflict, in: form.definition) else { continue }
                guard let option = Decision.option(take.choice, of: conflict) else {
                    throw Decision.unknown(take.choice, conflict, form)
                }
                return option
            }
            if Int(take.choice) != nil, conflicts.count > 1 {
                let example = "\(ConflictNames.subject(conflict, in: form.definition))=\(take.choice)"
                throw Failure(
                    .usage,
                    Words(
                        "several things are in question; say which is meant, such as `--take \(example)`",
                        zh: "有多项待裁定；请指明是哪一项，例如 --take \(example)"))
            }
            if let option = Decision.option(take.choice, of: conflict) { return option }
            if Int(take.choice) != nil { throw Decision.unknown(take.choice, conflict, form) }
        }
        return nil
    }

    static func option(_ choice: String, of conflict: Conflict) -> Conflict.Option? {
        let options = conflict.options
        if let number = Int(choice) {
            return options.indices.contains(number - 1) ? options[number - 1] : nil
        }
        switch choice {
        case "keep": return conflict.isAboutExistence ? options.first { !$0.isDelete } : nil
        case "delete": return conflict.isAboutExistence ? options.first(where: \.isDelete) : nil
        case "latest": return options.first
        case "earliest": return earliest(options)
        case "highest": return ranked(options)?.last
        case "lowest": return ranked(options)?.first
        default: return options.first { $0.dots.contains { RecordText.text($0) == choice } }
        }
    }

    private static func earliest(_ options: [Conflict.Option]) -> Conflict.Option? {
        options.min { left, right in
            guard let mine = left.versions.last, let theirs = right.versions.last else { return false }
            return theirs.isLater(than: mine)
        }
    }

    /// Ascending; nil when they are not all numbers of one kind.
    private static func ranked(_ options: [Conflict.Option]) -> [Conflict.Option]? {
        var numbers: [(number: Int64, scale: UInt8, option: Conflict.Option)] = []
        for option in options {
            switch option.assignments.first?.value {
            case .integer(let number): numbers.append((number, 0, option))
            case .decimal(let unscaled, let scale): numbers.append((unscaled, scale, option))
            default: return nil
            }
        }
        guard options.allSatisfy({ $0.assignments.count == 1 }), Set(numbers.map(\.scale)).count == 1 else {
            return nil
        }
        return numbers.sorted { $0.number < $1.number }.map(\.option)
    }

    // MARK: - Refusals

    /// A subject that nothing is asked about was mistyped.
    private func checkSubjects(_ conflicts: [Conflict], _ form: CompiledForm) throws {
        for subject in takes.compactMap(\.subject)
        where !conflicts.contains(where: { ConflictNames.means(subject, $0, in: form.definition) }) {
            let names = conflicts.map { ConflictNames.subject($0, in: form.definition) }
            let list = names.joined(separator: ", ")
            let hint = Typo.hint(subject, among: names)
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(subject)) is in no question here\(hint.en); in question: \(list)",
                    zh: "\(Output.printable(subject)) 没有冲突\(hint.zh)；待裁定：\(list)"))
        }
    }

    private static func nothing(_ conflicts: [Conflict], _ form: CompiledForm) -> Failure {
        let list = conflicts.map { ConflictNames.subject($0, in: form.definition) }.joined(separator: ", ")
        guard !conflicts.isEmpty else {
            return Failure(
                .noInput,
                Words(
                    "nothing is in question about this record any more; `history` says how it was decided",
                    zh: "此记录已没有待裁定的内容；可用 history 查看经过"))
        }
        return Failure(
            .usage,
            Words(
                "say what to take of \(list): `--take 1`, `--take FIELD=2`, `--take latest`, or "
                    + "`--set FIELD=VALUE`",
                zh: "请指明 \(list) 取哪一个：--take 1、--take 字段=2、--take latest 或 --set 字段=值"))
    }

    private static func unknown(_ choice: String, _ conflict: Conflict, _ form: CompiledForm) -> Failure {
        let name = ConflictNames.subject(conflict, in: form.definition)
        let all = ["1-\(conflict.options.count)"] + words
        let known = all.joined(separator: ", ")
        return Failure(
            .usage,
            Words(
                "\(name) has no answer \(Output.printable(choice)); there are \(known), or a version's name",
                zh: "\(name) 没有“\(Output.printable(choice))”这一项；可写 \(known) 或版本名"))
    }
}
