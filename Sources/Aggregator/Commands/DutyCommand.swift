import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct DutyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "duty",
        Words(
            "Who is on duty and who is responsible, as of any moment, and where nobody is.",
            zh: "某一时刻谁在值班、谁是责任人，以及何时无人值班。"),
        example: "aggregator duty --at \"2020-02-03 22:00\" --data DIR; aggregator duty --gaps 72 --data DIR")

    struct Holder: Encodable {
        var unit: String
        /// Empty: on duty.
        var role: String
        var person: String
        /// Masked unless asked for.
        var phone: String
        var isLeader: Bool
        var from: String
        /// Absent: until further notice.
        var until: String?

        init(_ posting: Posting, unmask: Bool) {
            unit = Masking.clean(posting.unit)
            role = Masking.clean(posting.role)
            person = Masking.clean(posting.person)
            phone = unmask ? Masking.clean(posting.phone) : Masking.mask
            isLeader = posting.isLeader
            from = RecordText.time(posting.from)
            until = posting.isOpenEnded ? nil : RecordText.time(posting.until)
        }
    }

    /// Who answers for one unit.
    struct Answering: Encodable {
        var unit: String
        /// Who is called of its alerts, in that order: on duty for it, or for a unit above.
        var called: [Holder]
        /// Who is responsible for it: of the unit itself, or else of the nearest above that has anybody.
        var responsible: [Holder]
    }

    struct Gap: Encodable {
        var unit: String
        var from: String
        var until: String?
    }

    struct Report: Encodable {
        var at: String
        var holders: [Holder]
        /// False: no unit has a shift, so nobody is on duty at any time.
        var hasRoster: Bool
        var gaps: [Gap]
        /// Of the unit that was asked for.
        var answering: Answering?
    }

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A local time, such as \"2020-02-03 22:00\"; now when left out.", zh: "当地时间；缺省为现在。"))
    var at: String?
    @Option(name: .long, help: ArgumentHelp("Only this unit.", zh: "只看此单位。")) var unit: String?
    @Option(name: .long, help: ArgumentHelp("Gaps within so many hours from then on.", zh: "此后若干小时内的空班。"))
    var gaps = 24
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @OptionGroup var personal: UnmaskOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            try personal.note("duty", at: try HubDesk(hub), isAsked: true)
            let catalog = try hub.compiledForms()
            let time = try moment(catalog.zone)
            let posts = try PostBook.posts(catalog) { form, body in
                try hub.export(form: form, from: nil, to: nil) {
                    try body(RecordKey(form: form, values: $0), $1)
                }
            }
            if let unit,
                try hub.effective(RecordKey(form: BuiltIn.unit, values: [.text(unit)]))?.exists != true,
                !posts.postings.contains(where: { $0.unit.utf8.elementsEqual(unit.utf8) })
            {
                throw DutyCommand.unknown(unit, posts)
            }
            let hours = Milliseconds(min(max(gaps, 0), 100_000)) * 3_600_000
            let chain = try unit.map { try ResponsibleBook(hub, catalog).chain(from: $0, at: time) } ?? []
            let found = DutyCommand.gaps(posts, of: chain, from: time, to: time + hours)
            var report = Report(
                at: RecordText.time(time), holders: posts.holders(of: unit, at: time, personal.unmask),
                hasRoster: !posts.dutyUnits.isEmpty,
                gaps: found.map {
                    Gap(
                        unit: Masking.clean($0.unit), from: RecordText.time($0.from),
                        until: $0.until.map(RecordText.time))
                })
            if let unit { report.answering = posts.answering(unit, chain, at: time, personal.unmask) }
            if json { return try Output.json(report) }
            let times = TimeText(zone: catalog.settings.timeZone)
            DutyCommand.lines(report, found, times, at: time).forEach { Output.line($0) }
        }
    }

    /// - Parameter chain: the unit that was asked for and those above it; empty: all units with shifts.
    private static func gaps(
        _ posts: Posts, of chain: [String], from: Milliseconds, to: Milliseconds
    ) -> [PostGap] {
        guard let unit = chain.first else {
            return posts.dutyUnits.flatMap { posts.gaps(of: $0, from: from, to: to) }
        }
        return posts.hasDuty([unit])
            ? posts.gaps(of: unit, from: from, to: to) : posts.uncovered(chain, from: from, to: to)
    }

    private func moment(_ zone: LocalZone) throws -> Milliseconds {
        guard let at else { return HubFolder.milliseconds() }
        guard let local = CellText.localTime(Array(at.utf8)[...]) else {
            throw Failure(
                .usage,
                Words(
                    "\(at) is no time; write it as \"2020-02-03 22:00\"",
                    zh: "\(at) 不是有效时间；请写成 \"2020-02-03 22:00\" 的样式"))
        }
        return zone.time(fromLocal: local)
    }

    private static func unknown(_ unit: String, _ posts: Posts) -> Failure {
        let name = Output.printable(unit)
        let units = posts.dutyUnits.map(Masking.clean)
        let hint = Typo.hint(name, among: units)
        let list = units.isEmpty ? "-" : units.joined(separator: ", ")
        return Failure(
            .noInput,
            Words(
                "the register knows no unit \(name)\(hint.en); units with a roster: \(list)",
                zh: "登记册中没有单位 \(name)\(hint.zh)；有值班表的单位：\(list)"))
    }

    /// Times are the committee's.
    private static func lines(
        _ report: Report, _ gaps: [PostGap], _ times: TimeText, at time: Milliseconds
    ) -> [String] {
        let moment = times.text(time)
        var lines = [Words("As of \(moment)", zh: "截至 \(moment)").text()]
        lines += report.holders.map(\.line)
        if report.holders.isEmpty { lines.append(Words("  nobody", zh: "  无人").text()) }
        lines += report.answering?.lines ?? []
        if !report.hasRoster {
            lines.append(
                Words(
                    "there is no roster at all, so nobody is on duty at any time: enter shifts with "
                        + "`aggregator import duty-shift FILE`",
                    zh: "尚无值班表，任何时间都无人值班：请用 aggregator import duty-shift 文件 导入"
                ).text())
        }
        for gap in gaps {
            let (unit, from) = (Masking.clean(gap.unit), times.text(gap.from))
            let end = gap.until.map(times.text) ?? Words("further notice", zh: "另行通知").text()
            lines.append(
                Words(
                    "nobody is on duty for \(unit) from \(from) until \(end)",
                    zh: "\(unit) 无人值班：\(from) 至 \(end)"
                ).text())
        }
        return lines
    }
}

