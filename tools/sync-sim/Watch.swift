import SyncCore
import SyncStore

/// What must hold at every moment. It knows everything that happens in the world, and tells nobody but the
/// reader of its complaints.
final class Watch {
    unowned let world: World
    private(set) var slowest: UInt64 = 0
    private(set) var largestBacklog = 0

    init(_ world: World) { self.world = world }

    // MARK: - Receipts

    /// No agent ever believes more than is durable at the hub.
    func receipts(of agent: SimAgent) throws {
        // What the hub had said before it was put back may still arrive.
        guard agent.isHubTheSame else { return }
        for origin in try agent.store.origins() {
            let held = try world.hub.disk.held(origin.id)
            guard origin.receipted > held else { continue }
            world.complain(
                "agent \(agent.number) believes \(origin.receipted) of its \(origin.claim.lane) journal to "
                    + "have arrived, the hub has \(held)")
        }
    }

    func isDurable(_ dot: Dot) -> Bool {
        ((try? world.hub.disk.held(dot.origin)) ?? 0) >= dot.sequence
    }

    /// Under its name the hub may also have what another copy of the store wrote.
    func isDurable(_ version: Version) -> Bool {
        isAmong((try? world.hub.disk.store.versions(of: version.key)) ?? [], version)
    }

    /// Whether a branch has it, under whatever name.
    func holds(_ version: Version, at agent: SimAgent) -> Bool {
        isAmong((try? agent.store.versions(of: version.key)) ?? [], version)
    }

    private func isAmong(_ held: [Version], _ version: Version) -> Bool {
        held.contains {
            FirstName($0) == FirstName(version) && $0.authored == version.authored
                && SimForms.lasting($0) == SimForms.lasting(version)
        }
    }

    /// A connection that has been replaced writes nothing more.
    func wrote(_ session: SessionRef, newest: UInt64) {
        if session.number != newest {
            world.complain("session \(session.number) of a replica wrote after session \(newest) had begun")
        }
    }

    // MARK: - The feed

    /// At a Mark the branch holds everything in its scope that the hub had there.
    func marked(_ mark: Mark, at agent: SimAgent, session: SessionRef?) throws {
        let store = world.hub.disk.store
        guard let session, !world.hasMoves, mark.position == (try store.logPosition()) else { return }
        var token = FeedToken.beginning
        while let page = try store.feed(for: session, after: token, maximumItems: Limits.feedItems) {
            for row in 0..<page.versions.count {
                let version = page.versions.version(at: row)
                let held = try agent.store.versions(of: version.key)
                if !held.contains(where: { $0.dot == version.dot }) {
                    world.complain(
                        "agent \(agent.number) got a Mark at \(mark.position) and lacks \(version.dot)")
                }
            }
            token = page.token
        }
    }

    // MARK: - Bounds

    /// Milliseconds from the saving of an urgent version, or from the moment at which the connection stands,
    /// until it is durable at the hub; the line has not been touched in between.
    func urgent(_ agent: SimAgent, took time: UInt64, over link: SimLink) {
        slowest = max(slowest, time)
        // Before it go what is in flight of the routine lane, and the answers to what is fed.
        // What a branch has let go of is said, and answered, before anything else of the lane.
        let delays: UInt64 = world.holes.isEmpty ? 4 : 6
        let limit = 2_000 + delays * link.delay + 12_288 * 1_000 / link.rate
        // Whoever opens new journals first looks for the place where the old ones parted.
        if time > limit, !world.suspects.contains(agent.device), !world.isRevoked(agent) {
            world.complain(
                "agent \(agent.number): an urgent version took \(time) ms over a line of "
                    + "\(link.rate) bytes/s and \(link.delay) ms, at most \(limit) are right")
        }
    }

    /// Bytes that an end has given to the line and that have not left.
    func unsent(_ bytes: Int, at agent: Int) {
        largestBacklog = max(largestBacklog, bytes)
        if bytes > Watch.unsentLimit {
            world.complain("\(bytes) bytes wait before the line of agent \(agent)")
        }
    }

    /// One frame may be begun whenever the line takes bytes, and what answers the other side is small.
    static let unsentLimit = 3 * SimLink.highWater
}
