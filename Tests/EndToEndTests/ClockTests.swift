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
import Testing

@testable import Aggregator
@testable import BranchAgent

/// A branch whose clock is wrong by years. The programs' own parts, with a clock that is passed in.
@Suite struct ClockTests {
    static let hubTime = HubFolder.milliseconds()
    let group = MultiThreadedEventLoopGroup.singleton

    @Test(arguments: [-25, 16])
    func aClockThatIsWrongByYearsLosesNothing(years: Int64) async throws {
        let place = try Place()
        let hub = HubFolder(path: place.path("hub"))
        try hub.create(name: "Centre", settings: Settings())
        let hubStore = try hub.open()
        try importRegister(into: hubStore)
        let server = HubServer(
            writer: HubWriter(store: hubStore, now: { ClockTests.hubTime }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { ClockTests.hubTime })
        let listener = try await HubListener.start(
            at: HostPort(host: "127.0.0.1", port: 0), key: try hub.key(), service: server, group: group)

        let wrong = ClockTests.hubTime + years * 365 * 86_400_000
        let branch = try await join(
            AgentFolder(path: place.path("branch")), to: listener.address, of: hub, clock: wrong)
        let clock = AuthoringClock(now: wrong, lastHubTime: try branch.store.contact().lastHubTime)
        #expect(!clock.isTrusted)
        let day = ClockTests.hubTime / 86_400_000
        try branch.store.write(clock: clock) { transaction in
            for person in 0..<20 {
                try transaction.author(
                    Draft(
                        lane: .routine,
                        key: RecordKey(form: "check-in", values: [.integer(day), .text("P\(person)")]),
                        formRevision: 1, context: .empty,
                        assignments: [
                            Assignment(
                                field: 1, retentionClass: 0, value: .decimal(unscaled: 3650, scale: 2))
                        ]))
            }
        }
        let keys = try branch.store.journal(lane: .routine, after: 0, limit: 100).map(\.version.key)
        try #require(keys.count == 20)
        let result = try await AgentConnection.run(
            address: listener.address.host, port: listener.address.port, pinned: try hub.key().fingerprint,
            key: branch.key, session: AgentSession(goal: .drain),
            host: AgentHost(store: branch.store, program: "test", now: { wrong }), group: group)
        #expect(result.ending == .clean && result.isDrained)
        await listener.shutdown()
        for key in keys {
            let versions = try hubStore.versions(of: key)
            #expect(versions.map(\.clockTrusted) == [false])
        }
        #expect(try branch.store.status(of: .routine).receipted == 20)
        #expect(try branch.store.contact().skew == -years * 365 * 86_400_000)
    }

    private func importRegister(into store: any HubStore) throws {
        let progress = ProgressBar(Words("", zh: ""))
        let units =
            "unit_id,unit_name,unit_type,parent_id,line\nC,Centre,committee,,party\nB,Branch,branch,C,party\n"
        let people =
            "person_id,name,unit_id\n" + (0..<20).map { "P\($0),Somebody,B\n" }.joined()
        for (kind, text) in [(RegisterSheet.units, units), (.people, people)] {
            let result = try RegisterImport(kind, bytes: Array(text.utf8)).run(
                on: store, now: ClockTests.hubTime, progress: progress)
            #expect(result.rejected == 0)
        }
    }

    private func join(
        _ folder: AgentFolder, to address: HostPort, of hub: HubFolder, clock: Milliseconds
    ) async throws -> (store: SQLiteAgentStore, key: DeviceKey) {
        let text = try Invitations.make(
            unit: "B", address: "\(address)", isTrusted: true, validHours: 1, folder: hub)
        let code = try #require(JoinCode(text: text))
        let key = try folder.keyForJoining()
        let store = try folder.create(key)
        let replica = Token16.random()
        let answer = try await JoinConnection.run(
            address: address.host, port: address.port, pinned: code.hub, key: key,
            join: Join(secret: code.secret, replica: replica, label: "", clock: clock), group: group)
        try store.configure(
            AgentConfiguration(
                replica: replica, address: code.address, hub: code.hub, hubPublicKey: answer.hubKey,
                unit: answer.joined.unit, unitName: answer.joined.unitName, hubName: answer.joined.hubName,
                settings: answer.joined.settings))
        try store.note { facts in
            facts.skew = answer.joined.clock - clock
            facts.lastHubTime = answer.joined.clock
        }
        return (store, key)
    }
}
