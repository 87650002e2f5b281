public import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// The central office's program.
public struct AggregatorCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        "aggregator",
        Words(
            "The central office's side of Rollcall: takes in what branches send and shows who is missing.",
            zh: "Rollcall 汇总端：接收各支部发来的内容，显示谁还没有打卡。"),
        example: "aggregator init --data DIR; aggregator import units units.csv --data DIR; "
            + "aggregator invite B01 --data DIR; aggregator serve --data DIR",
        version: Program.version,
        subcommands: [
            InitCommand.self, SettingsCommand.self, ImportCommand.self, InviteCommand.self,
            DevicesCommand.self,
            ConfirmCommand.self, RevokeCommand.self, ReleaseCommand.self,
            ServeCommand.self, AlertsCommand.self, DutyCommand.self, RulesCommand.self, AddCommand.self,
            FormsCommand.self, BoardsCommand.self, BoardCommand.self, BriefCommand.self,
            CoverageCommand.self, ExportCommand.self, StatusCommand.self,
            ConflictsCommand<AggregatorProgram>.self, HistoryCommand<AggregatorProgram>.self,
            PurgeCommand.self, BackupCommand.self, RestoreCommand.self, KeyCommand.self,
            AuditCommand.self,
        ])

    public init() {}
}

/// What all verbs share.
struct DataOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The folder that holds the hub's store.", zh: "汇总端的数据目录。"))
    var data: String

    var folder: HubFolder { HubFolder(path: data) }
}

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "init",
        Words("Make a new hub: a store, and the key that branches will pin.", zh: "建立新的汇总端：数据和各支部将认定的密钥。"),
        example: "aggregator init --data DIR --name COMMITTEE --time-zone Asia/Shanghai")

    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Option(
        name: .long, help: ArgumentHelp("The committee's name, shown at the branches.", zh: "党委名称，显示给各支部。"))
    var name = "Rollcall"
    @Option(
        name: .customLong("time-zone"),
        help: ArgumentHelp(
            "IANA name; days and cut-off hours are local to it.", zh: "时区（IANA 名称）；日期和截止时间以此为准。"))
    var timeZone = "Asia/Shanghai"
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Further settings, NAME=VALUE (see OPERATING.md).", zh: "其他设置，名称=值（见 OPERATING.md）。"))
    var set: [String] = []

    func run() async throws {
        try await Program.run {
            var settings = Settings()
            settings.timeZone = timeZone
            for assignment in set { try settings.apply(assignment) }
            try settings.requireOrder()
            try act.folder(store).create(name: name, settings: settings)
            Output.remark(
                Words("made a hub in \(store.data)", zh: "已在 \(store.data) 建立汇总端"))
        }
    }
}

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "invite",
        Words(
            "Make a join code for one device of a unit; prints the code "
                + "alone.", zh: "为某单位的一台设备生成加入码；只输出加入码。"),
        example: "aggregator invite B01 --data DIR --address hub.example:7710")

    @Argument(help: ArgumentHelp("The unit's code, as imported.", zh: "单位代码，与导入的一致。"))
    var unit: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the branch reaches the hub, HOST:PORT; without it 127.0.0.1:7710, for this machine alone.",
            zh: "支部连接汇总端的地址，HOST:PORT；不写即为 127.0.0.1:7710，仅限本机使用。"))
    var address: String?
    private static let ownMachine = "127.0.0.1:7710"
    @Flag(
        name: .long,
        help: ArgumentHelp("The device counts at once, without comparing six digits.", zh: "设备立即启用，无须核对六位数字。")
    )
    var trusted = false
    @Option(
        name: .customLong("valid-hours"),
        help: ArgumentHelp("How long the code can be used.", zh: "加入码的有效小时数。"))
    var validHours = 168

    func run() async throws {
        try await Program.run {
            let code = try Invitations.make(
                unit: unit, address: address ?? InviteCommand.ownMachine, isTrusted: trusted,
                validHours: validHours, folder: try act.folder(store)
            )
            Output.line(code)
            if address == nil {
                Output.remark(
                    Words(
                        "this code only works on this machine (\(InviteCommand.ownMachine)); for another one "
                            + "name with --address where it reaches the hub",
                        zh: "此加入码只能在本机使用（\(InviteCommand.ownMachine)）；其他机器请用 --address 指定汇总端地址"))
            }
        }
    }
}

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "devices",
        Words(
            "List the devices that joined, with what they had queued when last seen.",
            zh: "列出已加入的设备，以及最近联系时各自的待发数。"),
        example: "aggregator devices --data DIR")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try store.folder.open()
            let devices = try hub.devices()
            let heldBack = try HeldBack.read(hub)
            let brought = try hub.broughtToday(HubFolder.milliseconds())
            if json {
                return try Output.json(
                    devices.map { device in
                        DeviceRow(
                            device, heldBack: heldBack.filter { $0.device == device.id },
                            bytesToday: brought[device.id] ?? 0)
                    })
            }
            let times = TimeText(zone: try hub.settings().timeZone)
            for line in DeviceRow.lines(devices, times: times) { Output.line(line) }
            for line in DeviceRow.crowding(brought, limit: try hub.dayLimit()) { Output.line(line) }
            for line in HeldBack.lines(heldBack) { Output.line(line) }
            for line in try IdentityLines.lines(hub, devices, times: times) { Output.line(line) }
            let missing = try store.folder.revocationsMissing(in: hub).count
            if missing > 0 { Output.line(RevocationWords.missing(missing)) }
            if let words = try store.folder.doubtOfRevocations(in: hub) { Output.line(words) }
        }
    }
}

struct ConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "confirm",
        Words(
            "Let a pending device in, after comparing the six digits that its screen shows.",
            zh: "核对设备屏幕上的六位数字后，启用待确认的设备。"),
        example: "aggregator confirm 123456 --data DIR")

    @Argument(help: ArgumentHelp("The six digits.", zh: "六位数字。"))
    var number: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            guard let confirmation = UInt32(number), number.count == 6 else {
                throw Failure(
                    .usage,
                    Words(
                        "the number has six digits; ask for it again, or see `aggregator devices`",
                        zh: "应为六位数字；请再次询问，或用 aggregator devices 查看"))
            }
            let hub = try act.folder(store).open()
            guard try hub.confirm(confirmation: confirmation, now: HubFolder.milliseconds()) else {
                throw Failure(
                    .noInput,
                    Words(
                        "no pending device shows \(number); compare again, or list them with `aggregator "
                            + "devices`",
                        zh: "没有等待确认的设备显示 \(number)；请再核对，或用 aggregator devices 查看"))
            }
            Output.remark(Words("the device is confirmed", zh: "设备已确认"))
        }
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "status",
        Words("What the hub holds: devices, backlog they reported, settings.", zh: "汇总端概况：设备、各自报告的积压、设置。"),
        example: "aggregator status --data DIR")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            try HubStatus.show(store.folder, json: json)
        }
    }
}
