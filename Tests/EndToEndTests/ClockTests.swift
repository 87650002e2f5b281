import Console
import Forms
import Foundation
import Logging
import NIOPosix
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire
import Synchronization
import Testing

@testable import Aggregator
@testable import BranchAgent

/// A clock that a test sets.
final class TestClock: Sendable {
    private let state: Mutex<Milliseconds>

    init(_ time: Milliseconds) { state = Mutex(time) }

    var now: Milliseconds {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Clocks of branch and hub that are wrong or jump. The programs' own parts, with clocks that are passed in.
@Suite struct ClockTests {
    static let year: Milliseconds = 365 * 86_400_000
    static let today: Milliseconds = 1_790_000_000_000
    static let sixties: Milliseconds = -4 * year
    static let seventies: Milliseconds = year
    static let after2100: Milliseconds = 131 * year
    static let endOfCalendar: Milliseconds = 253_402_200_000_000

    private static let group = MultiThreadedEventLoopGroup.singleton

    /// A hub with twenty people in one branch.
    private final class World {
        let place: Place
        let folder: HubFolder
        let clock: TestClock
        private var writer: HubWriter
        var listener: HubListener

        init(hub time: Milliseconds) async throws {
            place = try Place()
            folder = HubFolder(path: place.path("hub"))
            clock = TestClock(time)
            try folder.create(name: "Centre", settings: Settings())
            let store = try folder.open()
            let units =
                "unit_id,unit_name,unit_type,parent_id,line\n"
                + "C,Centre,committee,,party\nB,Branch,branch,C,party\n"
            let people = "person_id,name,unit_id\n" + (0..<20).map { "P\($0),Somebody,B\n" }.joined()
            for (kind, text) in [(RegisterSheet.units, units), (.people, people)] {
                let result = try RegisterImport(kind, bytes: Array(text.utf8)).run(
                    on: store, now: time, progress: ProgressBar(Words("", zh: "")))
                #expect(result.rejected == 0)
            }
            writer = HubWriter(store: store, now: { [clock] in clock.now })
            listener = try await World.listen(folder, writer, clock)
        }

        /// Asks the store where it is written, after what sessions still do there.
        func ask<Answer: Sendable>(
            _ body: @escaping @Sendable (SQLiteHubStore) throws -> Answer
        ) async throws -> Answer {
            try await writer.run { try body(#require($0 as? SQLiteHubStore)) }
        }

        private static func listen(
            _ folder: HubFolder, _ writer: HubWriter, _ clock: TestClock
        ) async throws -> HubListener {
            let server = HubServer(
                writer: writer,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { clock.now })
            return try await HubListener.start(
                at: HostPort(host: "127.0.0.1", port: 0), key: try folder.key(), service: server,
                group: ClockTests.group)
        }

        /// The hub goes down and comes up with its clock at another time.
        func restart(at time: Milliseconds) async throws {
            await listener.shutdown()
            clock.now = time
            writer = HubWriter(store: try folder.open(), now: { [clock] in clock.now })
            listener = try await World.listen(folder, writer, clock)
        }
    }

    /// A device of the branch.
    private final class Branch {
        let clock: TestClock
        let key: DeviceKey
        let store: SQLiteAgentStore

        init(_ world: World, _ name: String, clock time: Milliseconds) async throws {
            clock = TestClock(time)
            let folder = AgentFolder(path: world.place.path(name))
            key = try folder.keyForJoining()
            store = try folder.create(key)
            let secret = Token16.random()
            let now = world.clock.now
            let code = Invitation(
                secretHash: Hashing.sha256(secret.bytes), unit: "B", isTrusted: true, expires: now + 3_600_000
            )
            try await world.ask { try $0.invite(code, now: now) }
            let replica = Token16.random()
            let hub = try world.folder.key().fingerprint
            let address = world.listener.address
            let answer = try await JoinConnection.run(
                address: address.host, port: address.port, pinned: .key(hub), key: key,
                join: Join(secret: secret, replica: replica, label: "", clock: time), group: ClockTests.group)
            try store.configure(
                AgentConfiguration(
                    replica: replica, address: "\(address)", hub: hub, hubKeys: answer.hubKeys,
                    unit: answer.joined.unit, unitName: answer.joined.unitName,
                    hubName: answer.joined.hubName, settings: answer.joined.settings))
            try store.note { facts in
                facts.skew = answer.joined.clock - time
                facts.lastHubTime = answer.joined.clock
            }
        }

        /// One check-in as `add` writes it, checked by the branch first.
        func add(_ person: Int, day: Int32, stated: Milliseconds? = nil, first: Milliseconds? = nil) throws {
            let clock = AuthoringClock(now: clock.now, lastHubTime: try store.contact().lastHubTime)
            _ = try store.write(clock: clock) { transaction in
                let key = RecordKey(
                    form: "check-in", values: [.integer(Int64(day)), .text("P\(person)")])
                return try transaction.author(
                    Draft(
                        lane: .routine, key: key, formRevision: 1,
                        context: try transaction.record(key)?.seen ?? .empty, stated: stated,
                        firstCreated: first,
                        assignments: [
                            Assignment(
                                field: 1, retentionClass: 0, value: .decimal(unscaled: 3_650, scale: 2))
                        ]))
            }
        }

        private static let forms = Result {
            try CompiledCatalog(.builtIn, settings: Settings(), zone: ClockTests.zone)
        }

        /// One check-in as the command `add` reads and writes it.
        ///
        /// - Returns: the day that it is about; nil when it was refused.
        func enter(_ cells: [String: String]) throws -> Int32? {
            let form = try #require(try Branch.forms.get()[BuiltIn.checkIn])
            let clock = AuthoringClock(now: clock.now, lastHubTime: try store.contact().lastHubTime)
            let moment = try store.moment(of: clock)
            let typed = cells.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
            let pairs = try SheetEntry.withDay(
                typed + [(name: "temperature", value: "36.5")], form: form, clock: clock, moment: moment)
            let read = try SheetEntry.read(
                pairs, form: form, now: moment.time, isClockTrusted: moment.isTrusted)
            guard case .success(let row) = read else { return nil }
            let author = RecordAuthor(catalog: try Branch.forms.get())
            _ = try store.write(clock: clock) { transaction in
                try author.author(
                    form, key: row.key, assignments: row.assignments, stated: row.stated,
                    firstCreated: row.firstCreated, in: transaction)
            }
            guard case .integer(let day)? = row.key.values.first else { return nil }
            return Int32(clamping: day)
        }

        func importing(_ sheet: String) throws -> ImportResult {
            let importer = try Importer(
                form: BuiltIn.checkIn, catalog: try Branch.forms.get(), hashing: .sha256)
            let clock = AuthoringClock(now: clock.now, lastHubTime: try store.contact().lastHubTime)
            return try importer.run(
                [SheetFile(path: "day.csv", bytes: Array(sheet.utf8))], on: store, clock: clock)
        }

        func sync(_ world: World) async throws {
            let result = try await AgentConnection.run(
                address: world.listener.address.host, port: world.listener.address.port,
                pinned: .key(try world.folder.key().fingerprint), key: key,
                session: AgentSession(goal: .drain),
                host: AgentHost(store: store, program: "test", now: { [clock] in clock.now }),
                group: ClockTests.group)
            #expect(result.ending == .clean && result.isDrained, "\(result.ending)")
        }

        var isTrusted: Bool {
            get throws {
                AuthoringClock(now: clock.now, lastHubTime: try store.contact().lastHubTime).isTrusted
            }
        }
    }

    private static let zone = LocalZone.fixed(hours: 8)

    /// Agent and hub decades apart, before 1970 and beyond 2100: everything arrives, counts and is marked,
    /// and the measured difference is kept.
    @Test(
        arguments: [
            (today, today - 25 * year), (today, today + 16 * year), (today, sixties), (today, after2100),
            (today, endOfCalendar), (after2100, today), (after2100, seventies), (seventies, today),
            (seventies, sixties), (endOfCalendar, today),
        ] as [(hub: Milliseconds, agent: Milliseconds)])
    func clocksThatAreDecadesApart(_ clocks: (hub: Milliseconds, agent: Milliseconds)) async throws {
        let world = try await World(hub: clocks.hub)
        let branch = try await Branch(world, "branch", clock: clocks.agent)
        #expect(try !branch.isTrusted)
        let day = ClockTests.zone.day(of: clocks.hub)
        for person in 0..<20 { try branch.add(person, day: day) }
        try await branch.sync(world)
        await world.listener.shutdown()
        for entry in try branch.store.journal(lane: .routine, after: 0, limit: 100) {
            #expect(!entry.version.clockTrusted)
            // The measured skew stands in for the clock.
            #expect(abs(entry.version.authored - clocks.hub) < 60_000)
        }
        let line = try #require(
            try await world.ask { try $0.coverage(of: day) }.lines.first { $0.unit == "B" })
        #expect(line.checkedIn == 20 && line.missing.isEmpty)
        #expect(try branch.store.status(of: .routine).receipted == 20)
        #expect(try branch.store.status(of: .routine).quarantined == 0)
        #expect(try branch.store.contact().skew == clocks.hub - clocks.agent)
        #expect(try await world.ask { try $0.devices() }.map(\.skew) == [clocks.hub - clocks.agent])
    }

    /// The branch's clock jumps between entries, in the middle of a session and back: each entry arrives
    /// once, what was entered by a wrong clock is corrected by a right one, and the correction counts.
    @Test func aBranchWhoseClockJumps() async throws {
        let world = try await World(hub: ClockTests.today)
        let branch = try await Branch(world, "branch", clock: ClockTests.today)
        let day = ClockTests.zone.day(of: ClockTests.today)
        let jumps = [0, -41 * ClockTests.year, 74 * ClockTests.year, 1_000]
        for (person, jump) in jumps.enumerated() {
            branch.clock.now = ClockTests.today + jump
            try branch.add(person, day: day)
        }
        let jumping = Task { [clock = branch.clock] in
            while !Task.isCancelled {
                clock.now = ClockTests.today + (Bool.random() ? -1 : 1) * 30 * ClockTests.year
                await Task.yield()
            }
        }
        try await branch.sync(world)
        jumping.cancel()
        await jumping.value
        #expect(try branch.store.status(of: .routine).receipted == 4)
        branch.clock.now = ClockTests.today + 5_000
        try await branch.sync(world)
        #expect(try branch.isTrusted)
        for person in 0..<4 { try branch.add(person, day: day) }
        try await branch.sync(world)
        await world.listener.shutdown()
        #expect(try branch.store.status(of: .routine).quarantined == 0)
        for person in 0..<4 {
            let key = RecordKey(form: "check-in", values: [.integer(Int64(day)), .text("P\(person)")])
            let state = try #require(try await world.ask { try $0.record(key) })
            #expect(state.siblings.contains { $0.dot.sequence == UInt64(person) + 5 })
            let effective = try #require(try await world.ask { try $0.effective(key) })
            #expect(!effective.hasConflict)
        }
    }

    /// The hub's clock jumps between commits and across a restart: what came before and after is there, the
    /// feed goes on, and another branch gets the same.
    @Test func aHubWhoseClockJumps() async throws {
        let world = try await World(hub: ClockTests.today)
        let first = try await Branch(world, "first", clock: ClockTests.today)
        let other = try await Branch(world, "other", clock: ClockTests.today)
        let day = ClockTests.zone.day(of: ClockTests.today)
        let times = [
            ClockTests.today, ClockTests.after2100, ClockTests.seventies, ClockTests.sixties,
            ClockTests.today + 1_000,
        ]
        for (person, time) in times.enumerated() {
            if person % 2 == 0 { world.clock.now = time } else { try await world.restart(at: time) }
            try first.add(person, day: day)
            try await first.sync(world)
            try await other.sync(world)
        }
        await world.listener.shutdown()
        for person in times.indices {
            let key = RecordKey(form: "check-in", values: [.integer(Int64(day)), .text("P\(person)")])
            #expect(try await world.ask { try $0.record(key) } == other.store.record(key))
            #expect(try other.store.record(key) != nil, "\(person)")
        }
        let line = try #require(
            try await world.ask { try $0.coverage(of: day) }.lines.first { $0.unit == "B" })
        #expect(line.checkedIn == times.count)
        #expect(try first.store.status(of: .routine).receipted == UInt64(times.count))
        #expect(try first.isTrusted && other.isTrusted)
    }

    /// Stated times at the ends of what the protocol carries: put aside, and every tool reads on.
    @Test func timesAtTheEndsOfTheProtocol() async throws {
        let world = try await World(hub: ClockTests.today)
        let branch = try await Branch(world, "branch", clock: ClockTests.today)
        let day = ClockTests.zone.day(of: ClockTests.today)
        let ends: [Milliseconds] = [-(1 << 53), -62_135_596_800_001, 253_402_300_800_000, 1 << 53]
        for (person, time) in ends.enumerated() {
            try branch.add(person, day: day, stated: time, first: person % 2 == 0 ? time : nil)
        }
        for (person, day) in [Int32.min, -719_163, 2_932_897, .max].enumerated() {
            try branch.add(10 + person, day: day)
        }
        try branch.add(9, day: day)
        try await branch.sync(world)
        await world.listener.shutdown()
        #expect(try branch.store.status(of: .routine).quarantined == 8)
        let line = try #require(
            try await world.ask { try $0.coverage(of: day) }.lines.first { $0.unit == "B" })
        #expect(line.checkedIn == 1)
        let hub = ["--data", world.place.path("hub")]
        for date in ["0001-01-01", "9999-12-31", CivilDay.text(day)] {
            try await world.place.run("aggregator", ["coverage", "--date", date] + hub)
        }
        let export = try await world.place.run("aggregator", ["export", "check-in"] + hub)
        #expect(export.output.split(separator: "\n").count == 2)
        try await world.place.run("aggregator", ["devices"] + hub)
        for store in ["hub", "branch"] {
            let data = ["--data", world.place.path(store)]
            try await world.place.run("sync-inspect", ["queue", "--all"] + data)
            try await world.place.run("sync-inspect", ["batch"] + data)
            for person in 0..<4 {
                let key = ["record", "check-in", CivilDay.text(day), "P\(person)"]
                try await world.place.run("sync-inspect", key + data)
                try await world.place.run("sync-inspect", key + ["--json"] + data)
            }
        }
        let status = try await world.place.run(
            "branch-agent", ["status", "--data", world.place.path("branch")])
        #expect(status.output.contains("the centre has quarantined"))
    }

    /// The minutes about midnight, where branch and hub have different days: what the branch takes without a
    /// day, for the day or from a sheet is what the hub takes, and what the hub would put aside is refused.
    @Test(arguments: [(skew: 8, isTomorrow: true), (8, false), (-8, true), (-8, false)])
    func midnightBetweenTheClocks(_ skew: Int64, isTomorrow: Bool) async throws {
        // The hub's clock stands a minute after midnight or a minute before it.
        let zone = ClockTests.zone
        let midnight = zone.midnight(of: zone.day(of: ClockTests.today))
        let hubTime = midnight + (isTomorrow ? 1 : -1) * 60_000
        let world = try await World(hub: hubTime)
        let branch = try await Branch(world, "branch", clock: hubTime - skew * 60_000)
        try await branch.sync(world)
        #expect(try branch.isTrusted && branch.store.contact().skew == skew * 60_000)
        let tomorrow = zone.day(of: midnight)
        let today = isTomorrow ? tomorrow : tomorrow - 1
        let taken = [
            try branch.enter(["person": "P0"]),
            try branch.enter(["person": "P1", "day": CivilDay.text(today)]),
            try branch.enter(["person": "P2", "day": CivilDay.text(tomorrow - 1)]),
        ]
        #expect(taken == [today, today, tomorrow - 1])
        let early = try branch.enter(["person": "P3", "day": CivilDay.text(today + 1)])
        #expect(early == nil, "a day was taken that has not begun")
        // Entered all the same, by somebody who does not look.
        try branch.add(4, day: today + 1)
        let sheet =
            "person_id,check_date,temperature\n"
            + "P5,\(CivilDay.text(today)),36.5\nP6,\(CivilDay.text(today + 1)),36.5\n"
        let result = try branch.importing(sheet)
        #expect(result.accepted == 1 && result.errors.map(\.record) == [2])
        #expect(result.errors.map(\.reason) == ["recorded_before_day"])
        try await branch.sync(world)
        await world.listener.shutdown()
        #expect(try branch.store.status(of: .routine).receipted == 5)
        let verdicts = try branch.store.verdicts([.quarantined], limit: 10)
        #expect(verdicts.map(\.verdict.reason) == ["recorded_before_day"])
        #expect(verdicts.first?.key.values.last == .text("P4"))
        let line = try #require(
            try await world.ask { try $0.coverage(of: today) }.lines.first { $0.unit == "B" })
        #expect(line.checkedIn == (isTomorrow ? 3 : 4))
    }
}
