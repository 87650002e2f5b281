public import SyncCore

/// What one connection asks of the hub's store.
///
/// `ingest` calls of a connection are started in the order of its batches without awaiting the earlier ones,
/// each on the event loop up to its first suspension, so that one transaction can take several.
public protocol HubConnectionHost: Sendable {
    func admit(_ hello: Hello) async -> Result<HubSession.Greeting, Refuse>
    func join(_ join: Join) async -> Result<Joined, Refuse>
    func ingest(_ batch: VersionBatch) async -> HubSession.Outcome
    /// Goes on behind versions that the agent cannot send again.
    func pass(_ hole: Hole) async -> HubSession.Outcome
    func feed(after: FeedToken, maximumItems: Int) async throws -> HubSession.FeedPage
    func confirm(_ token: FeedToken) async
    /// The heads of one of the device's origins, where the hub has them.
    func heads(_ question: Heads) async throws -> Heads
    /// Of a connection that only asks. Nothing is written for it.
    func answer(_ question: TallyQuestion) async throws -> TallyAnswer
    /// On the event loop, before a frame is decoded: checksum and bytes of its payload, inflated. With a
    /// refusal it is not decoded, and the connection ends.
    func willDecode(checksum: UInt32, length: UInt32) -> Refuse?
    /// On the same thread, after each `willDecode` without a refusal; nil when the frame was broken.
    func decoded(_ message: Message?)
    /// The connection is gone, and every other call has ended.
    func closed(_ end: ConnectionEnd) async
}

extension HubConnectionHost {
    public func answer(_ question: TallyQuestion) async throws -> TallyAnswer {
        throw Refuse(.wrongOrder, words: "this hub does not compare")
    }
    public func willDecode(checksum: UInt32, length: UInt32) -> Refuse? { nil }
    public func decoded(_ message: Message?) {}
}

/// Makes a host for each connection.
public protocol HubService: Sendable {
    /// - Parameters:
    ///   - caller: whether its key is known is judged at Hello.
    ///   - moved: to be called when somebody's commit has moved the arrival log.
    ///   - close: ends the connection with these words.
    func connection(
        _ caller: Caller, moved: @escaping @Sendable () -> Void, close: @escaping @Sendable (Refuse) -> Void
    ) -> any HubConnectionHost
    /// A connection broke the rules of bytes and ends; or it never came through the handshake, and then there
    /// is no code, for nobody was told.
    func refused(_ code: RefusalCode?, _ words: String, _ caller: Caller)
}

extension HubService {
    public func refused(_ code: RefusalCode?, _ words: String, _ caller: Caller) {}
}

/// How much a listener takes on.
public struct HubLimits: Sendable, Hashable {
    public var connections = 4_096
    /// Connections that have said neither Hello nor Join; one more takes the place of the oldest, or stands
    /// in line while they come through.
    public var strangers = 512
    /// Those of one address; one more takes the place of that address's oldest, or stands in line.
    public var strangersOfOne = 256
    /// Newcomers in line; nothing is read of them.
    public var line = 8_192
    /// Connections that have, and wait to be judged. While there are as many nobody is accepted: newcomers
    /// wait before the door and cost the hub nothing.
    public var judging = 512
    /// Newcomers that the system keeps before the door.
    public var backlog = 4_096
    /// Bytes on the wire that may wait for the store, per connection, before reading pauses.
    public var bytesWaiting = 512 * 1_024
    /// The same of all connections together; each has an equal part, and at least a small batch.
    public var bytesWaitingInAll = 16 << 20
    static let leastBytesWaiting = 16 * 1_024
    /// Bytes of batches, as they lie in memory, that may wait for the store of all connections together;
    /// while there are as many, nothing more is decoded.
    public var bytesInWork = 64 << 20
    /// Bytes of frames that have not come to their end, of all connections together; who has a large part of
    /// them and sends more is sent away for a while.
    public var bytesBegun = 64 << 20

    /// Milliseconds in which a frame that has begun must get on, or a peer take some of what it is told.
    public var progressLimit = HubSession.progressLimit

    public init() {}

    /// Bytes that may wait for the store of one of so many connections.
    func share(among connections: Int) -> Int {
        let part = max(HubLimits.leastBytesWaiting, bytesWaitingInAll / max(1, connections))
        return min(bytesWaiting, part)
    }
}
