import ArgumentParser
import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

struct CarryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "carry",
        Words(
            "Where there is no link: write what waits to a file for the centre, or read an entry out by "
                + "telephone, and take in the answer.",
            zh: "没有网络时：把待发内容写成文件带给中心，或通过电话念给中心，并收取答复。"),
        discussion: Words(
            "Carry the file by any means: only the hub can read it. The centre takes it with "
                + "`aggregator import --carried FILE` and gives an answer file back; `carry --receipts FILE` "
                + "takes that in. A telephone is enough for an alert or a report: `carry --text alert` "
                + "prints lines of digits to read out, the centre types them after `aggregator "
                + "import --text -` and reads an answer back. Nothing happens twice when the same entries "
                + "also go over a link.",
            zh: "文件可用任何方式传送，只有汇总端能读。中心用 aggregator import --carried FILE 收取并给出答复文件，"
                + "再用 carry --receipts FILE 收取答复。预警或报告可用电话：carry --text alert 显示若干行数字供念读，"
                + "中心在 aggregator import --text - 后录入并念回答复码。相同内容又经网络发送也不会重复。"),
        example: "branch-agent carry today.carried --data DIR; branch-agent carry --receipts "
            + "today.carried.answer --data DIR; branch-agent carry --text alert --data DIR")

    @Argument(
        help: ArgumentHelp(
            "The file to write. What does not fit into one goes into FILE.2, FILE.3 and so on.",
            zh: "要写入的文件。一个装不下时，其余写入 FILE.2、FILE.3 等。"))
    var file: String?
    @Option(name: .long, help: ArgumentHelp("Take in this answer of the hub's.", zh: "收取汇总端的此答复文件。"))
    var receipts: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Print what waits of this form, such as alert or daily-report, as digits to read out.",
            zh: "把此表单（如 alert、daily-report）的待发内容显示为可念读的数字。"))
    var text: String?
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "With --text: only the record with this key, in the form's order.",
            zh: "与 --text 同用：仅限此键值（按表单顺序）的记录。"))
    var key: [String] = []
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Take in the digits that the centre read back.", zh: "录入中心念回的答复码。"))
    var answer: [String] = []
    @Option(name: .long, help: ArgumentHelp("Megabytes of one file, at most.", zh: "单个文件的上限，单位 MB。"))
    var size = 8
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    private struct Written: Encodable {
        var files: [String]
        var versions: Int
        var urgent: Int
    }

    private struct Taken: Encodable {
        /// Versions that count as arrived now and did not before.
        var receipted: UInt64
        var verdicts: Int
    }

    func validate() throws {
        let ways = [file != nil, receipts != nil, text != nil, !answer.isEmpty].count { $0 }
        if ways != 1 || (!key.isEmpty && text == nil) {
            throw ValidationError(
                Words(
                    "Name the file to write or the answer to take in with --receipts; or for the telephone "
                        + "a form with --text, or the digits read back with --answer.",
                    zh: "请指定要写入的文件，或用 --receipts 指定答复文件；用电话时以 --text 指定表单，或以 --answer 录入答复码。"
                ).text())
        }
        if !(1...1_024).contains(size) {
            throw ValidationError(
                Words("--size is a number from 1 to 1,024.", zh: "--size 应为 1 至 1024。").text())
        }
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            if let receipts { return try take(receipts) }
            if let text { return try SpokenCarry(store.folder).print(text, key, json: json) }
            if !answer.isEmpty {
                return try SpokenCarry(store.folder).take(answer.joined(separator: " "), json: json)
            }
            if let file { try write(file) }
        }
    }

    // MARK: - Out

    private func write(_ file: String) throws {
        let key = try store.folder.key()
        let (agent, configuration) = try store.folder.open()
        let carried = try agent.carried(
            maximumBytes: size << 20, now: AgentFolder.milliseconds())
        var written = Written(files: [], versions: 0, urgent: 0)
        let urgent = Set(
            try (agent.closedOrigins() + agent.origins()).filter { $0.claim.lane == .urgent }.map(\.id))
        for (index, part) in carried.enumerated() {
            let path = index == 0 ? file : "\(file).\(index + 1)"
            let bytes = try Envelope.close(
                CarriedFile.encode(part), .batches, from: key, to: configuration.hubPublicKey)
            try Files.write(bytes, to: path)
            written.files.append(path)
            written.versions += part.batches.reduce(0) { $0 + $1.count }
            written.urgent += part.batches.filter { urgent.contains($0.origin) }.reduce(0) { $0 + $1.count }
        }
        if json { return try Output.json(written) }
        guard !written.files.isEmpty else {
            return Output.line(
                Words("nothing waits here; no file was written", zh: "没有待发内容；未写文件"))
        }
        let names = written.files.joined(separator: " ")
        Output.line(
            Words(
                "\(written.versions) entries, \(written.urgent) of them urgent, are in \(names); only the "
                    + "hub can read it. They count as arrived once its answer was taken in with --receipts",
                zh: "\(names) 含 \(written.versions) 条内容，其中紧急 \(written.urgent) 条；只有汇总端能读。"
                    + "用 --receipts 收取答复后才算到达"))
    }

    // MARK: - In

    private func take(_ path: String) throws {
        let key = try store.folder.key()
        let (agent, configuration) = try store.folder.open()
        let answer: CarriedAnswer
        do {
            let (sender, body) = try Envelope.open(try Files.read(path), .answer, with: key)
            guard configuration.hubKeys.signers.contains(sender) else {
                throw Failure(
                    .otherHub,
                    Words(
                        "\(path) is from another hub than this branch's; nothing was taken in",
                        zh: "\(path) 来自另一个汇总端；未收取任何内容"))
            }
            answer = try CarriedFile.decode(answer: body)
        } catch let error as Envelope.Failure {
            throw CarryCommand.failure(for: error, path)
        } catch is WireError {
            throw CarryCommand.failure(for: .broken, path)
        }
        if let keys = answer.keys, keys.replaces(configuration.hubKeys) {
            try agent.renew(keys, now: AgentFolder.milliseconds())
        }
        let receipted = try agent.accept(answer, now: AgentFolder.milliseconds())
        let taken = Taken(receipted: receipted, verdicts: answer.verdicts.count)
        if json { return try Output.json(taken) }
        Output.line(
            Words(
                "\(taken.receipted) entries have arrived that were waiting; the centre says something about "
                    + "\(taken.verdicts) (`branch-agent status`)",
                zh: "\(taken.receipted) 条待发内容确认到达；中心对其中 \(taken.verdicts) 条有说明（见 branch-agent status）"))
    }

    private static func failure(for error: Envelope.Failure, _ path: String) -> Failure {
        switch error {
        case .notOne:
            Failure(
                .noInput,
                Words(
                    "\(path) is no answer of a hub, or was cut short; ask for it again",
                    zh: "\(path) 不是汇总端的答复文件，或不完整；请重新索取"))
        case .forAnother:
            Failure(
                .noInput,
                Words("\(path) is for another device; nothing was taken in", zh: "\(path) 属于另一台设备；未收取任何内容"))
        case .broken:
            Failure(
                .altered,
                Words(
                    "\(path) was changed on its way; nothing was taken in. Ask for it again",
                    zh: "\(path) 在途中被改动；未收取任何内容。请重新索取"))
        }
    }
}
