import Console
import SQLiteStore

/// What is held back of each device's entries, and why.
struct HeldBack: Encodable {
    var device: Int64
    var reason: String
    var count: Int

    static func read(_ store: SQLiteHubStore) throws -> [HeldBack] {
        try store.quarantineCounts().map {
            HeldBack(device: $0.device, reason: Output.printable($0.reason), count: $0.count)
        }
    }

    /// A line for each device that has any.
    static func lines(_ all: [HeldBack]) -> [String] {
        var devices: [Int64] = []
        for one in all where devices.last != one.device { devices.append(one.device) }
        return devices.map { device in
            let own = all.filter { $0.device == device }
            let total = own.reduce(0) { $0 + $1.count }
            let reasons = own.map { "\($0.reason) \($0.count)" }.joined(separator: ", ")
            return Words(
                "of device \(device) \(total) entries are held back and count nowhere: \(reasons). Its own "
                    + "`branch-agent status` says what to do",
                zh: "设备 \(device) 有 \(total) 条内容被隔离，不计入：\(reasons)。处理办法见该设备的 branch-agent status"
            ).text()
        }
    }
}
