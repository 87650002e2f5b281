import SQLiteStore
import SyncCore
import SyncStore

extension StoreAtHand {
    var kind: String {
        switch self {
        case .agent: "agent"
        case .hub: "hub"
        }
    }

    /// Newest first.
    func sessions(of device: Int64? = nil, limit: Int) throws -> [SessionEntry] {
        switch self {
        case .agent(let store): try store.sessions(of: nil, limit: limit)
        case .hub(let store): try store.sessions(of: device, limit: limit)
        }
    }
}
