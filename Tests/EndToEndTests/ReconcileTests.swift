import Forms
import Foundation
import GRDB
import SyncCore
import Testing

/// `sync-inspect reconcile --json`, as far as it is looked at.
struct Reconciled: Decodable {
    struct Record: Decodable {
        var what: String
        var form: String
        var key: [String]
        var unit: String
        var isAltered: Bool
    }

    struct OnTheWay: Decodable {
        var up: Int
        var down: Int
    }

    struct Journal: Decodable {
        var lane: String
        var agrees: Bool
    }

    struct Wire: Decodable {
        var bytesUp: Int
        var bytesDown: Int
        var questions: Int
    }

    var agrees: Bool
    var isComplete: Bool
    var recordsHere: Int
    var recordsThere: Int
    var onTheWay: OnTheWay
    var heldBack: Int
    var journals: [Journal]
    var differences: [Record]
    var atLeastMore: Int
    var wire: Wire?

    var words: [String] { differences.map { "\($0.what) \($0.form) \($0.key.joined(separator: " "))" } }
}

/// A branch and its hub are compared by the programs, while they run.
@Suite struct ReconcileTests {
    /// Two branches with three days each at the hub; the first has a second device.
    static func crowd() async throws -> Crowd {
        let crowd = try await Crowd(branches: 2, persons: 30, days: 3)
        try await crowd.open()
        var numbers = Numbers(seed: 5)
        for branch in crowd.branches {
            try await crowd.join(branch.unit)
            for day in crowd.days {
                let entries = crowd.entries(of: branch, on: day, using: &numbers)
                try await crowd.branch(
                    branch.unit, "import", "check-in", try crowd.sheet("\(branch.unit)-\(day)", entries))
            }
            _ = try await crowd.sync(branch.unit)
        }
        return crowd
    }

    /// Each statement alters one row.
    static func tamper(_ store: String, _ sql: String) throws {
        // The hub may be writing just then.
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        let queue = try DatabaseQueue(path: store + "/store.sqlite", configuration: configuration)
        try queue.write { database in
            for statement in sql.split(separator: ";") {
                try database.execute(sql: String(statement))
                #expect(database.changesCount == 1, "\(statement)")
            }
        }
        try queue.close()
    }

    static func person(_ name: String) -> String {
        "(SELECT num FROM term WHERE text = CAST('\(name)' AS BLOB))"
    }

