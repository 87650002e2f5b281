import ArgumentParser
import Console
import Forms
import SyncCore
import SyncStore
import SyncTransport

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "report",
        Words(
            "The daily report: counted from the check-ins here, shown, then signed.",
            zh: "每日报告：由本机打卡记录汇总，先显示，再签报。"),
        discussion: Words(
            "Without a link as well. --zero states that there is nothing to report; who says nothing has not "
                + "reported. What was shown is signed: with y on a terminal, by a script with the code that "
                + "is shown (--shown). --then shows what was reported beside what would be counted now, and "
                + "writes nothing.",
            zh: "无网络也可使用。--zero 表示明确声明无情况；不报不等于零报告。签报的是所显示的内容：在终端输入 y，"
                + "脚本则用 --shown 交回所显示的代码。--then 对照显示当时所报与现在的汇总，不写入任何内容。"),
        example: "branch-agent report --zero --day 2020-02-03 --data DIR")

    @Argument(help: ArgumentHelp("More fields of the report, as field=value.", zh: "报告的其他字段，写作 字段=值。"))
    var fields: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp("The day, such as 2020-02-03; today when left out.", zh: "日期，如 2020-02-03；缺省为今天。"))
    var day: String?
    @Option(name: .long, help: ArgumentHelp("A unit below this branch's own.", zh: "本支部的下级单位。"))
    var unit: String?
    @Flag(name: .long, help: ArgumentHelp("There is nothing to report.", zh: "零报告：声明无情况。"))
    var zero = false
    @Option(name: .long, help: ArgumentHelp("The code of what you were shown.", zh: "所显示内容的代码。"))
    var shown: String?
    @Flag(name: .long, help: ArgumentHelp("Then and now; writes nothing.", zh: "当时与现在对照；不写入。"))
    var then = false
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let form = try context.form(BuiltIn.dailyReport)
            let clock = try context.clock()
            let moment = try context.store.moment(of: clock)
            let unit = unit ?? context.configuration.unit
            let asked = ["unit=" + unit] + (day.map { ["day=" + $0] } ?? [])
            // What was typed is looked at before anything is counted.
            let typed = try EntryReader.row(
                asked + ["kind=ZERO"] + fields, form, context, clock: clock, moment: moment)
            let date = Int32(
                clamping: form.definition.keyIndex("day").flatMap { typed.key.values[$0].integer } ?? 0)
            guard let counted = try UnitDay(unit, on: date, context) else {
                throw ReportWords.noSuchUnit(unit)
            }
            let book = try ResponsibleBook(context)
            // Of others' people a branch may hold some, which is not what that unit has to report.
            guard book.isWithin(unit, context.configuration.unit, on: date) else {
                throw ReportWords.anothersUnit(unit, own: context.configuration.unit)
            }
            let draft = ReportDraft(
                unit: unit, day: CivilDay.text(date), counts: try counted.counts(of: form, context.forms),
                counted: counted.present.count, digest: counted.digest, missing: counted.line.missing,
                typed: fields,
                against: try counted.contradictions(of: form, context),
                responsible: book.people(of: unit, day: date, created: moment.time))
            if let field = draft.typedOver { throw ReportWords.isCounted(field) }
            if counted.line.register == 0 { throw ReportWords.nobodyThere(unit, draft.day) }
            let before = try context.store.record(typed.key)?.effective(under: form.mergeRules)
            if then {
                guard let before, before.exists else { throw ReportWords.notReported(unit, draft.day) }
                return try show(ReportReport(draft, before: before, form.definition))
            }
            if zero, !draft.against.isEmpty { throw ReportWords.notZero(draft) }
            if !zero, draft.against.isEmpty { throw ReportWords.sayZero(draft) }
            try confirm(draft, form.definition)
            let row = try EntryReader.row(
                asked + draft.pairs, form, context, clock: clock, moment: moment)
            let name = try AuthorList.author(author.by, in: store.folder)
            let isNew = try context.store.write(clock: clock) { transaction -> Bool in
                let known = try transaction.record(row.key)?.effective(under: form.mergeRules)
                if let known, known.exists, row.assignments.allSatisfy(known.says) { return false }
                try RecordAuthor(catalog: context.forms).author(
                    form, key: row.key, assignments: row.assignments, stated: row.stated,
                    firstCreated: row.firstCreated, author: name, in: transaction)
                return true
            }
            if isNew { try context.tellCaveats() }
            if json { return try Output.json(ReportReport(draft, before: nil, form.definition)) }
            Output.line(isNew ? ReportWords.saved(draft) : ReportWords.unchanged(draft))
        }
    }

    private func show(_ report: ReportReport) throws {
        if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
    }

    /// - Throws: ``Failure`` when what is signed is not what was shown.
    private func confirm(_ draft: ReportDraft, _ form: FormDefinition) throws {
        var words = ["branch-agent report"] + fields.map { "'\(Output.printable($0))'" }
        if zero { words.append("--zero") }
        words.append("--day \(draft.day)")
        if let unit { words.append("--unit \(Output.printable(unit))") }
        if !author.by.isEmpty { words.append("--by '\(Output.printable(author.by))'") }
        let again = words.joined(separator: " ") + " --data \(store.data)"
        if let shown { return try ShownCode.require(shown, toBe: draft.code, again: again) }
        if json {
            var report = ReportReport(draft, before: nil, form)
            report.code = draft.code
            try Output.json(report)
            throw ReportWords.notSigned(draft.code, again: again)
        }
        (draft.lines() + [ReportWords.code(draft).text()]).forEach { Output.line($0) }
        guard ShownCode.isSomebodyThere else { throw ReportWords.notSigned(draft.code, again: again) }
        try ShownCode.ask(ReportWords.question)
    }
}

