public import SyncCore

/// Something that a store found out about its own past, and what it did about it.
public struct IdentityEvent: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, Hashable {
        /// This store was restored or copied: new origins were opened, and `versions` written again under
        /// them.
        case renewed = 1
        /// The hub was put back: `versions` that it had receipted are sent again.
        case hubPutBack = 2
        /// The hub holds other versions under names that this store wrote under before it was restored or
        /// copied: its own `versions` there may be missing at the hub, and are not sent.
        case parted = 3
        /// The hub was put back to before `versions` that it had receipted and that are not all kept here as
        /// they were: it has taken note that it will not get them again under these names. What is still here
        /// of them is given back.
        case hole = 4
        /// The hub was put back and lacks `versions` of this device that cannot be sent as they were: the
        /// store had got them back from the hub when it was restored itself, or they lie in a hole. They are
        /// written again under new origins, as far as they are kept.
        case givenBack = 5
        /// The hub was put back, or what this store may see has changed: `versions` of others that were held
        /// here are at the hub no more, or not for this store, and were dropped.
        case forgotten = 6
        /// The hub has another key, which one that was believed has blessed. `versions` is 0.
        case hubKeyChanged = 7
    }

    public var at: Milliseconds
    public var kind: Kind
    public var versions: UInt64

    public init(at: Milliseconds, kind: Kind, versions: UInt64) {
        self.at = at
        self.kind = kind
        self.versions = versions
    }
}

/// New names of a replica's versions, and the replica ids before and after: a context that was taken under
/// the one is translated when it is saved under the other.
package struct ReplicaRename: Sendable, Hashable {
    package var from: Token16
    package var to: Token16
    package var names: OriginRename

    package init(from: Token16, to: Token16, names: OriginRename) {
        self.from = from
        self.to = to
        self.names = names
    }
}