    @Test func whatIsTheSameIsFoundToBe() async throws {
        let crowd = try await Self.crowd()
        for branch in crowd.branches {
            // What the hub's own rules raise comes down with one of the next sessions.
            _ = try await eventually {
                _ = try await crowd.sync(branch.unit)
                let seen: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data(branch.unit))
                return seen.recordsHere == seen.recordsThere
            }
            let found: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data(branch.unit))
            #expect(found.agrees && found.isComplete, "\(found.words)")
            #expect(found.recordsHere == found.recordsThere && found.recordsHere > 90)
            #expect(found.journals.count == 2 && found.journals.allSatisfy(\.agrees))
            let wire = try #require(found.wire)
            #expect(wire.questions == 1 && wire.bytesUp + wire.bytesDown < 4_096)
        }
        let words = try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000"), "--verbose"]
        ).output
        #expect(words.contains("both ends hold the same"))
        #expect(words.contains("bytes on the wire"))
        try await crowd.close()
    }

    @Test func rowsDeletedAndAlteredByHandAreNamed() async throws {
        let crowd = try await Self.crowd()
        let day = try #require(CivilDay.parse(crowd.days[1]))
        try Self.tamper(
            crowd.place.path("hub"),
            """
            DELETE FROM form_check_in WHERE day = \(day) AND person = \(Self.person("S000007"));
            UPDATE form_check_in SET temperature = 3599
            WHERE day = \(day) AND person = \(Self.person("S000008"))
            """)
        let key = "(SELECT key FROM record WHERE form = 'person' AND instr(key, CAST('S000009' AS BLOB)))"
        try Self.tamper(crowd.data("B000"), "DELETE FROM record WHERE form = 'person' AND key = \(key)")
        let found: Reconciled = try await crowd.inspect(
            "reconcile", "--data", crowd.data("B000"), expecting: 6)
        #expect(
            found.words == [
                "differs check-in \(crowd.days[1]) S000008", "hub_lacks check-in \(crowd.days[1]) S000007",
                "branch_lacks person S000009",
            ] || Set(found.words).count == 3, "\(found.words)")
        #expect(found.words.contains("hub_lacks check-in \(crowd.days[1]) S000007"))
        #expect(found.words.contains("differs check-in \(crowd.days[1]) S000008"))
        #expect(found.words.contains("branch_lacks person S000009"))
        #expect(found.differences.count == 3 && found.atLeastMore == 0)
        let other: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data("B001"))
        #expect(other.agrees, "the other branch has nothing to do with it")
        let words = try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000")], expecting: [6]
        ).output
        #expect(words.contains("the hub lacks it") && words.contains("S000007"))
        #expect(words.contains("the branch lacks it"))
        let chinese = try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000")], expecting: [6],
            environment: ["LANG": "zh_CN.UTF-8"]
        ).output
        #expect(chinese.contains("汇总端缺少"))
        try await crowd.close()
    }

    @Test func aRunningAgentIsNotDisturbedAndWhatWaitsIsOnItsWay() async throws {
        let crowd = try await Self.crowd()
        let agent = try crowd.start("B000", "serve")
        try await crowd.branch(
            "B000", "add", "check-in", "day=\(crowd.days[0])", "person=S000001", "temperature=36.7")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        let said = agent.remarks
        for _ in 0..<3 {
            let found: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data("B000"))
            #expect(found.agrees, "\(found.words)")
        }
        #expect(agent.isRunning && agent.remarks == said, "its connection stands")
        #expect(try await crowd.status("B000").lastFailure == nil)
        // It still delivers what is entered, over the connection that it had.
        try await crowd.branch(
            "B000", "add", "check-in", "day=\(crowd.days[0])", "person=S000001", "temperature=36.9")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        _ = try await agent.stop()
        // Without an agent an entry waits, and that is no difference.
        try await crowd.branch(
            "B000", "add", "check-in", "day=\(crowd.days[0])", "person=S000002", "temperature=36.8")
        let waiting: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data("B000"))
        #expect(waiting.agrees && waiting.onTheWay.up == 1)
        try await crowd.close()
    }

    @Test func aFileFromTheOtherEndDoesAsWell() async throws {
        let crowd = try await Self.crowd()
        let day = try #require(CivilDay.parse(crowd.days[2]))
        try Self.tamper(
            crowd.place.path("hub"),
            "DELETE FROM form_check_in WHERE day = \(day) AND person = \(Self.person("S001004"))")
        let (down, up, all) = (
            crowd.place.path("down.digest"), crowd.place.path("up.digest"), crowd.place.path("all.digest")
        )
        let hub = crowd.place.path("hub")
        try await crowd.place.run("sync-inspect", ["digest", "--data", hub, "--unit", "B001", "-o", down])
        try await crowd.place.run("sync-inspect", ["digest", "--data", hub, "-o", all])
        try await crowd.place.run("sync-inspect", ["digest", "--data", crowd.data("B001"), "-o", up])
        for file in [down, up, all] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            #expect(bytes.range(of: Data("S001004".utf8)) == nil, "no names in the file")
        }
        let name = "check-in \(crowd.days[2]) S001004"
        let atBranch: Reconciled = try await crowd.inspect(
            "reconcile", "--data", crowd.data("B001"), "--digest", down, expecting: 6)
        #expect(atBranch.words == ["hub_lacks \(name)"])
        let atHub: Reconciled = try await crowd.inspect(
            "reconcile", "--data", hub, "--digest", up, expecting: 6)
        #expect(atHub.differences.map(\.what) == ["hub_lacks"])
        #expect(atHub.differences.map(\.key) == [[]], "only the branch can name it")
        let itself: Reconciled = try await crowd.inspect("reconcile", "--data", hub, "--digest", all)
        #expect(itself.agrees)
        // The other branch agrees with a file of its own, before and after more has come.
        try await crowd.place.run("sync-inspect", ["digest", "--data", hub, "--unit", "B000", "-o", down])
        try await crowd.branch(
            "B000", "add", "check-in", "day=\(crowd.days[0])", "person=S000002", "temperature=36.8")
        _ = try await crowd.sync("B000")
        let later: Reconciled = try await crowd.inspect(
            "reconcile", "--data", crowd.data("B000"), "--digest", down)
        #expect(later.agrees && later.onTheWay.up == 1)
        try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000"), "--digest", all], expecting: [64])
        try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000"), "--digest", hub + "/hub.key"],
            expecting: [66])
        try await crowd.place.run("sync-inspect", ["reconcile", "--data", hub], expecting: [64])
        try await crowd.close()
        try await crowd.place.run(
            "sync-inspect", ["reconcile", "--data", crowd.data("B000")], expecting: [2])
    }

    /// Questions that no program asks: each ends the connection or is answered, and the hub goes on.
    @Test func hostileQuestionsAreBounded() async throws {
        let crowd = try await Self.crowd()
        let device = try await RawDevice(joining: try await crowd.invite("B001"))
        let form = Array("check-in".utf8)
        func greeted() async throws -> RawPeer {
            let peer = try await device.connect()
            try await peer.say(.hello(device.hello { $0.capabilities = [ReconcileSession.capability] }))
            guard case .welcome? = try await peer.hear() else { throw CancellationError() }
            return peer
        }
        // Another branch's records are not told.
        let curious = try await greeted()
        try await curious.say(
            .ask(TallyQuestion(position: .max, own: [Dot(origin: 1, sequence: 1 << 62)], paths: [.all])))
        guard case .tally(let all)? = try await curious.hear(),
            case .groups(let groups)? = all.parts.first?.content
        else {
            Issue.record("no answer")
            return
        }
        let seen = groups.filter { $0.path.form == form }.reduce(0) { $0 + $1.tally.count }
        #expect(seen == 90, "three days of thirty persons, its own unit's")
        let days = groups.compactMap(\.path.days).flatMap { [$0.lowerBound, $0.upperBound] }
        let unit = Array("B000".utf8)
        let paths = (days.min() ?? 0)...(days.max() ?? 0)
        try await curious.say(
            .ask(
                TallyQuestion(
                    position: 0, own: [],
                    paths: paths.suffix(20).map { .unit(form: form, day: $0, unit: unit) })))
        guard case .tally(let none)? = try await curious.hear() else {
            Issue.record("no answer")
            return
        }
        #expect(none.parts.allSatisfy { $0.content == .records([]) })
        // More than four at a time, and what belongs to another kind of session.
        let hasty = try await greeted()
        let question = Message.ask(TallyQuestion(position: 0, own: [], paths: [.all]))
        // In one piece, so that no answer gets in between.
        await hasty.say(try (0..<40).flatMap { _ in try hasty.frame(question) })
        #expect(try await hasty.farewell()?.code == .limitExceeded)
        let confused = try await greeted()
        try await confused.say(.feedAck(.beginning))
        #expect(try await confused.farewell()?.code == .wrongOrder)
        // A device that syncs may not ask.
        let (syncing, _) = try await device.welcomed()
        try await syncing.say(.ask(TallyQuestion(position: 0, own: [], paths: [.all])))
        #expect(try await syncing.farewell()?.code == .wrongOrder)
        let found: Reconciled = try await crowd.inspect("reconcile", "--data", crowd.data("B001"))
        #expect(found.agrees)
        try await crowd.close()
    }
}

extension Crowd {
    /// Runs `sync-inspect` for its JSON.
    func inspect(
        _ arguments: String..., expecting code: Int32 = 0, at location: SourceLocation = #_sourceLocation
    ) async throws -> Reconciled {
        try await place.run(
            "sync-inspect", arguments + ["--json"], expecting: [code], at: location
        ).json()
    }
}
