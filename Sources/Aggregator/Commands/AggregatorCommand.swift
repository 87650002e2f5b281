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
        commandName: "aggregator",
        abstract:
            "The central office's side of Rollcall: takes in what branches send and shows who is missing.",
        version: Program.version,
        subcommands: [
            InitCommand.self, ImportCommand.self, InviteCommand.self, DevicesCommand.self,
            ConfirmCommand.self,
            ServeCommand.self, CoverageCommand.self, ExportCommand.self, StatusCommand.self,
        ])

    public init() {}
}

/// What all verbs share.
struct DataOption: ParsableArguments {
    @Option(name: .long, help: "The folder that holds the hub's store.")
    var data: String

    var folder: HubFolder { HubFolder(path: data) }
}

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a new hub: a store, and the key that branches will pin.")

    @OptionGroup var store: DataOption
    @Option(name: .long, help: "The committee's name, shown at the branches.")
    var name = "Rollcall"
    @Option(name: .customLong("time-zone"), help: "IANA name; days and cut-off hours are local to it.")
    var timeZone = "Asia/Shanghai"
    @Option(name: .long, help: "Further settings, NAME=VALUE (see README).")
    var set: [String] = []

    func run() async throws {
        try await Program.run {
            var settings = Settings()
            settings.timeZone = timeZone
            for assignment in set { try settings.apply(assignment) }
            try store.folder.create(name: name, settings: settings)
            Output.remark(
                Words("made a hub in \(store.data)", zh: "已在 \(store.data) 建立汇总端"))
        }
    }
}

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Make a join code for one device of a unit; prints the code alone.")

    @Argument(help: "The unit's code, as imported.")
    var unit: String
    @OptionGroup var store: DataOption
    @Option(name: .long, help: "Where the branch reaches the hub, HOST:PORT.")
    var address = "127.0.0.1:7710"
    @Flag(name: .long, help: "The device counts at once, without comparing six digits.")
    var trusted = false
    @Option(name: .customLong("valid-hours"), help: "How long the code can be used.")
    var validHours = 168

    func run() async throws {
        try await Program.run {
            let code = try Invitations.make(
                unit: unit, address: address, isTrusted: trusted, validHours: validHours, folder: store.folder
            )
            Output.line(code)
        }
    }
}

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "List the devices that joined, with their backlog as last reported."
    )

    @OptionGroup var store: DataOption
    @Flag(name: .long) var json = false

    func run() async throws {
        try await Program.run {
            let devices = try store.folder.open().devices()
            if json {
                try Output.json(devices.map(DeviceRow.init))
            } else {
                for line in DeviceRow.table(devices).lines() { Output.line(line) }
            }
        }
    }
}

struct ConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Let a pending device in, after comparing the six digits that its screen shows.")

    @Argument(help: "The six digits.")
    var number: String
    @OptionGroup var store: DataOption

    func run() async throws {
        try await Program.run {
            guard let confirmation = UInt32(number), number.count == 6 else {
                throw Failure(.usage, Words("the number has six digits", zh: "编号为六位数字"))
            }
            guard try store.folder.open().confirm(confirmation: confirmation) else {
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
        commandName: "status", abstract: "What the hub holds: devices, backlog they reported, settings.")

    @OptionGroup var store: DataOption
    @Flag(name: .long) var json = false

    func run() async throws {
        try await Program.run {
            try HubStatus.show(store.folder, json: json)
        }
    }
}
