import ArgumentParser
import Console
import Foundation
import Logging
import NIOPosix
import SQLiteStore
import ServiceLifecycle
import SyncCore
import SyncStore
import SyncTransport
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "serve",
        Words(
            "Take in what branches send, until it is told to stop (ctrl-C).", zh: "接收各支部发来的内容，直到停止（ctrl-C）。"),
        example: "aggregator serve --data DIR --listen 0.0.0.0:7710")

    @OptionGroup var store: DataOption
    @OptionGroup var debugging: DebuggingOptions
    @Option(name: .long, help: ArgumentHelp("Where to listen, HOST:PORT.", zh: "监听地址，HOST:PORT。"))
    var listen = "127.0.0.1:7710"
    @Option(
        name: .long,
        help: ArgumentHelp(
            "How many devices may be connected at a time; of others only what is urgent is taken.",
            zh: "同时连接的设备数上限；超出的设备只接收紧急内容。"))
    var sessions = HubLoad.sessions
    @Option(
        name: .customLong("device-day"),
        help: ArgumentHelp(
            "MiB of entries that one device may bring in a UTC day; of what is urgent as many again.",
            zh: "一台设备每日（UTC）可送来的内容上限，单位 MiB；紧急内容另有同样的额度。"))
    var deviceDay = Limits.deviceDayBytes >> 20

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Try again what was refused because the program died over it.", zh: "重试因程序出错而被拒绝的内容。"))
    var retryRefused = false
    @Option(
        name: .customLong("on-alert"),
        help: ArgumentHelp(
            "A command that wakes somebody: run with the alert's name, unit, level and how many wait, until "
                + "they are taken. Many at a time are one run. It is ended after 30 seconds.",
            zh: "用于唤醒值班人的命令：附上预警编号、单位、级别和待处理数反复运行，直到有人接手。"
                + "多条预警合并为一次运行；超过 30 秒即被终止。"))
    var onAlert: String?
    @Option(
        name: .customLong("on-alert-every"),
        help: ArgumentHelp(
            "Seconds between its first two runs; the pause doubles up to a quarter of an hour.",
            zh: "前两次运行的间隔秒数；此后逐次加倍，最长一刻钟。"))
    var onAlertEvery = 60
    @Flag(
        name: .customLong("on-alert-personal"),
        help: ArgumentHelp(
            "Tell it whose turn it is as well, and the telephone number.", zh: "同时把轮到的值班人及其电话交给该命令。"))
    var onAlertPersonal = false

    private func checkNumbers() throws {
        guard sessions >= 0 else {
            throw Failure(
                .usage,
                Words(
                    "--sessions is at least 0, not \(sessions); leave it out for \(HubLoad.sessions)",
                    zh: "--sessions 至少为 0，而不是 \(sessions)；不写即为 \(HubLoad.sessions)"))
        }
        guard (1...1_048_576).contains(deviceDay) else {
            throw Failure(
                .usage,
                Words(
                    "--device-day is a number of MiB from 1 on, not \(deviceDay); leave it out for "
                        + "\(Limits.deviceDayBytes >> 20)",
                    zh: "--device-day 为不小于 1 的 MiB 数，而不是 \(deviceDay)；不写即为 "
                        + "\(Limits.deviceDayBytes >> 20)"))
        }
    }

    func run() async throws {
        try await Program.run {
            try checkNumbers()
            try Program.requireClockForTLS()
            Descriptors.raise()
            let folder = store.folder
            try Files.requireEntry(folder.path)
            let lock = try SessionLock(folder: folder.path)
            defer { withExtendedLifetime(lock) {} }
            try folder.settleRestore()
            try folder.settleKeys()
            let hubStore = try folder.open()
            try hubStore.limitDay(toBytes: deviceDay << 20)
            try folder.requireRevocations(of: hubStore)
            let key = try folder.key()
            var logger = Logger(label: "aggregator") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .info
            let missing = try folder.reconcileRevocations(with: hubStore)
            if missing > 0 {
                logger.say(
                    .warning, "revocations_mended", RevocationWords.missing(missing), ["count": "\(missing)"])
            }
            var load = HubLoad()
            load.sessions = sessions
            let (watch, suspicion) = try TrapWatch.start(
                folder: folder.path, store: hubStore, isForgetting: retryRefused, logger: logger)
            let writer = HubWriter(
                store: hubStore, watch: watch, suspicion: suspicion, logger: logger, rules: HubRules(),
                now: HubFolder.milliseconds)
            let frames = FrameGuard(watch: watch, suspicion: suspicion, logger: logger) {
                writer.forget($0)
            }
            let reader = HubReader { try folder.openForReading() }
            let server = HubServer(
                writer: writer, logger: logger, load: load, frames: frames, reader: reader,
                now: HubFolder.milliseconds)
            guard let address = HostPort(listen) else {
                throw Failure(
                    .usage,
                    Words(
                        "\(listen) is no HOST:PORT; write it as 0.0.0.0:7710",
                        zh: "\(listen) 不是 HOST:PORT；请写成 0.0.0.0:7710 的样式"))
            }
            let called = onAlert.map { CalledProgram.find($0) ?? $0 }
            if let onAlert, CalledProgram.find(onAlert) == nil {
                Output.remark(CalledProgram.missing(onAlert))
            }
            let caller = called.map { command in
                AlertCaller(
                    AlertCaller.Plan(
                        command: command, every: .seconds(min(max(onAlertEvery, 1), 900)),
                        isPersonal: onAlertPersonal, file: folder.path + "/rung.json"),
                    writer: writer, logger: logger, now: HubFolder.milliseconds)
            }
            let listener = HubListenerService(
                address: address, key: key, keys: hubStore.keys, server: server, caller: caller,
                debugging: try files(folder))
            try? hubStore.loseOpenSessions()
            let group = ServiceGroup(
                services: [listener], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            try await group.run()
        }
    }
}

