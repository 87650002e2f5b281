import ArgumentParser
import Console
import Forms
import Foundation
import Logging
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "purge",
        Words(
            "Remove what may be kept no longer, as the forms say. `serve` does so by itself once a day.",
            zh: "删除按表单规定已超过保存期限的内容。serve 每天自动执行一次。"),
        discussion: Words(
            "What stays says the same as before. Backups made earlier still hold what goes: delete them in "
                + "time.",
            zh: "保留的内容不变。此前的备份中仍有这些内容：请按时删除旧备份。"),
        example: "aggregator purge --dry-run --data DIR")

    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Flag(
        name: .customLong("dry-run"),
        help: ArgumentHelp("Only say what would be removed.", zh: "只显示将删除的内容，不执行。"))
    var dryRun = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Today's date, YYYY-MM-DD, where nothing was removed for more than 60 days.",
            zh: "今天的日期（YYYY-MM-DD）；超过 60 天没有执行过时须写明。"))
    var date: String?
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Afterwards, write to this file how much this and earlier purges removed, signed by the hub.",
            zh: "完成后将历次删除的数量写入此文件，由汇总端签名。"))
    var certificate: String?
    @Option(
        name: .long,
        help: ArgumentHelp("Only check such a file; nothing is removed.", zh: "只核对这样的文件；不删除任何内容。"))
    var check: String?

    func run() async throws {
        try await Program.run {
            if let check { return try PurgeCertificate.read(check).show(check) }
            let folder = try act.folder(store)
            let hub = try folder.open()
            let now = HubFolder.milliseconds()
            let days = try hub.purgeDays(now: now)
            if dryRun {
                return try PurgeReport(try hub.purgeable(now: now), day: days.today, isDry: true)
                    .show(json: json)
            }
            try PurgeDay.check(days, confirmed: date)
            let all = try hub.purgeable(now: now).versions
            let progress = ProgressBar(Words("removing", zh: "正在删除"))
            var total = Purge()
            repeat {
                total.add(try hub.purge(now: now, limit: PurgeDay.segmentsPerStep))
                let done = total.versions
                progress.show(done, of: max(done, all))
            } while !total.isComplete
            try hub.finish(total, now: now)
            progress.finish()
            try PurgeReport(total, day: days.today, isDry: false).show(json: json)
            guard let certificate else { return }
            let made = try PurgeCertificate(hub, signing: Signing(try folder.key()), now: now)
            try Files.write(try made.json(), to: certificate)
        }
    }
}

/// Whether this machine's date can be believed: what is removed on a wrong one never comes back.
enum PurgeDay {
    /// A segment has up to 8,192 versions, and something urgent may be waiting.
    static let segmentsPerStep = 4
    /// So many days after the last purge somebody has to say that the date is right.
    static let longestPause: Int32 = 60

    static func isBelieved(_ days: (last: Int32?, today: Int32)) -> Bool {
        days.last.map { days.today - $0 <= longestPause } ?? true
    }

    static func check(_ days: (last: Int32?, today: Int32), confirmed: String?) throws {
        let today = CivilDay.text(days.today)
        if let confirmed, confirmed != today {
            throw Failure(
                .usage,
                Words(
                    "this machine's date is \(today), not \(Output.printable(confirmed)); "
                        + "nothing was removed. Set the clock",
                    zh: "本机日期是 \(today)，而不是 \(Output.printable(confirmed))；未作任何删除。请校准时钟"))
        }
        guard confirmed == nil, !isBelieved(days), let last = days.last else { return }
        throw Failure(.usage, words(today: today, last: CivilDay.text(last)))
    }

    static func words(today: String, last: String) -> Words {
        Words(
            "this machine's date is \(today), and \(last) was the last on which anything could be removed; "
                + "nothing was removed. If the date is right, run `aggregator purge --date \(today)`",
            zh: "本机日期是 \(today)，而上次执行删除的日期是 \(last)；未作任何删除。"
                + "如果日期无误，请运行 aggregator purge --date \(today)")
    }
}

extension Purge {
    /// Versions of which something goes.
    var versions: Int { forms.values.reduce(0) { $0 + $1.trimmed + $1.removed } }
}

/// What was removed, or would be.
struct PurgeReport: Encodable {
    struct Form: Encodable {
        var form: String
        /// Versions of which some values went.
        var trimmed: Int
        /// Versions and records that went whole.
        var removed: Int
        var records: Int
    }

    var day: String
    var dryRun: Bool
    var forms: [Form]

    init(_ purge: Purge, day: Int32, isDry: Bool) {
        self.day = CivilDay.text(day)
        dryRun = isDry
        forms = purge.forms.sorted { $0.key < $1.key }.map { form, counts in
            Form(form: form, trimmed: counts.trimmed, removed: counts.removed, records: counts.records)
        }
    }

    func show(json: Bool) throws {
        if json { return try Output.json(self) }
        for line in lines() { Output.line(line) }
    }

    func lines() -> [Words] {
        if forms.isEmpty {
            return [Words("\(day): nothing is kept too long", zh: "\(day)：没有超过保存期限的内容")]
        }
        return forms.map { form in
            let name = Output.printable(form.form)
            return dryRun
                ? Words(
                    "\(name): single values would go from \(form.trimmed) entries, and \(form.records) "
                        + "records whole",
                    zh: "\(name)：将从 \(form.trimmed) 条内容中删除部分值，并整条删除 \(form.records) 条记录")
                : Words(
                    "\(name): single values went from \(form.trimmed) entries, and \(form.records) records "
                        + "whole",
                    zh: "\(name)：已从 \(form.trimmed) 条内容中删除部分值，并整条删除 \(form.records) 条记录")
        }
    }
}
