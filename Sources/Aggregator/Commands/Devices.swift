import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// Join codes of the centre.
enum Invitations {
    /// Makes a code, stores its hash, and returns its text.
    static func make(
        unit: String, address: String, isTrusted: Bool, validHours: Int, folder: HubFolder
    ) throws -> String {
        guard (1...8_760).contains(validHours) else {
            throw Failure(.usage, Words("valid-hours is 1 to 8760", zh: "有效小时数为 1 至 8760"))
        }
        guard HostPort(address) != nil else {
            throw Failure(.usage, Words("\(address) is no HOST:PORT", zh: "\(address) 不是 HOST:PORT"))
        }
        let store = try folder.open()
        let key = try folder.key()
        let now = HubFolder.milliseconds()
        let code = JoinCode(
            address: address, hub: key.fingerprint, unit: unit, secret: Token16.random(),
            expires: now + Milliseconds(validHours) * 3_600_000)
        try store.invite(
            Invitation(
                secretHash: Hashing.sha256(code.secret.bytes), unit: unit, isTrusted: isTrusted,
                expires: code.expires), now: now)
        return code.text
    }
}

/// A device as scripts and people read it.
struct DeviceRow: Encodable {
    var id: Int64
    var unit: String
    var label: String
    var state: String
    var fingerprint: String
    var joined: String
    var lastSeen: String?
    var skewMilliseconds: Int64
    var urgentBacklog: UInt64
    var routineBacklog: UInt64
    var program: String

    init(_ device: DeviceInfo) {
        id = device.id
        unit = device.unit
        label = Output.printable(device.label)
        state = device.state.rawValue
        fingerprint = device.fingerprint.short
        joined = RecordText.time(device.joined)
        lastSeen = device.lastSeen.map(RecordText.time)
        skewMilliseconds = device.skew
        urgentBacklog = device.urgent.count
        routineBacklog = device.routine.count
        program = Output.printable(device.program)
    }

    static func table(_ devices: [DeviceInfo]) -> TextTable {
        let head = [
            Words("id", zh: "编号"), Words("unit", zh: "单位"), Words("state", zh: "状态"),
            Words("last seen", zh: "最近联系"), Words("queued there", zh: "对方待发"), Words("device", zh: "设备"),
        ]
        var table = TextTable(head.map { $0.text() })
        for device in devices {
            let row = DeviceRow(device)
            let state =
                device.state == .pending
                ? "\(row.state) \(String(format: "%06d", device.confirmation))" : row.state
            table.add([
                "\(row.id)", row.unit, state, row.lastSeen ?? "-",
                "\(row.urgentBacklog + row.routineBacklog)",
                row.label,
            ])
        }
        return table
    }
}
