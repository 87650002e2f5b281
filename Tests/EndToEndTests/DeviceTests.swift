import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Who is let in, and what happens to whoever is not.
@Suite struct DeviceTests {
    @Test func aPendingDeviceWaitsForTheCentre() async throws {
        let centre = try await Centre()
        try await centre.open()
        let joined = try await centre.branch("B02", "join", try await centre.invite("B02", trusted: false))
        let digits = try #require(joined.output.split { !$0.isNumber }.first { $0.count == 6 })
        try await centre.importSheets(of: "B02")
        let refused = try await centre.branch("B02", "sync", expecting: [3])
        #expect(refused.remarks.contains("confirm"))
        let waiting = try await centre.status("B02")
        #expect(waiting.receipted == 0 && waiting.queued > 0)
        try await centre.hub("confirm", String(digits) == "000000" ? "111111" : "000000", expecting: [66])
        try await centre.hub("confirm", String(digits))
        #expect(try await centre.sync("B02").drained)
        try await centre.expectBoards(of: ["B02"], isMistyped: true)
        try await centre.close()
    }

    @Test func aCodeIsForOneDeviceAndOneHub() async throws {
        let centre = try await Centre()
        try await centre.open()
        let code = try await centre.invite("B04")
        try await centre.branch("first", "join", code)
        // The answer may have been lost: the same device may ask again.
        try await centre.branch("first", "join", code)
        let spent = try await centre.branch("second", "join", code, expecting: [3])
        #expect(spent.remarks.contains("another device has used"))
        try await centre.branch("second", "sync", expecting: [66])

        // Another hub answers at the address.
        try await centre.place.run("aggregator", ["init", "--data", centre.place.path("other")])
        try await centre.place.run(
            "aggregator",
            ["import", "units", centre.college.folder + "/units.csv", "--data", centre.place.path("other")])
        let foreign = try await centre.place.run(
            "aggregator",
            [
                "invite", "B04", "--trusted", "--address", "127.0.0.1:\(centre.port)", "--data",
                centre.place.path("other"),
            ])
        let wrong = try await centre.branch(
            "third", "join", foreign.output.trimmingCharacters(in: .newlines), expecting: [3])
        #expect(wrong.remarks.contains("code 215"))
        // Both have left their mark at the hub.
        for words in ["204 ", "215 "] {
            let isThere = try await eventually {
                try await AuditTests.Log.read(centre).details("refused").contains { $0.contains(words) }
            }
            #expect(isThere, "\(words)")
        }

        for garbage in ["", "abc", String(code.dropLast()), code + "x"] {
            try await centre.branch("fourth", "join", garbage, expecting: [64])
        }
        try await centre.close()
    }

