import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

struct ReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "reconcile",
        Words(
            "Find the records that a branch and its hub do not hold alike. Repairs nothing.",
            zh: "查找支部与汇总端不一致的记录。只报告，不修复。"),
        discussion: Words(
            "Ends with 0 when both hold the same, with 6 when they differ, and with 1 when they could not be "
                + "compared to the end. What is on its way in either direction is no difference.",
            zh: "两端一致时退出码为 0，不一致为 6，未能比较完为 1。正在途中的内容不算差异。"),
        example: "sync-inspect reconcile --data DIR")

    @OptionGroup var store: DataOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Compare with this file, which `sync-inspect digest` made at the other "
                + "end, instead of asking the "
                + "hub.",
            zh: "不询问汇总端，而与此文件比较；该文件由另一端的 sync-inspect digest 生成。"))
    var digest: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "So many differing records are named; the others are counted.", zh: "最多列出的记录数；其余只计数。"))
    var limit = 100
    @Flag(
        name: .long,
        help: ArgumentHelp("Show the counts of both ends as well.", zh: "同时列出两端的计数。"))
    var verbose = false
    @OptionGroup var output: OutputOption
    @Flag(name: .long, help: ArgumentHelp("Show personal fields as they are.", zh: "显示个人信息原文。")) var unmask =
        false

    func validate() throws {
        if limit < 1 {
            throw ValidationError(Words("--limit is a number from 1 on.", zh: "--limit 应为不小于 1 的数。").text())
        }
    }

    func run() async throws {
        try await Program.run {
            let opened = try StoreAtHand(store.data)
            let masking = try opened.masking(try opened.forms(), unmask: unmask)
            var report: ReconcileReport
            if let digest {
                let file = try ReconcileCommand.file(digest)
                report = try FileComparison(file: file, limit: limit).run(opened)
            } else {
                guard case .agent(let agent) = opened else { throw ReconcileCommand.hubAsksNobody }
                try Program.requireClockForTLS()
                report = try await LiveComparison(folder: store.data, limit: limit).run(agent)
            }
            try report.name(with: opened, masking)
            try output.show(report, report.lines(verbose: verbose))
            if let status = report.status { Program.end(status) }
        }
    }

    private static let hubAsksNobody = Failure(
        .usage,
        Words(
            "a hub asks nobody: run this at the branch, or compare with a file that the branch made with "
                + "`sync-inspect digest`, named with --digest",
            zh: "汇总端不主动询问：请在支部运行，或让支部用 sync-inspect digest 生成文件，再用 --digest 指定"))

    static func file(_ path: String) throws -> TallyFile {
        do {
            return try TallyFile(decoding: try Files.read(path))
        } catch is WireError {
            throw Failure(
                .noInput,
                Words(
                    "\(path) is no digest file, or was cut short; make it anew with `sync-inspect digest`",
                    zh: "\(path) 不是摘要文件，或不完整；请用 sync-inspect digest 重新生成"))
        }
    }
}

struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "digest",
        Words(
            "Make a file by which the other end can compare without a connection. "
                + "It holds no personal texts.",
            zh: "生成供另一端离线比较的摘要文件。文件不含个人信息原文。"),
        example: "sync-inspect digest --data DIR --unit B03 -o b03.digest")

    @OptionGroup var store: DataOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Of a hub: only what lies in this branch's scope. A branch can be "
                + "compared with such a file only.",
            zh: "对汇总端：只取此支部范围内的内容。支部只能与这样的文件比较。"))
    var unit: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", zh: "要写入的文件。"))
    var output: String

    func run() async throws {
        try await Program.run {
            let opened = try StoreAtHand(store.data)
            let file = try DigestMaker(unit: unit).file(opened)
            try Files.write(file.encoded(), to: output)
            Output.remark(
                Words(
                    "\(file.listing.count) records of \(file.words.en) are in \(output); "
                        + "compare at the other "
                        + "end with `sync-inspect reconcile --data DIR --digest \(output)`",
                    zh: "\(output) 含\(file.words.zh)的 \(file.listing.count) 条记录；请在另一端用 sync-inspect "
                        + "reconcile --data DIR --digest \(output) 比较"))
        }
    }
}

extension TallyFile {
    /// Whose it is.
    var words: Words {
        let name = Masking.clean(String(decoding: unit, as: UTF8.self))
        return switch (side, unit.isEmpty) {
        case (.branch, _): Words("branch \(name)", zh: "支部 \(name) ")
        case (.hub, true): Words("the hub", zh: "汇总端")
        case (.hub, false): Words("the hub for \(name)", zh: "汇总端 \(name) 范围内")
        }
    }
}
