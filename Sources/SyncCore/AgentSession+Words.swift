/// What the branch's half of a connection is told, and what it asks for.
extension AgentSession {
    public enum Event: Sendable {
        /// `origins` names all that Hello names, closed ones in the order in which they were opened; each
        /// lane has one that is not closed.
        case opened(hello: Hello, origins: [LaneOrigin])
        case received(Message)
        case welcomeStored([Resume])
        /// Nothing was stored of the Welcome: the store or one beside it was restored or copied. All own
        /// current origins, and closed ones that the hub holds differently.
        case parted([Parting])
        case headsLoaded(Heads)
        case healed
        case loaded(Lane, VersionBatch?)
        /// The batch that was sent last took so many bytes on the wire.
        case batchWritten(Lane, bytes: Int)
        /// The batch that was to go ahead of Welcome takes too many bytes: it was not sent and waits its
        /// turn.
        case batchWithheld(Lane)
        case receiptsStored([Receipt])
        case feedStored(FeedToken)
        /// `isRenewed`: what this store gives back to a hub that was put back lies under new origins now.
        case markStored(isRenewed: Bool)
        /// Something was authored: the lanes' highest sequences.
        case appended([Lane: UInt64])
        case writable(Bool)
        /// So many bytes are there of a frame whose rest has not come; 0 for none. Follows `received`.
        case holds(Int)
        /// The store could not do what was asked, or does not believe the hub.
        case failed(Refuse)
        case tick
    }

    public struct LaneOrigin: Sendable, Hashable {
        public var lane: Lane
        public var origin: OriginID
        public var last: UInt64
        public var receipted: UInt64
        /// Nothing is written to it any more. It is sent before those that came after it.
        public var isClosed: Bool

        public init(
            lane: Lane, origin: OriginID, last: UInt64, receipted: UInt64, isClosed: Bool = false
        ) {
            self.lane = lane
            self.origin = origin
            self.last = last
            self.receipted = receipted
            self.isClosed = isClosed
        }
    }

    /// Where an origin goes on once a Welcome is stored. One that has none is not sent in the session.
    public struct Resume: Sendable, Hashable {
        public var origin: OriginID
        /// The hub's journal reaches to here.
        public var behind: UInt64
        /// Believed receipts reach to here.
        public var receipted: UInt64
        /// What cannot be sent any more of what the hub lacks.
        public var hole: Hole?

        public init(origin: OriginID, behind: UInt64, receipted: UInt64, hole: Hole? = nil) {
            self.origin = origin
            self.behind = behind
            self.receipted = receipted
            self.hole = hole
        }
    }

    /// What the store made of a Welcome.
    public enum WelcomeAnswer: Sendable, Hashable {
        case goOn([Resume])
        case parted([Parting])

        public var event: Event {
            switch self {
            case .goOn(let resumes): .welcomeStored(resumes)
            case .parted(let partings): .parted(partings)
            }
        }
    }

    public enum Action: Sendable, Hashable {
        case send(Message, compress: Bool)
        /// `maximumBytes` are those of the batch's columns before they are compressed.
        case load(Lane, of: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int)
        case storeWelcome(Welcome)
        /// Own chain heads at these sequences; nil where they are not kept any more.
        case loadHeads(OriginID, [UInt64])
        /// Opens new origins behind these points, and writes under them what lies above.
        case heal([ForkPoint], Welcome)
        case storeReceipts([Receipt])
        /// Receipts of a hub that is going to refuse for load. What cannot be believed of them, for want of a
        /// Welcome, is left alone. Answered as ``storeReceipts(_:)``.
        case storeEarlyReceipts([Receipt])
        /// The hub has taken note of it. Needs no answer.
        case storeHole(Hole)
        case storeFeed(Feed)
        case storeMark(Mark)
        /// Everything is receipted and the feed is complete. With `.drain` the session ends right after.
        case drained
        /// The connection is over. `nil` is a clean end.
        case end(Refuse?)
    }
}
