import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

struct BranchesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "branches",
        Words(
            "At the centre: each branch's last contact, backlog, gaps, clock, link and program; what is "
                + "wrong, and what to do.",
            zh: "在中心：各支部的最近联系、积压、缺口、时钟、链路和程序；问题和下一步。"),
        example: "sync-inspect branches --data DIR")

    @OptionGroup var options: StoreOptions
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A branch that was not heard for so many hours is called silent.", zh: "超过这么多小时没有联系即视为失联。"))
    var silentHours = 24.0
    @Flag(name: .long, help: ArgumentHelp("Only those with which something is wrong.", zh: "只列有问题的。"))
    var troubled = false

    func validate() throws {
        if !(0...1_000_000).contains(silentHours) {
            throw ValidationError(
                Words("--silent-hours is a number from 0 on.", zh: "--silent-hours 应为不小于 0 的数。").text())
        }
    }

    func run() async throws {
        try await options.inspect { opened, damages in
            guard case .hub(let hub) = opened else { throw BranchesCommand.isBranch }
            return try BranchesReport(
                hub, isServed: StoreFolder(options.folder).isServed, now: Now.milliseconds(),
                silence: Milliseconds(silentHours * 3_600_000), onlyTroubled: troubled, damages)
        } lines: { report, times in
            report.lines(times)
        }
    }

    private static let isBranch = Failure(
        .usage,
        Words(
            "this is a branch's store; `branches` looks at a hub's. `sync-inspect doctor` looks at a branch",
            zh: "这是支部的数据；branches 只用于汇总端。查看支部请用 sync-inspect doctor"))
}

struct BranchesReport: StoreReport {
    struct Trouble: Encodable, Hashable {
        /// `pending`, `revoked`, `never`, `silent`, `clock`, `copied`, `gap`, `unsealed`, `backlog`,
        /// `no_report`,
        /// `quarantine`, `refused`.
        var code: String
        var words: String
        var next: String

        init(_ code: String, _ words: Words, next: Words) {
            self.code = code
            self.words = words.text()
            self.next = next.text()
        }
    }

    struct Journal: Encodable {
        var origin: String
        var lane: String
        var held: UInt64
        /// "first-last" of what is missing for ever.
        var holes: [String]
        var unsealed: UInt64
    }

    struct Branch: Encodable {
        var device: Int64
        var unit: String
        var state: String
        /// A session stands now.
        var connected: Bool
        var lastSeen: String?
        var urgentBacklog: UInt64
        var routineBacklog: UInt64
        var oldestSeconds: UInt64
        var skewMilliseconds: Int64
        var stores: Int
        /// The median of its last sessions that moved something.
        var bytesPerSecond: Double?
        var program: String
        var version: UInt16?
        var quarantined: Int
        var journals: [Journal]
        var troubles: [Trouble]
        fileprivate var seen: Milliseconds?

        private enum CodingKeys: String, CodingKey {
            case device, unit, state, connected, lastSeen, urgentBacklog, routineBacklog, oldestSeconds
            case skewMilliseconds, stores, bytesPerSecond, program, version, quarantined, journals, troubles
        }
    }

    private static let month: Milliseconds = 30 * 86_400_000

    var serving: Bool
    var branches: [Branch] = []
    var damaged: [Damages.Entry] = []

    init(
        _ hub: SQLiteHubStore, isServed: Bool, now: Milliseconds, silence: Milliseconds,
        onlyTroubled: Bool, _ damages: Damages
    ) throws {
        serving = isServed
        let gaps = try damages.attempt("hole", Words("journals", zh: "日志"), [:]) { try hub.gaps() }
        var held: [Int64: Int] = [:]
        let counts = try damages.attempt("quarantine", Words("what is held back", zh: "隔离的版本"), []) {
            try hub.quarantineCounts()
        }
        for one in counts { held[one.device, default: 0] += one.count }
        let due = try damages.attempt("report", Words("reports", zh: "报告"), nil) {
            DueReports(try hub.settings(), now: now)
        }
        let silent = try damages.attempt("report", Words("reports", zh: "报告"), []) {
            Set(try due?.missing(at: hub) ?? [])
        }
        let copies = try damages.attempt("audit", Words("the audit log", zh: "审计记录"), [:]) {
            try hub.copiesNoticed()
        }
        for device in try hub.devices() {
            let sessions = try damages.attempt("session_entry", Words("the sessions", zh: "会话记录"), []) {
                try hub.sessions(of: device.id, limit: SessionEntry.keptOfDevice)
            }
            let branch = BranchesReport.branch(
                device, gaps[device.id] ?? [], sessions, held: held[device.id] ?? 0,
                report: device.state == .active && silent.contains(device.unit) ? due : nil,
                copied: copies[device.id].flatMap {
                    now.subtractingClamped($0) < BranchesReport.month ? $0 : nil
                }, isServed: isServed, now: now, silence: silence)
            if !onlyTroubled || !branch.troubles.isEmpty { branches.append(branch) }
        }
        damaged = damages.entries
    }