extension ServeCommand {
    /// Who looks at people's data leaves an entry in the audit log.
    fileprivate func files(_ store: HubFolder) throws -> LinkDebugging {
        let unmasked = try debugging.unmasked()
        if !unmasked.isEmpty {
            // By a person, not by the hub itself.
            let named = try HubFolder(path: store.path, actor: Actor.current(as: nil)).open()
            for what in unmasked {
                try named.record(act: "unmasked", detail: what, now: HubFolder.milliseconds())
            }
        }
        let files = try LinkDebugging.files(
            transcript: debugging.transcript, keyLog: debugging.tlsKeyLog, side: "hub",
            program: "aggregator \(Program.version)", now: HubFolder.milliseconds(),
            masking: debugging.masking)
        debugging.warn()
        return files
    }
}

/// The listener as a service that ends gracefully on a signal.
struct HubListenerService: Service {
    let address: HostPort
    let key: DeviceKey
    let keys: HubKeyring
    let server: HubServer
    /// Nil: nobody is woken.
    var caller: AlertCaller?
    var debugging = LinkDebugging()

    func run() async throws {
        // What fell due while nobody served comes before anything that branches send now.
        _ = await server.writer.lookAtRules()
        let listener: HubListener
        var limits = HubLimits()
        // Who may have a session must get in beside those at the door.
        let sessions = min(server.load.sessions, 1_000_000)
        limits.connections = max(limits.connections, sessions + limits.strangers + limits.judging)
        do {
            listener = try await HubListener.start(
                at: address, key: key, keys: keys, service: server, limits: limits,
                group: MultiThreadedEventLoopGroup.singleton, debugging: debugging)
        } catch TransportError.unreachable(let reason) {
            throw Failure(.usage, HubListenerService.words(forNoListening: reason, at: address))
        }
        Output.remark(Words("listening on \(listener.address)", zh: "正在监听 \(listener.address)"))
        let purger = HubPurger(writer: server.writer, logger: server.logger, now: HubFolder.milliseconds)
        let watchers = [
            Task { await watchStorage() }, Task { await watchOthers() }, Task { await purger.runDaily() },
            Task { await watchRules() },
        ]
        let calling = Task { await caller?.run() }
        try? await gracefulShutdown()
        for watcher in watchers { watcher.cancel() }
        calling.cancel()
        // What hangs is ended before the program is.
        await calling.value
        await listener.shutdown()
        await server.noteSums(isLast: true)
        await server.diary.write(with: server.writer)
    }

