public import ArgumentParser
import Console
import Foundation
import NIOPosix
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// The branch's program.
public struct BranchAgentCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        "branch-agent",
        Words(
            "The branch's side of Rollcall: keeps what is typed or imported, and sends it when there is "
                + "a link.",
            zh: "Rollcall 支部端：保存录入或导入的内容，有网络时发送给汇总端。"),
        example: "branch-agent join CODE --data DIR; branch-agent add check-in person=T001 temperature=36.5 "
            + "--data DIR; branch-agent sync --data DIR",
        version: Program.version,
        subcommands: [
            JoinCommand.self, AddCommand.self, EditCommand.self, DeleteCommand.self, ImportCommand.self,
            ReportCommand.self, AlertsCommand.self, SyncCommand.self, ServeCommand.self, StatusCommand.self,
            AddressCommand.self,
            AuthorCommand.self,
            RetireCommand.self, ProofCommand.self, CarryCommand.self,
            ConflictsCommand<BranchProgram>.self,
            HistoryCommand<BranchProgram>.self,
        ])

    public init() {}
}

/// What all verbs share.
struct DataOption: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("The folder that holds the branch's store.", zh: "支部的数据目录。"))
    var data: String

    var folder: AgentFolder { AgentFolder(path: data) }
}

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "join",
        Words(
            "Join a hub with a code from the centre. Needs the network, "
                + "once.", zh: "用中心给的加入码加入汇总端。仅此一次需要联网。"),
        example: "branch-agent join rc1-... --data DIR")

    @Argument(help: ArgumentHelp("The join code.", zh: "加入码。"))
    var code: String
    @OptionGroup var store: DataOption
    @Option(name: .long, help: ArgumentHelp("What the centre calls this device.", zh: "设备名称，供中心识别。"))
    var label = ""

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            guard let code = JoinCode(text: code), let target = HostPort(code.address) else {
                throw Failure(
                    .usage,
                    Words(
                        "this is no join code, or a character of it is missing; copy the whole line again",
                        zh: "这不是加入码，或缺少字符；请重新复制整行"))
            }
            try Program.requireClockForTLS()
            let folder = store.folder
            try folder.refuseForeignStore()
            let key = try folder.keyForJoining()
            let agent = try folder.create(key)
            let old = try agent.configuration()
            let isKnownHub = old?.hubKeys.signers.contains { Hashing.sha256($0) == code.hub } ?? true
            if let old, !isKnownHub || !old.unit.utf8.elementsEqual(code.unit.utf8) {
                throw Failure(
                    .usage,
                    Words(
                        "this folder is a device of \(old.unit) already; join \(code.unit) with another "
                            + "folder",
                        zh: "此目录已是 \(old.unit) 的设备；请用另一个目录加入 \(code.unit)"))
            }
            let replica = old?.replica ?? Token16.random()
            let join = Join(
                secret: code.secret, replica: replica, label: String(label.prefix(20)),
                clock: AgentFolder.milliseconds())
            let pin = old.map { HubPin.keys($0.hubKeys) } ?? .key(code.hub)
            let answer: JoinConnection.Answer
            do {
                answer = try await self.answer(to: join, at: target, pinned: pin, key: key)
            } catch let refuse as Refuse {
                // For who looks for what went wrong, when the words have left the screen.
                if old == nil { try agent.note { $0.lastFailure = "\(refuse.code.rawValue)" } }
                throw refuse
            }
            let joined = answer.joined
            try agent.configure(
                AgentConfiguration(
                    replica: replica, address: code.address, hub: answer.hubKeys.identity(.sha256),
                    hubKeys: answer.hubKeys, unit: joined.unit, unitName: joined.unitName,
                    hubName: joined.hubName,
                    settings: joined.settings))
            try agent.note { facts in
                facts.skew = ContactFacts.skew(
                    of: joined.clock, asked: join.clock, answered: AgentFolder.milliseconds())
                facts.lastHubTime = joined.clock
                // `status` shows the six digits again for as long as this stands.
                facts.lastFailure =
                    joined.state == .pending ? "\(RefusalCode.pendingDevice.rawValue)" : nil
            }
            tell(joined)
        }
    }

    private func answer(
        to join: Join, at target: HostPort, pinned hub: HubPin, key: DeviceKey
    ) async throws -> JoinConnection.Answer {
        do {
            return try await JoinConnection.run(
                address: target.host, port: target.port, pinned: hub, key: key, join: join,
                group: MultiThreadedEventLoopGroup.singleton)
        } catch let error as TransportError {
            var failure = SyncRunner.failed(error).failure
            failure.message = LinkWords.words(joining: error, at: target)
            throw failure
        }
    }

    private func tell(_ joined: Joined) {
        Output.line(
            Words(
                "joined \(Output.printable(joined.hubName)) as a device of "
                    + Output.printable("\(joined.unit) \(joined.unitName)"),
                zh: "已加入 \(Output.printable(joined.hubName))，单位 "
                    + Output.printable("\(joined.unit) \(joined.unitName)")))
        guard joined.state == .pending else { return }
        let digits = String(format: "%06d", joined.confirmation)
        Output.line(
            Words(
                "the centre must confirm this device: ring them and read out \(digits) "
                    + "(`branch-agent status` shows it again). Until then everything you enter is kept here.",
                zh: "需由中心确认本设备：请致电并报出 \(digits)（branch-agent status 会再次显示）。"
                    + "在此之前，录入内容保存在本机。"))
    }
}

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "sync",
        Words(
            "Send what is queued and fetch what is new, until nothing is left.",
            zh: "发送本机待发内容并取回新内容，直到双方都没有剩余。"),
        example: "branch-agent sync --data DIR")

    @OptionGroup var store: DataOption
    @OptionGroup var debugging: DebuggingOptions
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let lock = try SessionHold(store.folder)
            defer { lock.release() }
            try Program.requireClockForTLS()
            let runner = try SyncRunner(store.folder, debugging: debugging)
            let progress = ProgressBar(Words("sending", zh: "正在发送"))
            Interrupt.say(
                Words(
                    "stopped. What was receipted has arrived, the rest stays queued here; run it again "
                        + "at any "
                        + "time",
                    zh: "已中止。已获回执的内容已到中心，其余仍在本机排队；可随时重新运行"))
            do {
                let report = try await runner.drain(progress: progress)
                if json { try Output.json(report) } else { SyncWords.tell(report) }
            } catch let stopped as SyncFailure {
                if json {
                    try Output.json(stopped.report)
                } else {
                    SyncWords.tell(stopped.report)
                }
                throw stopped.failure
                    ?? Failure(
                        .unreachable,
                        Words(
                            "the hub cannot be reached; everything stays queued here, try again later",
                            zh: "无法连接汇总端；所有内容仍在本机排队，请稍后再试"))
            }
        }
    }
}

