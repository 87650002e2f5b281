import Console
import SQLiteStore
import SyncCore
import SyncStore

/// A batch out of a store.
enum StoredBatch {
    /// Of a branch's store a batch that begins at `first`, as it would be sent; of a hub's the segment that
    /// holds `first`. Nil when the store does not hold that version.
    static func read(_ store: StoreAtHand, origin: OriginID, first: UInt64) throws -> VersionBatch? {
        switch store {
        case .agent(let store):
            return try store.batch(
                of: origin, after: first - 1, maximumVersions: Limits.batchVersions,
                maximumBytes: Limits.framePayload)
        case .hub(let store): return try store.segment(of: origin, holding: first)
        }
    }
}

/// The journals of a store, for choosing one.
struct JournalList: Encodable {
    struct Journal: Encodable {
        var origin: String
        var lane: String
        /// On a hub: the device whose origin it is; absent for the hub's own.
        var device: Int64?
        var last: UInt64
        /// Highest sequence with a receipt.
        var receipted: UInt64
        var head: String
        /// On a hub: in how many stretches it arrived.
        var segments: UInt64?
    }

    var store: String
    var journals: [Journal]

    init(_ store: StoreAtHand) throws {
        switch store {
        case .agent(let agent):
            self.store = "agent"
            journals = try (agent.closedOrigins() + agent.origins()).map {
                Journal(
                    origin: RecordText.origin($0.id), lane: "\($0.claim.lane)", last: $0.sequence,
                    receipted: $0.receipted, head: $0.head.description)
            }
        case .hub(let hub):
            self.store = "hub"
            journals = try hub.journals().map {
                Journal(
                    origin: RecordText.origin($0.origin), lane: "\($0.lane)", device: $0.device,
                    last: $0.held,
                    receipted: $0.sealed, head: $0.head.description, segments: $0.segments)
            }
        }
    }

    func lines() -> [String] {
        var table = TextTable(
            [
                Words("origin", zh: "来源"), Words("lane", zh: "通道"), Words("device", zh: "设备"),
                Words("last", zh: "末序号"), Words("receipted", zh: "已获回执"), Words("head", zh: "链头"),
            ].map { $0.text() })
        for journal in journals {
            table.add([
                journal.origin, journal.lane, journal.device.map { "\($0)" } ?? "-", "\(journal.last)",
                "\(journal.receipted)", String(journal.head.prefix(16)),
            ])
        }
        return table.lines() + [
            Words("--origin shows a stretch of one of them", zh: "用 --origin 查看其中一段").text()
        ]
    }
}
