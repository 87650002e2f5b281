import SyncCore
import SyncStore

/// What happens in a world, told so that people can read it: events in, frames out.
final class Transcript {
    private(set) var lines: [String] = []
    private unowned let world: World
    private var names: [OriginID: String] = [:]
    private var last: UInt64 = 0

    init(_ world: World) { self.world = world }

    // MARK: - Writing

    func say(_ line: String) { lines.append(line) }

    /// Somebody does something.
    func act(_ words: String) {
        lines.append("")
        add("", words)
    }

    func agent(_ agent: SimAgent, _ event: AgentSession.Event, _ actions: [AgentSession.Action]) {
        guard let told = words(event) ?? (actions.isEmpty ? nil : Transcript.aside(event)) else { return }
        add(Transcript.name(agent.number), told)
        for action in actions { out(words(action)) }
    }

    func hub(_ agent: Int, _ event: HubSession.Event, _ actions: [HubSession.Action]) {
        guard let told = words(event) ?? (actions.isEmpty ? nil : Transcript.aside(event)) else { return }
        let isAlone = world.agents.count < 2
        add(isAlone ? "hub" : "hub (\(Transcript.name(agent)))", told)
        for action in actions { out(words(action)) }
    }

    /// Of events that are worth telling only when something follows from them.
    private static func aside(_ event: AgentSession.Event) -> String {
        switch event {
        case .tick: "has heard nothing for a while"
        case .writable: "the line takes more"
        default: "the batch is on its way"
        }
    }

    private static func aside(_ event: HubSession.Event) -> String {
        switch event {
        case .tick: "has heard nothing for a while"
        case .writable: "the line takes more"
        default: "the log has moved on"
        }
    }

    private func out(_ words: String) { lines.append(Transcript.indent + "  " + words) }

    private static let indent = String(repeating: " ", count: 21)

    private func add(_ who: String, _ words: String) {
        let time = world.timeline.now
        let seconds = "\(time / 1_000).\(String(1_000 + time % 1_000).dropFirst())"
        let begin = String(repeating: " ", count: max(0, 8 - seconds.count)) + seconds + "  " + who
        lines.append(
            begin + String(repeating: " ", count: max(1, Transcript.indent.count - begin.count)) + words)
    }

    // MARK: - Names

    static func name(_ agent: Int) -> String { "branch \(["A", "B", "C", "D"][agent % 4])" }

    /// `A urgent`: the origins of each branch in the order in which they were opened.
    private func name(_ origin: OriginID) -> String {
        if let known = names[origin] { return known }
        for agent in world.agents {
            for own in (try? agent.store.origins()) ?? [] where names[own.id] == nil {
                let base = "\(Transcript.name(agent.number).suffix(1))-\(own.claim.lane)"
                let count = names.values.filter { $0 == base || $0.hasPrefix(base + "'") }.count
                names[own.id] = base + String(repeating: "'", count: count)
            }
        }
        return names[origin] ?? "centre"
    }

    func name(_ dot: Dot) -> String { "\(name(dot.origin)) \(dot.sequence)" }

    private func name(_ origin: OriginID, _ first: UInt64, _ last: UInt64) -> String {
        first == last ? "\(name(origin)) \(first)" : "\(name(origin)) \(first)-\(last)"
    }

    // MARK: - Events

    private func words(_ event: AgentSession.Event) -> String? {
        switch event {
        case .opened: "the line stands"
        case .received(let message): "< " + words(message)
        case .welcomeStored(let resumes):
            "Welcome stored: goes on behind " + list(resumes.map { "\(name($0.origin)) \($0.behind)" })
        case .parted(let partings):
            "the journals have parted: "
                + list(partings.map { "\(name($0.origin)) between \($0.common) and \($0.limit)" })
        case .headsLoaded: "own heads are there"
        case .healed: "new journals are open, and what was unsent is written again"
        case .loaded(_, let batch):
            batch.map { "loaded \(name($0.origin, $0.first, $0.last))" } ?? "nothing loaded"
        case .batchWritten, .writable, .holds, .tick: nil
        case .batchWithheld(let lane): "\(lane): too large to go ahead of Welcome"
        case .receiptsStored: "receipts stored"
        case .feedStored(let token): "feed stored as far as \(token.position)"
        case .markStored(let isRenewed):
            isRenewed ? "Mark stored; what the hub has lost lies in new journals" : "Mark stored"
        case .appended(let lasts):
            "saved: " + list(Lane.allCases.compactMap { lane in lasts[lane].map { "\(lane) \($0)" } })
        case .failed(let refuse): "cannot go on: " + words(refuse)
        }
    }