/// What a person reads of a sync.
enum SyncWords {
    static let writtenWhileRevoked = Words(
        "the centre has revoked this device: what is entered here stays here or goes to quarantine, and "
            + "does not count. Ask the centre for a new join code",
        zh: "中心已停用本设备：在此填写的内容只留在本机或被隔离，不计入统计。请向中心索取新的加入码")

    static let writtenAfterRetiring = Words(
        "a certificate was made here that nothing is left to send: it does not cover this entry. Run "
            + "`branch-agent sync`, and `branch-agent retire` once more, before this device is wiped or "
            + "handed on",
        zh: "本机已出具“没有待发内容”的证明，但不包括此次填写的内容。清除或转交本设备之前，请先运行 branch-agent sync，"
            + "再重新运行 branch-agent retire")

    static func tell(_ report: SyncReport) {
        for note in report.identity { Output.line(note.words) }
        Output.line(words(for: report))
    }

    static func words(for report: SyncReport) -> Words {
        guard report.drained else {
            return Words(
                "not finished: \(report.receipted) receipted this time, \(report.queued) still queued here",
                zh: "未完成：本次获回执 \(report.receipted) 条，本机尚有 \(report.queued) 条待发")
        }
        let asked =
            report.quarantined == 0
            ? Words("", zh: "")
            : Words(
                "; the centre asks about \(report.quarantined), see `branch-agent status`",
                zh: "；中心对 \(report.quarantined) 条有疑问，见 branch-agent status")
        return Words(
            "done: \(report.receipted) receipted, nothing is left to send (\(report.bytesUp) bytes up, "
                + "\(report.bytesDown) down)\(asked.en)",
            zh: "完成：获回执 \(report.receipted) 条，没有待发内容（上行 \(report.bytesUp) 字节，"
                + "下行 \(report.bytesDown) 字节）\(asked.zh)")
    }

    /// Words for the errors that only the transport knows.
    @Sendable static func failure(_ error: any Error) -> Failure? {
        switch error {
        case let error as TransportError: SyncRunner.failed(error).failure
        default: nil
        }
    }
}
