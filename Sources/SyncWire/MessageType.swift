public import SyncCore

/// The numbers of the frame types; fixed for ever. `Protocol/SPEC.md`, "Messages".
public enum MessageType {
    public static let join: UInt8 = 1
    public static let joined: UInt8 = 2
    public static let hello: UInt8 = 3
    public static let welcome: UInt8 = 4
    public static let refuse: UInt8 = 5
    public static let batch: UInt8 = 16
    public static let receipt: UInt8 = 17
    public static let feed: UInt8 = 18
    public static let feedAck: UInt8 = 19
    public static let mark: UInt8 = 20
    public static let heads: UInt8 = 21
    public static let fork: UInt8 = 22
    public static let gap: UInt8 = 23
    public static let ping: UInt8 = 24
    public static let close: UInt8 = 25
    public static let ask: UInt8 = 26
    public static let tally: UInt8 = 27
    public static let hole: UInt8 = 28

    public static func of(_ message: Message) -> UInt8 {
        switch message {
        case .join: join
        case .joined: joined
        case .hello: hello
        case .welcome: welcome
        case .refuse: refuse
        case .batch: batch
        case .receipt: receipt
        case .feed: feed
        case .feedAck: feedAck
        case .mark: mark
        case .heads: heads
        case .fork: fork
        case .gap: gap
        case .ping: ping
        case .close: close
        case .ask: ask
        case .tally: tally
        case .hole: hole
        case .unknown(let type): type
        }
    }

    /// Whether a peer that does not know the type must end the session.
    public static func isCritical(_ type: UInt8) -> Bool {
        type != mark && type != ping && type != ask && type != tally
    }

    public static func isKnown(_ type: UInt8) -> Bool {
        (join...refuse).contains(type) || (batch...hole).contains(type)
    }
}