    private func words(_ event: HubSession.Event) -> String? {
        switch event {
        case .opened: "the line stands"
        case .received(let message, _): "< " + words(message)
        case .admitted(.success(let greeting)):
            greeting.overload == nil ? "admitted" : "admitted, but there is no room"
        case .admitted(.failure(let refuse)): "not admitted: " + words(refuse)
        case .joined: "joined"
        case .ingested(let outcome): "committed: " + words(outcome)
        case .feedLoaded(.page(let feed)): "a page of the feed is there, as far as \(feed.token.position)"
        case .feedLoaded(.complete(let mark)): "everything is fed, as far as \(mark.position)"
        case .headsLoaded(let heads): words(heads)
        case .answered: "the tables have been looked into"
        case .logMoved, .writable, .holds, .unsent, .tick: nil
        case .failed(let refuse): "cannot go on: " + words(refuse)
        }
    }

    private func words(_ outcome: HubSession.Outcome) -> String {
        switch outcome {
        case .held(let receipt, let position):
            "held at \(position)"
                + (receipt.map { ", receipted through \(name($0.origin)) \($0.sequence)" } ?? "")
        case .gap(let gap): "a gap, \(name(gap.origin)) \(gap.wanted) is wanted"
        case .fork(let fork): "a fork behind \(name(fork.origin)) \(fork.sequence)"
        case .refused(let refuse): "refused: " + words(refuse)
        }
    }

    // MARK: - Actions

    private func words(_ action: AgentSession.Action) -> String {
        switch action {
        case .send(let message, _): "> " + words(message)
        case .load(let lane, _, let after, _, _): "loads \(lane) behind \(after)"
        case .storeWelcome: "stores Welcome"
        case .loadHeads(let origin, let places):
            "loads own heads of \(name(origin)) at \(list(places.map { "\($0)" }))"
        case .heal(let points, _):
            "opens new journals behind " + list(points.map { "\(name($0.origin)) \($0.sequence)" })
        case .storeReceipts, .storeEarlyReceipts: "stores receipts"
        case .storeFeed: "stores the feed"
        case .storeHole(let hole): "notes the hole through \(name(hole.origin)) \(hole.sequence)"
        case .storeMark: "stores the Mark"
        case .drained: "is drained: nothing is left on either side"
        case .end(let refuse): "ends" + (refuse.map { ": " + words($0) } ?? "")
        }
    }

    private func words(_ action: HubSession.Action) -> String {
        switch action {
        case .send(let message, _): "> " + words(message)
        case .admit: "judges Hello"
        case .join: "judges Join"
        case .ingest(let batch): "takes \(name(batch.origin, batch.first, batch.last)) into the next commit"
        case .pass(let hole): "passes the hole through \(name(hole.origin)) \(hole.sequence)"
        case .loadFeed(let token, _): "loads the feed behind \(token.position)"
        case .loadHeads(let heads): "looks up heads of \(name(heads.origin))"
        case .answer: "looks into the tables"
        case .confirmFeed(let token): "the branch has the feed as far as \(token.position)"
        case .end(let refuse): "ends" + (refuse.map { ": " + words($0) } ?? "")
        }
    }

    // MARK: - Messages

