import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "alerts",
        Words(
            "What rules and people have raised: who waits, who has taken it, and how it ended.",
            zh: "预警和关注事项：待处理的、谁已接手、结果如何。"),
        example: "aggregator alerts list --data DIR; aggregator alerts take 1a2b3c4d --by T00001 --data DIR",
        subcommands: [
            ListAlertsCommand.self, TakeAlertCommand.self, ReferAlertCommand.self, CloseAlertCommand.self,
        ])
}

struct ListAlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "list",
        Words(
            "Open alerts first, with every moment from onset to closing.",
            zh: "列出预警，待处理的在前，并显示从起病到办结的各个时间。"),
        example: "aggregator alerts list --data DIR")

    @Flag(name: .long, help: ArgumentHelp("Also those that are closed.", zh: "包括已办结的。")) var all = false
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @OptionGroup var personal: UnmaskOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            try personal.note("alerts list", at: try HubDesk(hub), isAsked: true)
            let desk = try RaisedDesk(hub)
            let rows = try desk.rows(unmask: personal.unmask) { all || $0 != RaisedForm.closed }
            if json { return try Output.json(rows) }
            if rows.isEmpty { return Output.line(Words("no alert waits", zh: "没有待处理的预警")) }
            let now = HubFolder.milliseconds()
            for row in rows { row.lines(times: desk.times, now: now).forEach { Output.line($0) } }
        }
    }
}

/// What the verbs that answer share.
struct AnswerOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Its name in `alerts list`.", zh: "alerts list 中的编号。")) var alert: String
    @Option(name: .long, help: ArgumentHelp("Who answers: a person's id.", zh: "处置人编号。")) var by: String
    @Option(name: .long, help: ArgumentHelp("A note beside it.", zh: "说明。")) var note: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "When it began: a local time, such as \"2020-02-03 08:00\".", zh: "起病时间：当地时间，例如 2020-02-03 08:00。"
        ))
    var onset: String?
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    /// Bytes of what is typed.
    static let textLimit = 1_024
    /// The act after which nothing more is said of an alert.
    static let closing = "alert_closed"

    /// - Parameter texts: what else is typed.
    func run(
        _ event: String, texts: [String], done: (String) -> Words,
        _ values:
            @escaping (RaisedForm, EffectiveRecord, Milliseconds) throws -> [(
                name: String, value: Value
            )]
    ) throws {
        guard !by.isEmpty else {
            throw Failure(
                .usage,
                Words("say with --by who answers, by their id", zh: "请用 --by 写明处置人的编号"))
        }
        guard (texts + [note ?? "", by]).allSatisfy({ $0.utf8.count <= AnswerOptions.textLimit }) else {
            throw Failure(
                .usage,
                Words(
                    "a text has at most \(AnswerOptions.textLimit) bytes; shorten it",
                    zh: "文字最多 \(AnswerOptions.textLimit) 字节；请缩短"))
        }
        let desk = try RaisedDesk(try act.folder(store).open())
        try desk.requireKnown(by)
        let key = try desk.key(named: alert)
        let note = self.note
        let began = try onset.map { try AnswerOptions.time($0, desk.catalog.zone) }
        if let onset, let began, began > HubFolder.milliseconds() {
            throw Failure(
                .usage,
                Words(
                    "--onset \(onset) is yet to come; say when it began",
                    zh: "--onset \(onset) 尚未到来；请写明起病的时间"))
        }
        let saysOnset = desk.catalog[key.form]?.definition.field(named: "onset_at") != nil
        guard began == nil || saysOnset else {
            throw Failure(
                .usage,
                Words(
                    "\(key.form) has no field for --onset; leave it out",
                    zh: "\(key.form) 没有起病时间字段；请去掉 --onset"))
        }
        let answer = RaisedDesk.Answer(by: by, act: event) { raised, record, now in
            try values(raised, record, now) + (note.map { [("note", .text($0))] } ?? [])
                + (began.map { [("onset_at", .integer($0))] } ?? [])
        }
        try desk.write(answer, to: key, now: HubFolder.milliseconds())
        Output.line(done("\(key.form) \(RecordText.text(key))"))
        let record = try desk.store.effective(key)
        let isKnown =
            desk.catalog[key.form].flatMap { RaisedForm($0.definition) }
            .flatMap { raised in record.flatMap { raised.time("onset_at", of: $0) } } != nil
        if saysOnset, !isKnown, event == AnswerOptions.closing {
            Output.remark(
                Words(
                    "nobody has said when it began, so how long it took from then is not measured",
                    zh: "没有填写起病时间，因此无法计算起病以来的间隔"))
        } else if saysOnset, !isKnown {
            Output.remark(
                Words(
                    "when it began is not known yet: say it with --onset \"2020-02-03 08:00\"",
                    zh: "起病时间尚未填写：请用 --onset 写明，例如 --onset \"2020-02-03 08:00\""))
        }
    }

    private static func time(_ text: String, _ zone: LocalZone) throws -> Milliseconds {
        guard let local = CellText.localTime(Array(text.utf8)[...]) else {
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(text)) is no time; write it as \"2020-02-03 08:00\"",
                    zh: "\(Output.printable(text)) 不是有效时间；请写成 \"2020-02-03 08:00\" 的样式"))
        }
        return zone.time(fromLocal: local)
    }

    /// - Throws: ``Failure`` when the record is closed.
    static func requireOpen(_ raised: RaisedForm, _ record: EffectiveRecord) throws {
        guard raised.status(of: record) == RaisedForm.closed else { return }
        throw Failure(
            .someRefused,
            Words(
                "it is closed already; `aggregator alerts list --all` says by whom",
                zh: "该预警已办结；可用 aggregator alerts list --all 查看处置人"))
    }
}

