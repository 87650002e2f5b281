/// Whether a frame that has begun to come gets on, and whether what was said is taken: small steps for small
/// lines, but no place for whoever takes none.
///
/// What a frame takes in all says nothing, for lines are slow; what it has gained since a while ago does.
struct FrameProgress: Sendable {
    /// Milliseconds in which a frame must come to its end, or get on by ``Limits/frameStep``; and in which
    /// the other side must take some of what it is told.
    static let limit: UInt64 = 120_000

    private let limit: UInt64
    private var begun: (at: UInt64, bytes: Int)?

    init(limit: UInt64 = FrameProgress.limit) { self.limit = limit }

    /// When the frame that has begun is waited for no longer; nil when none has.
    var deadline: UInt64? { begun.map { $0.at + limit } }

    /// A frame is there as a whole.
    mutating func ended() { begun = nil }

    /// So many bytes are there of a frame whose rest has not come.
    ///
    /// - Returns: whether it has got on by a step.
    mutating func holds(_ bytes: Int, now: UInt64) -> Bool {
        guard bytes > 0 else {
            begun = nil
            return false
        }
        guard let last = begun, bytes >= last.bytes else {
            begun = (now, bytes)
            return false
        }
        guard bytes - last.bytes >= Limits.frameStep else { return false }
        begun = (now, bytes)
        return true
    }
}