    private func words(_ message: Message) -> String {
        switch message {
        case .join: "Join"
        case .joined: "Joined"
        case .hello(let hello):
            "Hello: holds \(list(hello.origins.map(head))); waiting: urgent \(hello.urgent.count), "
                + "routine \(hello.routine.count); feed \(hello.feed.position)"
        case .welcome(let welcome):
            "Welcome: the hub holds "
                + list(
                    welcome.held.map { held in
                        "\(name(held.origin)) \(held.sequence)"
                            + (held.receipt.map { " (receipt \($0.sequence))" } ?? "")
                    })
        case .refuse(let refuse): "Refuse: " + words(refuse)
        case .close(let refuse): "Close: " + words(refuse)
        case .batch(let batch):
            "Batch: \(name(batch.origin, batch.first, batch.last)), "
                + "seals at \(list(batch.seals.map { "\($0.sequence)" }))"
        case .receipt(let frame):
            "Receipt: \(list(frame.receipts.map { "\(name($0.origin)) \($0.sequence)" })); position "
                + "\(frame.position)"
        case .feed(let feed): words(feed)
        case .feedAck(let token): "FeedAck: \(token.position)"
        case .mark(let mark): "Mark: \(mark.position), \(mark.count) versions in scope"
        case .heads(let heads): words(heads)
        case .fork(let fork): "Fork: the hub holds another \(name(fork.origin)) \(fork.sequence)"
        case .gap(let gap): "Gap: \(name(gap.origin)) \(gap.wanted) is wanted"
        case .hole(let hole): "Hole: through \(name(hole.origin)) \(hole.sequence) nothing can be sent"
        case .ping(let ping): ping.isReply ? "Ping, the answer" : "Ping"
        case .ask: "a question about what the tables hold"
        case .tally: "what the tables hold"
        case .unknown(let type): "a frame of type \(type), passed over"
        }
    }

    private func words(_ feed: Feed) -> String {
        var parts: [String] = []
        let centre = feed.versions.dots.filter { name($0.origin) == "centre" }.count
        if centre > 0 { parts.append("\(centre) of the centre's") }
        parts += feed.versions.dots.filter { name($0.origin) != "centre" }.map { name($0) }
        parts += feed.scope.map { "\($0.kind) \($0.subject) \(String(decoding: $0.id, as: UTF8.self))" }
        let noted = feed.verdicts.filter { $0.kind == .noted }
        parts += feed.verdicts.filter { $0.kind != .noted }.map { verdict in
            "\(name(verdict.dot)) is \(verdict.kind): \(verdict.reason)"
        }
        let reasons = Set(noted.map(\.reason)).sorted()
        if !noted.isEmpty { parts.append("\(noted.count) noted (\(list(reasons)))") }
        return "Feed (\(feed.lane)): \(list(parts)); position \(feed.token.position)"
    }

    private func words(_ heads: Heads) -> String {
        let isQuestion = heads.entries.allSatisfy { $0.head == nil }
        return "Heads: \(isQuestion ? "asks for" : "tells") \(name(heads.origin)) at "
            + list(heads.entries.map { "\($0.sequence)" })
    }

    private func head(_ head: OriginHead) -> String { "\(head.claim.lane) \(head.sequence)" }

    private func words(_ refuse: Refuse) -> String {
        "code \(refuse.code.rawValue)" + (refuse.words.isEmpty ? "" : ", \(refuse.words)")
            + (refuse.retryAfter > 0 ? ", again in \(refuse.retryAfter) s" : "")
    }

    private func list(_ words: [String]) -> String {
        words.isEmpty ? "nothing" : words.joined(separator: ", ")
    }

    // MARK: - State

    /// What everybody holds now.
    func state() throws {
        lines.append("")
        lines.append("Then:")
        for agent in world.agents {
            let own = try agent.store.origins().map { origin in
                "\(origin.claim.lane) \(origin.sequence), receipted \(origin.receipted)"
            }
            lines.append("  \(Transcript.name(agent.number)): \(list(own))")
            for (verdict, _) in try agent.store.verdicts([.quarantined, .released], limit: 9) {
                lines.append("    \(name(verdict.dot)) is \(verdict.kind): \(verdict.reason)")
            }
        }
        for record in 0..<Scenario.records {
            guard let held = try world.hub.disk.store.effective(world.key(record)) else { continue }
            let fields = held.fields.filter { [1, 14].contains($0.field) }.map { field in
                let others = field.isConflict ? ", in conflict" : ""
                return "\(field.field == 1 ? "temperature" : "remark") \(words(field.value)) "
                    + "(\(name(field.setter))\(others))"
            }
            lines.append(
                "  hub: p\(world.person(of: record)), day \(record % Scenario.days): \(list(fields))")
        }
    }

    private func words(_ value: Value) -> String {
        switch value {
        case .decimal(let unscaled, _): "\(unscaled / 100).\(String(100 + unscaled % 100).dropFirst())"
        case .integer(let number): "\(number)"
        case .text(let text): "\u{201C}\(String(decoding: text.prefix(20), as: UTF8.self))\u{201D}"
        case .list(let items): "\(items.count) items"
        case .notStated: "not stated"
        }
    }
}