struct TakeAlertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "take",
        Words(
            "You answer for it from here on; nobody else is told any more.", zh: "接手一条预警：由您负责处置，不再通知他人。"),
        example: "aggregator alerts take 1a2b3c4d --by T00001 --data DIR")

    @OptionGroup var options: AnswerOptions
    @Flag(name: .long, help: ArgumentHelp("Take it over from whoever has it.", zh: "从他人处接手。"))
    var over = false

    func run() async throws {
        try await Program.run {
            let (by, over) = (options.by, self.over)
            try options.run("alert_taken", texts: []) {
                Words("taken by \(by): \($0)", zh: "已由 \(by) 接手：\($0)")
            } _: { raised, record, now in
                try AnswerOptions.requireOpen(raised, record)
                let holder = raised.text("taken_by", of: record) ?? ""
                if raised.status(of: record) == RaisedForm.taken, !over, holder != by {
                    let name = Output.printable(holder)
                    throw Failure(
                        .someRefused,
                        Words(
                            "\(name) has taken it; --over takes it over from them",
                            zh: "\(name) 已接手；加上 --over 可从其处接手"))
                }
                return [
                    ("status", .text(RaisedForm.taken)), ("taken_by", .text(by)),
                    ("taken_at", .integer(now)),
                ]
            }
        }
    }
}

struct ReferAlertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "refer", Words("Where the person was sent.", zh: "记录转送去向。"),
        example: "aggregator alerts refer 1a2b3c4d --to \"First Hospital\" --by T00001 --data DIR")

    @OptionGroup var options: AnswerOptions
    @Option(name: .long, help: ArgumentHelp("Where to, such as a hospital.", zh: "去向，例如医院。")) var to: String

    func run() async throws {
        try await Program.run {
            let to = self.to
            try options.run("alert_referred", texts: [to]) {
                Words("referral kept: \($0)", zh: "已记录转送：\($0)")
            } _: { raised, record, now in
                try AnswerOptions.requireOpen(raised, record)
                return [("referred_to", .text(to)), ("referred_at", .integer(now))]
            }
        }
    }
}

struct CloseAlertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "close", Words("It is done; say how it ended.", zh: "办结一条预警，并写明结果。"),
        example: "aggregator alerts close 1a2b3c4d --outcome \"tested, negative\" --by T00001 --data DIR")

    @OptionGroup var options: AnswerOptions
    @Option(name: .long, help: ArgumentHelp("How it ended.", zh: "处置结果。")) var outcome: String

    func run() async throws {
        try await Program.run {
            let (by, outcome) = (options.by, self.outcome)
            guard !outcome.isEmpty else {
                throw Failure(
                    .usage, Words("say with --outcome how it ended", zh: "请用 --outcome 写明处置结果"))
            }
            try options.run(AnswerOptions.closing, texts: [outcome]) {
                Words("closed: \($0)", zh: "已办结：\($0)")
            } _: { raised, record, now in
                try AnswerOptions.requireOpen(raised, record)
                let holder = raised.text("taken_by", of: record) ?? ""
                var values: [(name: String, value: Value)] = [
                    ("status", .text(RaisedForm.closed)), ("taken_by", .text(holder.isEmpty ? by : holder)),
                    ("outcome", .text(outcome)), ("closed_at", .integer(now)),
                ]
                if raised.time("taken_at", of: record) == nil { values.append(("taken_at", .integer(now))) }
                return values
            }
        }
    }
}