    @Test func aFolderIsOneDevice() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        // Another unit's code, or a hub's folder, is not for this folder.
        let other = try await centre.branch("B04", "join", try await centre.invite("B02"), expecting: [64])
        #expect(other.remarks.contains("B04"))
        try await centre.importSheets(of: "B04")
        let queued = try await centre.status("B04").queued
        // Without its key the store is left as it is.
        let key = URL(fileURLWithPath: centre.place.path("branch-B04")).appending(path: "device.key")
        let aside = key.appendingPathExtension("aside")
        try FileManager.default.moveItem(at: key, to: aside)
        let lost = try await centre.branch("B04", "join", try await centre.invite("B04"), expecting: [66])
        #expect(lost.remarks.contains("device.key is missing"))
        try await centre.branch("B04", "status", expecting: [66])
        try FileManager.default.moveItem(at: aside, to: key)
        #expect(try await centre.status("B04").queued == queued)
        #expect(try await centre.sync("B04").drained)
        try await centre.close()
    }

    /// What the centre sees of a device: when and from where it was heard last, by what program, how far its
    /// clock is off, and what it still had to send then.
    @Test func theListTellsHowADeviceStands() async throws {
        struct Row: Decodable {
            var unit: String
            var label: String
            var state: String
            var joined: String
            var lastSeen: String?
            var address: String?
            var skewMilliseconds: Int64
            var urgentBacklog: UInt64
            var routineBacklog: UInt64
            var oldestSeconds: UInt64
            var program: String
            var version: UInt16?
        }
        let centre = try await Centre()
        try await centre.open()
        var device = try await RawDevice(joining: try await centre.invite("B04"))
        let joined: [Row] = try await centre.hub("devices", "--json").json()
        #expect(joined.map(\.lastSeen) == [nil] && joined.map(\.unit) == ["B04"])
        let versions = (1...3).map { Version.checkIn("S000\($0)", day: 18_300) }
        _ = try device.routine.write(versions)
        _ = try device.urgent.write([versions[0]])
        let peer = try await device.connect()
        try await peer.say(
            .hello(
                device.hello { hello in
                    hello.clock -= 3_600_000
                    hello.urgent = Backlog(count: 1, oldestAge: 60_000)
                    hello.routine = Backlog(count: 3, oldestAge: 7_200_000)
                    hello.program = "test 9"
                }))
        guard case .welcome? = try await peer.hear() else {
            Issue.record("no Welcome")
            return
        }
        peer.close()
        let rows: [Row] = try await centre.hub("devices", "--json").json()
        let row = try #require(rows.first)
        #expect(rows.count == 1 && row.state == "active" && row.label == "raw" && !row.joined.isEmpty)
        #expect(row.lastSeen != nil && row.address == "127.0.0.1")
        #expect(row.program == "test 9" && row.version == 1)
        #expect(abs(row.skewMilliseconds - 3_600_000) < 600_000)
        #expect(row.urgentBacklog == 1 && row.routineBacklog == 3 && row.oldestSeconds == 7_200)
        try await centre.close()
    }

    @Test func aBranchWritesOnlyItsOwnForms() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let refused = try await centre.branch(
            "B04", "add", "membership", "person=S0001", "from=2020-02-03", "unit=B04", expecting: [64])
        #expect(refused.remarks.contains("centre"))
        let day = "day=" + centre.college.words("last_day")
        try await centre.branch("B04", "add", "check-in", day, "person=S0001", expecting: [64])
        let unknown = try await centre.branch(
            "B04", "add", "check-in", day, "person=S0001", "temp=36.5", expecting: [64])
        #expect(unknown.remarks.contains("temperature"), "the fields that there are")
        try await centre.branch("B04", "add", "check-in", day, "person=S0001", "temperature=36.5")
        let again = try await centre.branch("B04", "add", "check-in", day, "person=S0001", "temperature=36.5")
        #expect(again.remarks.contains("unchanged"))
        #expect(try await centre.status("B04").versions == 1)
        try await centre.close()
    }

    @Test func aSecondDeviceOfTheUnitHearsWhatTheFirstOneSent() async throws {
        let centre = try await Centre()
        try await centre.open()
        let unit = centre.college.words("mistyped_branch")
        try await centre.join(unit, as: "first")
        try await centre.join(unit, as: "second")
        try await centre.importSheets(of: unit, as: "first")
        _ = try await centre.sync("first")
        _ = try await centre.sync("second")
        try compareCheckIns("first", "second", of: centre)

        // What is corrected on the second device reaches the first one.
        try await centre.branch(
            "second", "add", "check-in", "day=" + centre.college.words("last_day"),
            "person=" + centre.college.words("mistyped_person"),
            "temperature=" + centre.college.words("mistyped_for"))
        _ = try await centre.sync("second")
        _ = try await centre.sync("first")
        try compareCheckIns("first", "second", of: centre)
        try await centre.expectBoards(of: [unit], isMistyped: false)
        try await centre.close()
    }

    private func compareCheckIns(_ first: String, _ second: String, of centre: Centre) throws {
        let mine = try checkIns(centre.data(first))
        let theirs = try checkIns(centre.data(second))
        #expect(mine.count > 700)
        #expect(mine == theirs)
    }

    private func checkIns(_ folder: String) throws -> [RecordKey: RecordState] {
        let store = try SQLiteAgentStore(readingFrom: folder)
        let records = try store.records(form: "check-in", after: nil, limit: 10_000)
        return Dictionary(uniqueKeysWithValues: records.map { ($0.key, $0.state) })
    }
}