    static func words(forNoListening reason: String, at address: HostPort) -> Words {
        if reason.contains("Address already in use") {
            return Words(
                "cannot listen at \(address): another program uses this port; stop it, or name another port "
                    + "with --listen",
                zh: "无法监听 \(address)：另一程序正在使用此端口；请停止它，或用 --listen 指定另一端口")
        }
        if reason.contains("Cannot assign requested address") {
            return Words(
                "cannot listen at \(address): this machine has no such address; name one of its own with "
                    + "--listen, or 0.0.0.0 for all",
                zh: "无法监听 \(address)：本机没有此地址；请用 --listen 指定本机地址，或用 0.0.0.0 表示全部")
        }
        if reason.contains("UnknownHost") || reason.contains("is unknown") {
            return Words(
                "cannot listen at \(address): there is no such host name; name an address of this machine "
                    + "with --listen",
                zh: "无法监听 \(address)：找不到该主机名；请用 --listen 指定本机地址")
        }
        if reason.contains("Permission denied") {
            return Words(
                "cannot listen at \(address): ports below 1024 are not for everybody; name one from 1024 on "
                    + "with --listen",
                zh: "无法监听 \(address)：没有权限使用 1024 以下的端口；请用 --listen 指定 1024 及以上的端口")
        }
        return Words(
            "cannot listen at \(address) (\(reason)); name an address of this machine and a free port with "
                + "--listen",
            zh: "无法监听 \(address)（技术信息：\(reason)）；请用 --listen 指定本机地址和空闲端口")
    }

    /// How often the disk, and what other processes wrote, are looked at.
    private static let lookEvery = Duration.seconds(2)

    /// How often it is looked whether somebody was revoked.
    private static let lookAfterRevokedEvery = Duration.milliseconds(500)

    /// Tells the branches of what another program wrote here: an import, a decision about a conflict, other
    /// settings. Hangs up on devices that another program has revoked.
    private func watchOthers() async {
        var last: (position: UInt64, settings: UInt64)?
        while !Task.isCancelled {
            let news = try? await server.writer.run {
                (try $0.logPosition(), Hello.print(of: try $0.settingsJSON()), try $0.revokedDevices())
            }
            if let (position, settings, revoked) = news {
                server.hangUp(on: revoked)
                if let last, position > last.position || settings != last.settings { server.logMoved() }
                last = (position, settings)
            }
            try? await Task.sleep(for: HubListenerService.lookAfterRevokedEvery)
        }
    }

    /// How often rules are evaluated.
    private static let ruleEvery = Duration.milliseconds(500)

    private func watchRules() async {
        while !Task.isCancelled {
            if await server.writer.lookAtRules() { continue }
            try? await Task.sleep(for: HubListenerService.ruleEvery)
        }
    }

    /// Says once that the disk is full, and once that there is room again, which goes to the ballast first.
    private func watchStorage() async {
        var last = StorageState.ample
        while !Task.isCancelled {
            if let state = try? await server.writer.run({ $0.storage() }), state != last {
                last = state
                if let words = StorageWords.words(for: state) {
                    server.logger.say(.warning, "storage", words, ["storage": state.rawValue])
                } else {
                    server.logger.say(.notice, "storage", StorageWords.ample, ["storage": state.rawValue])
                }
            }
            await server.noteSums()
            await server.diary.write(with: server.writer)
            try? await Task.sleep(for: HubListenerService.lookEvery)
        }
    }
}