extension Posts {
    fileprivate func holders(
        of unit: String?, at time: Milliseconds, _ unmask: Bool
    ) -> [DutyCommand.Holder] {
        postings.filter { posting in
            posting.holds(at: time) && unit.map { $0.utf8.elementsEqual(posting.unit.utf8) } ?? true
        }.map { DutyCommand.Holder($0, unmask: unmask) }
    }

    fileprivate func answering(
        _ unit: String, _ chain: [String], at time: Milliseconds, _ unmask: Bool
    ) -> DutyCommand.Answering {
        let responsible = chain.lazy.map { self.responsible(of: $0, at: time) }.first { !$0.isEmpty }
        // As alerts go: to the topmost that has somebody on duty.
        return DutyCommand.Answering(
            unit: Masking.clean(unit),
            called: holders(of: chain.reversed(), at: time).map { DutyCommand.Holder($0, unmask: unmask) },
            responsible: (responsible ?? []).map { DutyCommand.Holder($0, unmask: unmask) })
    }
}

extension DutyCommand.Holder {
    fileprivate var line: String {
        let post = role.isEmpty ? Words("on duty", zh: "值班").text() : role
        let leads = isLeader ? Words(", leads", zh: "，带班").text() : ""
        return "  \(unit)  \(post)\(leads)  \(person)  \(phone)"
    }
}

extension DutyCommand.Answering {
    fileprivate var lines: [String] {
        let nobody = Words(
            "nobody is on duty for \(unit), nor for a unit above: an alert of it reaches nobody",
            zh: "\(unit) 及其上级单位均无人值班：其预警无人接收")
        let head = called.isEmpty ? nobody : Words("alerts of \(unit) go to", zh: "\(unit) 的预警通知")
        var lines = [head.text()] + called.map(\.line)
        if let first = responsible.first, !first.unit.utf8.elementsEqual(unit.utf8) {
            let above = Words(
                "nobody is appointed at \(unit) itself; responsible above it",
                zh: "\(unit) 本身无责任人；上级责任人")
            lines += [above.text()] + responsible.map(\.line)
        }
        return lines
    }
}