/// What a report would say.
struct ReportDraft {
    var unit: String
    var day: String
    var counts: [UnitDay.Count]
    /// Check-ins that were counted.
    var counted: Int
    var digest: Digest
    var missing: [String]
    /// What a person said besides, as `field=value`.
    var typed: [String]
    /// What a zero report would stand against, by the rules: form, day and person of each.
    var against: [String]
    var responsible: [Responsible]

    /// A field that was typed and is counted.
    var typedOver: String? {
        let counted = pairs.dropLast(typed.count).map { $0.prefix { $0 != "=" } }
        return typed.map { $0.prefix { $0 != "=" } }.first(where: counted.contains).map(String.init)
    }

    var kind: String { against.isEmpty ? "ZERO" : "CASES" }

    /// As `field=value`.
    var pairs: [String] {
        ["kind=" + kind] + counts.map { "\($0.field.name)=\($0.count)" }
            + ["n_counted=\(counted)", "counted_digest=\(digest)"] + typed
    }

    /// Of all that is signed.
    var code: String {
        let said = Array((["unit=" + unit, "day=" + day] + pairs).joined(separator: "\n").utf8)
        return String(Hashing.sha256(said).description.prefix(8))
    }

    func lines() -> [String] {
        [ReportWords.title(self).text()]
            + counts.map { count in
                let label = Words(count.field.labels.en, zh: count.field.labels.zh).text()
                let people =
                    count.found.isEmpty ? "" : ": " + count.found.map(Output.printable).joined(separator: " ")
                return "  \(label)  \(count.count)\(people)"
            } + typed.map { "  " + Output.printable($0) }
            + (missing.isEmpty ? [] : [ReportWords.missing(missing).text()])
            + (responsible.isEmpty ? [] : ["  " + Responsible.line(responsible, of: unit).text()])
    }
}

/// Then and now, for people and scripts.
struct ReportReport: Encodable {
    struct Line: Encodable {
        var field: String
        /// Nil where the report does not say.
        var then: Int64?
        var now: Int
    }

    var unit: String
    var day: String
    /// `ZERO` or `CASES`, as reported; as it would be where nothing was yet.
    var kind: String
    var counts: [Line]
    var counted: Int
    var digest: String
    /// Whether the same check-ins would be counted now.
    var isUnchanged: Bool
    /// It was typed as a paper says it: nothing was counted then with which now could be compared.
    var isAsTyped: Bool
    /// Who held the unit's posts on the day.
    var responsible: [Responsible]
    /// To be handed back with `--shown`; nil once it is signed.
    var code: String?
    private let labels: [Words]

    private enum CodingKeys: String, CodingKey {
        case unit, day, kind, counts, counted, digest, isUnchanged, isAsTyped, responsible, code
    }

    /// - Parameter before: what was reported; nil: just this.
    init(_ draft: ReportDraft, before: EffectiveRecord?, _ form: FormDefinition) {
        unit = draft.unit
        day = draft.day
        kind = before?[BuiltIn.reportKind]?.string ?? draft.kind
        counts = draft.counts.map { count in
            Line(
                field: count.field.name,
                then: before.map { $0[count.field.id]?.integer } ?? Int64(count.count), now: count.count)
        }
        labels = draft.counts.map { Words($0.field.labels.en, zh: $0.field.labels.zh) }
        counted = draft.counted
        responsible = draft.responsible
        digest = draft.digest.description
        let reported = form.field(named: "counted_digest").flatMap { before?[$0.id]?.string }
        isUnchanged = before == nil || reported == digest
        isAsTyped = before != nil && reported == nil
    }

    func lines() -> [String] {
        [ReportWords.thenAndNow(self).text()]
            + zip(counts, labels).map { line, label in
                let then = line.then.map { "\($0)" } ?? "-"
                let mark = line.then == Int64(line.now) ? "" : "  *"
                return "  \(label.text())  \(then) / \(line.now)\(mark)"
            } + (responsible.isEmpty ? [] : ["  " + Responsible.line(responsible, of: unit).text()])
    }
}
