public import SyncCore

/// The six digits that the centre compares before it lets a device in.
public enum HubConfirmation {
    /// Made from both public keys, so that nobody in between can offer another key with the same number
    /// cheaply.
    public static func number(hub: [UInt8], device: [UInt8], hashing: Hashing) -> UInt32 {
        let digest = hashing(
            Array("rollcall confirmation v1".utf8) + hashing(hub).bytes + hashing(device).bytes)
        return UInt32(digest.words.0 % 1_000_000)
    }
}
