import Console
import SQLiteStore
import SyncCore
import SyncStore

/// A hub has no queue: what its devices said of theirs when they last spoke to it.
struct HubQueue: Encodable {
    struct Waiting: Encodable {
        var count: UInt64
        var oldestAgeSeconds: UInt64
    }

    struct Device: Encodable {
        var id: Int64
        var unit: String
        /// First sixteen hexadecimal digits.
        var fingerprint: String
        var state: String
        var lastSeen: String?
        var urgent: Waiting
        var routine: Waiting
    }

    /// A version that is kept and receipted and holds nothing.
    struct Quarantined: Encodable {
        var dot: String
        var form: String
        var device: Int64?
        var reasons: [String]
    }

    var store = "hub"
    var damaged: [Damages.Entry] = []
    var devices: [Device]
    var quarantined: [Quarantined]
    private let times: TimeText
    private let seen: [Milliseconds?]

    private enum CodingKeys: String, CodingKey { case store, devices, quarantined, damaged }

    init(_ store: SQLiteHubStore, times: TimeText) throws {
        self.init(
            try store.devices(),
            quarantined: try store.quarantined().map { held in
                Quarantined(
                    dot: RecordText.text(held.dot), form: Masking.clean(held.form), device: held.device,
                    reasons: try store.verdicts(on: held.dot).filter { $0.kind == .quarantined }
                        .map { Masking.clean($0.reason) })
            }, times: times)
    }

    init(
        _ devices: [DeviceInfo], quarantined: [Quarantined] = [],
        times: TimeText = TimeText(zone: "UTC")
    ) {
        self.quarantined = quarantined
        self.times = times
        seen = devices.map(\.lastSeen)
        self.devices = devices.map { device in
            Device(
                id: device.id, unit: Masking.clean(device.unit), fingerprint: device.fingerprint.short,
                state: device.state.rawValue, lastSeen: device.lastSeen.map(RecordText.time),
                urgent: Waiting(
                    count: device.urgent.count, oldestAgeSeconds: device.urgent.oldestAge / 1_000),
                routine: Waiting(
                    count: device.routine.count, oldestAgeSeconds: device.routine.oldestAge / 1_000))
        }
    }

    func lines() -> [String] {
        let head = Words(
            "a hub has no queue of its own; its devices last reported these backlogs:",
            zh: "汇总端没有自己的待发队列；各设备最近报告的积压如下：")
        guard !devices.isEmpty else {
            return [
                Words("a hub has no queue, and no device has joined this one", zh: "汇总端没有队列，也尚无设备加入").text()
            ]
        }
        var table = TextTable(
            [
                Words("device", zh: "设备"), Words("unit", zh: "单位"), Words("state", zh: "状态"),
                Words("last seen (\(times.name))", zh: "最近联系（\(times.name)）"), Words("urgent", zh: "紧急"),
                Words("routine", zh: "常规"), Words("oldest", zh: "最早"),
            ].map { $0.text() })
        for (device, seen) in zip(devices, seen) {
            let oldest = max(device.urgent.oldestAgeSeconds, device.routine.oldestAgeSeconds)
            table.add([
                "\(device.id)", device.unit, CodeWords.device(device.state).text(),
                seen.map(times.text) ?? Words("never", zh: "从未").text(), "\(device.urgent.count)",
                "\(device.routine.count)",
                Now.age(Milliseconds(clamping: oldest.multipliedReportingOverflow(by: 1_000).partialValue))
                    .text(),
            ])
        }
        return [head.text()] + table.lines() + quarantinedLines()
    }

    private static let listed = 20

    private func quarantinedLines() -> [String] {
        if quarantined.isEmpty { return [] }
        var table = TextTable(
            [
                Words("version", zh: "版本"), Words("form", zh: "表单"), Words("device", zh: "设备"),
                Words("reason", zh: "原因"),
            ].map { $0.text() })
        for held in quarantined.prefix(HubQueue.listed) {
            table.add([
                held.dot, held.form, held.device.map { "\($0)" } ?? "", held.reasons.joined(separator: ", "),
            ])
        }
        let head = Words(
            "\(quarantined.count) versions in quarantine, kept and receipted, holding nothing:",
            zh: "隔离中的版本 \(quarantined.count) 条，已保存并已给回执，但不生效：")
        let more = quarantined.count - HubQueue.listed
        let rest = Words("and \(more) more; --json lists all", zh: "另有 \(more) 条；用 --json 可全部列出")
        return ["", head.text()] + table.lines() + (more > 0 ? [rest.text()] : [])
    }
}
