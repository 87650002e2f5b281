package import SyncCore

/// One store of a device, as the hub knows it. Each has its own chain of session tokens; two of one
/// device may be connected at once.
package struct HubReplica: Sendable, Hashable {
    package var id: Int64
    package var device: Int64
    package var replica: Token16
    /// Number of its latest session.
    package var session: UInt64
    /// The token that it showed last.
    package var confirmed: Token16?
    /// The token that it was given last.
    package var offered: Token16?
    /// The one before, when nobody has shown it yet: a copy beside the store may have been given one of the
    /// two. Whoever comes first with either goes on.
    package var former: Token16?
    /// The one of those two that was not shown when the other was. It is good once more while nothing has
    /// been taken since: the store that showed the other may have found out that it was the copy.
    package var rival: Token16?

    package init(
        id: Int64, device: Int64, replica: Token16, session: UInt64 = 0, confirmed: Token16? = nil,
        offered: Token16? = nil, former: Token16? = nil, rival: Token16? = nil
    ) {
        self.id = id
        self.device = device
        self.replica = replica
        self.session = session
        self.confirmed = confirmed
        self.offered = offered
        self.former = former
        self.rival = rival
    }

    /// Opens the next session.
    ///
    /// - Parameter shown: the Hello's token; nil when it says nothing in this epoch.
    package mutating func open(shown: Token16?, random: Token16) {
        session += 1
        rival = shown == nil || shown == confirmed ? nil : shown == offered ? former : nil
        if shown != nil && shown == former { rival = offered }
        former = shown == confirmed ? offered : nil
        confirmed = shown
        offered = HubReplica.token(random, number: session)
    }

    /// A device that is restored again and again leaves no more than this behind.
    package static let perDevice = 64

    /// Takes a session's number into its token, so that a token tells how far its chain has come. A hub that
    /// is shown one from beyond its own knowledge has been put back.
    package static func token(_ random: Token16, number: UInt64) -> Token16 {
        Token16(high: number, low: random.low)
    }

    package static func number(of token: Token16) -> UInt64 { token.high }
}

/// What a Hello says about who has lost something.
package enum HubStanding: Sendable, Hashable {
    /// All as it was left, or nothing that could be judged.
    case expected
    /// The device's store was restored or copied.
    case tokenUnknown
    /// The hub's own store was put back without being told so.
    case hubPutBack

    /// - Parameters:
    ///   - replica: the Hello's, when it has been here before.
    ///   - held: the hub's answer for each of the Hello's origins.
    ///   - isFeedKnown: the Hello's feed token is in this log, or of another epoch.
    package static func judge(
        _ hello: Hello, epoch: Token16, replica: HubReplica?, held: [HeldOrigin], isFeedKnown: Bool
    ) -> HubStanding {
        let isBehind = isBehind(hello, held)
        // A store that was here in another epoch, or never, has nothing else to compare.
        guard hello.epoch == epoch else { return isBehind ? .tokenUnknown : .expected }
        let shown = hello.sessionToken
        let isAhead = zip(hello.origins, held).contains { $0.receipted > $1.sequence }
        let isTokenAhead = shown != .zero && HubReplica.number(of: shown) > replica?.session ?? 0
        if isAhead || isTokenAhead || !isFeedKnown { return .hubPutBack }
        if isBehind { return .tokenUnknown }
        guard let replica else { return .expected }
        if shown == .zero { return replica.confirmed == nil ? .expected : .tokenUnknown }
        return [replica.confirmed, replica.offered, replica.former, replica.rival].contains(shown)
            ? .expected : .tokenUnknown
    }
}

extension HubStanding {
    private static func isBehind(_ hello: Hello, _ held: [HeldOrigin]) -> Bool {
        zip(hello.origins, held).contains { own, theirs in
            if own.isClosed || own.sequence > theirs.sequence { return false }
            return own.sequence < theirs.sequence
                || (own.sequence > 0 && own.head != ShortDigest(theirs.head))
        }
    }

    /// What the audit log says of a Hello whose token is unknown, beside the code: by what it was known.
    package static func words(for hello: Hello, held: [HeldOrigin]) -> String {
        let why =
            isBehind(hello, held)
            ? "its journal is behind the hub's, or another" : "an old session token was shown"
        let replica = Hex.encode(hello.replica.bytes.prefix(4))
        return "\(why); replica \(replica)"
    }
}

/// What is told in the audit about stores that were restored, copied or put back.
public enum IdentityAudit {
    public static let restoredOrCopied = "store_restored_or_copied"
    public static let replicaOpened = "replica_opened"
    public static let hubPutBack = "hub_put_back"
    /// A branch could not send again what the hub had receipted before it was put back. The detail begins
    /// with the number of versions.
    public static let holePassed = "hole_passed"
    public static let backedUp = "backed_up"
    public static let restored = "restored"
    /// Events that people are told of.
    package static let all = [restoredOrCopied, replicaOpened, hubPutBack, restored, holePassed]
    /// One device opens so many epochs at most in so many milliseconds, whatever it says: each time all
    /// branches are fed from the beginning.
    package static let putBackLimit = (epochs: 8, within: Milliseconds(3_600_000))
}
