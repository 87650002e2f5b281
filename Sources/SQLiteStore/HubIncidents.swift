public import SyncCore
import SyncStore

/// Callers who were turned away with one code.
public struct TurnedAway: Sendable, Hashable {
    /// Nil where the connection ended before anything could be said.
    public var code: RefusalCode?
    public var attempts: UInt64
    /// By the hub's clock, of the last one.
    public var last: Milliseconds
    /// The address that the last one came from; empty where it was not written down.
    public var from: String
}

/// What has happened to a hub that whoever looks for a fault should know.
extension SQLiteHubStore {
    /// Who was turned away from this time on, by code, the code with the latest caller first.
    public func turnedAway(since time: Milliseconds) throws -> [TurnedAway] {
        try connection.read {
            let entries = try connection.all(
                "SELECT at, detail FROM audit WHERE event = ? AND at >= ? ORDER BY id",
                .text(RefusedAttempt.event), .int(time)
            ) { ($0.int(0), $0.text(1)) }
            var found: [TurnedAway] = []
            for (at, detail) in entries {
                var one = TurnedAway(detail: detail, at: at)
                if let index = found.firstIndex(where: { $0.code == one.code }) {
                    one.attempts &+= found.remove(at: index).attempts
                }
                found.append(one)
            }
            return found.reversed()
        }
    }

    /// When a device's store was last noticed to have been restored or copied, by device.
    public func copiesNoticed() throws -> [Int64: Milliseconds] {
        try connection.read {
            let found = try connection.all(
                "SELECT device, max(at) FROM audit WHERE event IN (?, ?) AND device <> 0 GROUP BY device",
                .text(IdentityAudit.restoredOrCopied), .text(IdentityAudit.replicaOpened)
            ) { ($0.int(0), $0.int(1)) }
            return Dictionary(found, uniquingKeysWith: max)
        }
    }

    /// When the store was last put in the place of a later one; nil when that was never noticed.
    public func lastPutBack() throws -> Milliseconds? {
        try connection.read {
            try connection.first(
                "SELECT at FROM audit WHERE event IN (?, ?) ORDER BY id DESC LIMIT 1",
                .text(IdentityAudit.restored), .text(IdentityAudit.hubPutBack)
            ) { $0.int(0) }
        }
    }
}

extension TurnedAway {
    /// Of an entry of the audit log, as ``RefusedAttempt`` writes it.
    fileprivate init(detail: String, at time: Milliseconds) {
        let parts = detail.split(separator: ";").map { $0.drop { $0 == " " } }
        code = parts.first?.split(separator: " ").first.flatMap { UInt16($0) }.map {
            RefusalCode(rawValue: $0)
        }
        attempts = 1
        last = time
        from = ""
        for part in parts.dropFirst() {
            if part.hasPrefix("from ") { from = String(part.dropFirst(5)) }
            if part.hasSuffix(" more like it"),
                let more = part.split(separator: " ").first.flatMap({ UInt64($0) })
            {
                attempts &+= more
            }
        }
    }
}