    private static func branch(
        _ device: DeviceInfo, _ gaps: [HubGap], _ sessions: [SessionEntry], held: Int,
        report: DueReports?, copied: Milliseconds?, isServed: Bool, now: Milliseconds, silence: Milliseconds
    ) -> Branch {
        let rates = sessions.compactMap(SessionWords.goodput).sorted()
        let rate = rates.isEmpty ? nil : rates[rates.count / 2]
        var branch = Branch(
            device: device.id, unit: Masking.clean(device.unit), state: device.state.rawValue,
            connected: isServed && sessions.first?.ending == nil && !sessions.isEmpty,
            lastSeen: device.lastSeen.map(RecordText.time), urgentBacklog: device.urgent.count,
            routineBacklog: device.routine.count,
            oldestSeconds: max(device.urgent.oldestAge, device.routine.oldestAge) / 1_000,
            skewMilliseconds: device.skew, stores: device.replicas,
            bytesPerSecond: rate.map { ($0 * 10).rounded() / 10 }, program: Masking.clean(device.program),
            version: device.version == 0 ? nil : device.version, quarantined: held,
            journals: gaps.map { gap in
                Journal(
                    origin: RecordText.origin(gap.origin), lane: "\(gap.lane)", held: gap.held,
                    holes: gap.holes.map { "\($0.lowerBound)-\($0.upperBound)" }, unsealed: gap.unsealed)
            }, troubles: [], seen: device.lastSeen)
        branch.troubles =
            BranchTroubles(
                device: device, gaps: gaps, sessions: sessions, held: held, report: report,
                copied: copied, isConnected: branch.connected, now: now, silence: silence
            ).all
        return branch
    }

    func lines(_ times: TimeText) -> [String] {
        guard !branches.isEmpty else {
            return [
                Words(
                    "no device has joined, or none is in trouble; `aggregator invite UNIT` makes a code",
                    zh: "尚无设备加入，或没有问题；用 aggregator invite 单位 生成加入码"
                ).text()
            ]
        }
        var table = TextTable(
            [
                Words("device", zh: "设备"), Words("unit", zh: "单位"), Words("state", zh: "状态"),
                Words("last contact (\(times.name))", zh: "最近联系（\(times.name)）"), Words("not come", zh: "未到"),
                Words("its clock", zh: "对方时钟"), Words("link", zh: "链路"), Words("program", zh: "程序"),
            ].map { $0.text() })
        for branch in branches {
            let seen =
                branch.connected
                ? Words("connected", zh: "在线").text()
                : branch.seen.map(times.text) ?? Words("never", zh: "从未").text()
            let version = branch.version.map { " (v\($0))" } ?? ""
            table.add([
                "\(branch.device)", branch.unit, CodeWords.device(branch.state).text(), seen,
                "\(branch.urgentBacklog &+ branch.routineBacklog)",
                BranchTroubles.clock(branch.skewMilliseconds).text(),
                branch.bytesPerSecond.map { SessionWords.rate($0).text() } ?? "-", branch.program + version,
            ])
        }
        var lines = table.lines()
        if !serving {
            lines.append(
                Words(
                    "no `aggregator serve` runs on this store: nobody can connect",
                    zh: "此数据上没有运行 aggregator serve：任何支部都无法连接"
                ).text())
        }
        for branch in branches {
            for trouble in branch.troubles {
                lines.append(
                    Words(
                        "\(branch.unit), device \(branch.device): \(trouble.words). Next: \(trouble.next)",
                        zh: "\(branch.unit)，设备 \(branch.device)：\(trouble.words)。下一步：\(trouble.next)"
                    ).text())
            }
        }
        return lines
    }
}
