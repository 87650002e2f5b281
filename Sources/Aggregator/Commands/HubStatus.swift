import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// What `aggregator status` shows.
struct HubStatus: Encodable {
    var devices: Int
    var pendingDevices: Int
    /// Versions that the devices had queued when each was last seen.
    var reportedBacklog: UInt64
    /// Records about which a person has to decide.
    var conflicts: Int
    /// Entries that are held back, by device and reason.
    var heldBack: [HeldBack]
    var timeZone: String
    /// When the oldest came that is in no backup, UTC.
    var oldestWithoutBackup: String?
    /// UTC. When the clock went back the last time, and what it had shown, where that is known.
    var clockWentBack: [String]?
    /// UTC. Cut-offs that passed meanwhile are judged then: the store was put back.
    var cutOffsHeldUntil: String?
    /// "ample", "full", or "ballast_in_use": see `StorageState`.
    var disk: String
    /// SHA-256 of this hub's public key, by which its receipts are checked.
    var fingerprint: String

    static func show(_ folder: HubFolder, json: Bool) throws {
        let store = try folder.open()
        let devices = try store.devices()
        let unsaved = try store.oldestWithoutBackup()
        let marks = try store.ruleMarks()
        let status = HubStatus(
            devices: devices.count, pendingDevices: devices.filter { $0.state == .pending }.count,
            reportedBacklog: devices.reduce(0) {
                $0.addingClamped($1.urgent.count).addingClamped($1.routine.count)
            },
            conflicts: try store.conflictCount(), heldBack: try HeldBack.read(store),
            timeZone: try store.settings().timeZone,
            oldestWithoutBackup: unsaved.map(RecordText.time),
            clockWentBack: marks?.wentBack.map { [RecordText.time($0.to), RecordText.time($0.from)] },
            cutOffsHeldUntil: marks?.held.map { RecordText.time($0.until) },
            disk: store.storage().rawValue, fingerprint: store.hub.description)
        if json { return try Output.json(status) }
        Output.line(
            Words(
                "\(status.devices) devices, \(status.pendingDevices) waiting to be confirmed; of what they "
                    + "had when last seen, \(status.reportedBacklog) entries have not come",
                zh: "设备 \(status.devices) 台，待确认 \(status.pendingDevices) 台；"
                    + "最近联系时的待发内容中还有 \(status.reportedBacklog) 条未到"))
        if status.conflicts > 0 {
            Output.line(
                Words(
                    "\(status.conflicts) records wait for a decision; `aggregator conflicts list` names them",
                    zh: "有 \(status.conflicts) 条记录待裁定；用 aggregator conflicts list 查看"))
        }
        for line in HeldBack.lines(status.heldBack) { Output.line(line) }
        if let words = StorageWords.words(for: store.storage()) { Output.line(words) }
        if let words = BackupAge.words(oldest: unsaved, now: HubFolder.milliseconds()) { Output.line(words) }
        Output.line(
            Words(
                "fingerprint of this hub (of its first key, for proofs): \(status.fingerprint)",
                zh: "本汇总端的指纹（首个密钥，用于核对证明）：\(status.fingerprint)"))
        let times = TimeText(zone: status.timeZone)
        if let marks { RuleMarkWords.lines(marks, times, now: HubFolder.milliseconds()).forEach(Output.line) }
        for line in DeviceRow.lines(devices, times: times) { Output.line(line) }
        for line in try IdentityLines.lines(store, devices, times: times) { Output.line(line) }
        let missing = try folder.revocationsMissing(in: store).count
        if missing > 0 { Output.line(RevocationWords.missing(missing)) }
        if let words = try folder.doubtOfRevocations(in: store) { Output.line(words) }
    }
}
