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
            throw Failure(
                .usage,
                Words(
                    "--valid-hours is a number from 1 to 8760, not \(validHours)",
                    zh: "--valid-hours 应为 1 至 8760，而不是 \(validHours)"))
        }
        guard HostPort(address) != nil else {
            throw Failure(
                .usage,
                Words(
                    "\(address) is no HOST:PORT; write it as hub.example:7710",
                    zh: "\(address) 不是 HOST:PORT；请写成 hub.example:7710 的样式"))
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
    /// Where it came from then.
    var address: String?
    /// The hub's clock minus the device's, when last seen.
    var skewMilliseconds: Int64
    /// Versions that the device had queued when last seen.
    var urgentBacklog: UInt64
    var routineBacklog: UInt64
    /// How long the oldest of that had been waiting then.
    var oldestSeconds: UInt64
    /// When it said so: the same as `lastSeen`.
    var backlogReported: String?
    /// Six digits to compare; only while it is pending.
    var confirmation: String?
    var program: String
    /// The protocol's version.
    var version: UInt16?
    var revoked: String?
    var revokedFor: String?
    /// Stores that run as this device: more than one when its folder was copied.
    var stores: Int

    /// Bytes of entries that it brought on this UTC day.
    var bytesToday: Int64

    /// Entries that are held back, and why; of others than this device none.
    var heldBack: [HeldBack]

    init(_ device: DeviceInfo, heldBack: [HeldBack], bytesToday: Int64) {
        self.heldBack = heldBack
        self.bytesToday = bytesToday
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
        oldestSeconds = DeviceRow.oldest(device) / 1_000
        address = device.address.isEmpty ? nil : Output.printable(device.address)
        version = device.version == 0 ? nil : device.version
        revoked = device.revoked.map(RecordText.time)
        revokedFor = device.revokedFor.isEmpty ? nil : Output.printable(device.revokedFor)
        backlogReported = lastSeen
        if device.state == .pending { confirmation = String(format: "%06d", device.confirmation) }
        program = Output.printable(device.program)
        stores = device.replicas
    }

    /// - Parameter times: the committee's.
    static func lines(_ devices: [DeviceInfo], times: TimeText) -> [String] {
        guard !devices.isEmpty else {
            return [
                Words(
                    "no device has joined; `aggregator invite UNIT` makes a code for one",
                    zh: "尚无设备加入；用 aggregator invite 单位 生成加入码"
                ).text()
            ]
        }
        let head = [
            Words("id", zh: "编号"), Words("unit", zh: "单位"), Words("state", zh: "状态"),
            Words("joined", zh: "加入"),
            Words("last seen (\(times.name))", zh: "最近联系（\(times.name)）"), Words("from", zh: "地址"),
            Words("not come", zh: "未到"), Words("its clock", zh: "对方时钟"),
            Words("program", zh: "程序"), Words("device", zh: "设备"),
        ]
        var table = TextTable(head.map { $0.text() })
        for device in devices {
            let isSeen = device.lastSeen != nil
            table.add([
                "\(device.id)", Output.printable(device.unit), state(of: device).text(),
                times.text(device.joined),
                device.lastSeen.map(times.text) ?? Words("never", zh: "从未").text(),
                device.address.isEmpty ? "-" : Output.printable(device.address),
                isSeen ? backlog(of: device).text() : "-", isSeen ? clock(device.skew).text() : "-",
                isSeen ? program(of: device) : "-", Output.printable(device.label),
            ])
        }
        let isPending = devices.contains { $0.state == .pending }
        let next = Words(
            "`aggregator confirm NUMBER` lets a pending device in, once its user has read the same "
                + "number out",
            zh: "对方报出的数字一致后，用 aggregator confirm 数字 启用待确认的设备")
        return table.lines() + (isPending ? [next.text()] : [])
    }

    /// Those that bring so much in a day that somebody should look.
    ///
    /// - Parameter limit: bytes that one may bring.
    static func crowding(_ brought: [Int64: Int64], limit: Int) -> [String] {
        brought.filter { $0.value >= Int64(limit) / 8 }.sorted { $0.key < $1.key }.map {
            let (size, most) = (size($0.value), size(Int64(limit)))
            return Words(
                "device \($0.key) has brought \(size) today, far more than a branch writes, of the \(most) "
                    + "that are taken of one (`serve --device-day`); look what it sends, or `aggregator "
                    + "revoke \($0.key)`",
                zh: "设备 \($0.key) 今日已送来 \(size)，远多于一个支部的填报量（每台设备每日上限 \(most)，见 serve "
                    + "--device-day）；请查看其内容，或 aggregator revoke \($0.key)"
            ).text()
        }
    }

    private static func size(_ bytes: Int64) -> String {
        bytes < 1 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }

    /// Milliseconds that the oldest had been waiting when the device was last seen.
    private static func oldest(_ device: DeviceInfo) -> UInt64 {
        max(device.urgent.oldestAge, device.routine.oldestAge)
    }

    private static func backlog(of device: DeviceInfo) -> Words {
        let count = device.urgent.count.addingClamped(device.routine.count)
        guard count > 0, oldest(device) > 0 else { return Words("\(count)", zh: "\(count)") }
        let span = TimeText.span(Milliseconds(clamping: oldest(device)))
        return Words("\(count), oldest \(span.en)", zh: "\(count)，最早 \(span.zh)")
    }

    private static func program(of device: DeviceInfo) -> String {
        Output.printable(device.program) + (device.version == 0 ? "" : " (v\(device.version))")
    }

    private static func state(of device: DeviceInfo) -> Words {
        let words = CodeWords.device(device.state.rawValue)
        guard device.state == .pending else { return words }
        let digits = String(format: " %06d", device.confirmation)
        return words.joined(Words(digits, zh: digits))
    }

    private static func clock(_ skew: Milliseconds) -> Words {
        guard skew.magnitude > AuthoringClock.tolerance.magnitude else { return Words("right", zh: "正确") }
        let span = TimeText.span(skew)
        return skew > 0
            ? Words("\(span.en) behind", zh: "慢 \(span.zh)") : Words("\(span.en) ahead", zh: "快 \(span.zh)")
    }
}

extension UInt64 {
    /// What devices say of themselves is not checked.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }
}
