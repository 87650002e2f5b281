public import SyncCore

/// Why there was no session at all. `description` is for people.
public enum TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No connection came about.
    case unreachable(String)
    /// Somebody answers at the address who does not hold the hub's key.
    case wrongHubKey
    /// Whoever answers calls itself the hub with a new key, and nobody who could has blessed that.
    case forgedHubKey
    /// The handshake failed, or the other side speaks something else inside TLS.
    case tls(String)
    /// The connection broke before anything was agreed.
    case cut(String)

    /// Where the other side's key is what is wrong.
    public var code: RefusalCode? {
        switch self {
        case .wrongHubKey: .anotherHub
        case .forgedHubKey: .forgedHubKey
        case .unreachable, .tls, .cut: nil
        }
    }

    public var description: String {
        switch self {
        case .unreachable(let reason): "the hub cannot be reached: \(reason)"
        case .wrongHubKey:
            "whoever answers at this address is not the hub that this device joined (its key is another)"
        case .forgedHubKey:
            "whoever answers at this address shows a new key of the hub's that the hub has not blessed"
        case .tls(let reason): "no secure connection to the hub: \(reason)"
        case .cut(let reason): "the connection broke: \(reason)"
        }
    }
}
