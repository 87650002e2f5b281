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
    var reportedBacklog: UInt64
    var timeZone: String
    /// "ample", "full", or "ballast_in_use": see `StorageState`.
    var disk: String

    static func show(_ folder: HubFolder, json: Bool) throws {
        let store = try folder.open()
        let devices = try store.devices()
        let status = HubStatus(
            devices: devices.count, pendingDevices: devices.filter { $0.state == .pending }.count,
            reportedBacklog: devices.reduce(0) { $0 + $1.urgent.count + $1.routine.count },
            timeZone: try store.settings().timeZone, disk: store.storage().rawValue)
        if json { return try Output.json(status) }
        Output.line(
            Words(
                "\(status.devices) devices, \(status.pendingDevices) waiting to be confirmed; they last "
                    + "reported "
                    + "\(status.reportedBacklog) versions not yet sent",
                zh:
                    "设备 \(status.devices) 台，待确认 \(status.pendingDevices) 台；"
                    + "最近报告尚有 \(status.reportedBacklog) 条未发送"
            ))
        if let words = StorageWords.words(for: store.storage()) { Output.line(words) }
        for line in DeviceRow.table(devices).lines() { Output.line(line) }
    }
}
