import Foundation
import SyncCore
import SyncStore
import SyncTransport

/// The six digits that a person reads out to the centre.
enum Confirmation {
    /// Made from both keys, so that they can be shown again at any time.
    static func digits(of key: DeviceKey, at configuration: AgentConfiguration) -> String {
        let number = HubConfirmation.number(
            hub: configuration.hubPublicKey, device: Signing(key).publicKey, hashing: .sha256)
        return String(format: "%06d", number)
    }
}
