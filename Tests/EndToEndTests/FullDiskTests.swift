import Foundation
import Testing

/// Disks that are full to the last byte, at a branch and at the hub: said in words, nothing confirmed that is
/// not durable, urgent work goes through, and all goes on by itself when there is room.
@Suite(.enabled(if: SmallDisks.areToBeHad, "no small disks can be mounted on this machine"))
struct FullDiskTests {
    private static let day = Date(timeIntervalSinceNow: 8 * 3_600).ISO8601Format().prefix(10)
    private static let people = (1...150).map { "P\($0)" }

    /// A hub with two branches and their people, one of the folders on a small disk.
    private func hub(small name: String, megabytes: Int) async throws -> (hub: Hub, disks: SmallDisks) {
        let place = try Place(disks: [name: megabytes])
        let disks = try #require(place.disks)
        let hub = try await Hub(in: place, name: "Small disks")
        let units = "unit_id,unit_name,unit_type,parent_id,line\nC1,Committee,committee,,party\n"
        try write(units + "A,Branch A,branch,C1,party\nB,Branch B,branch,C1,party\n", "units.csv", place)
        let people = FullDiskTests.people.map { "\($0),Name,A" } + ["Q1,Name,B", "Q2,Name,B"]
        try write("person_id,name,unit_id\n" + people.joined(separator: "\n") + "\n", "people.csv", place)
        for kind in ["units", "people"] { try await hub.hub("import", kind, place.path("\(kind).csv")) }
        try await hub.open()
        return (hub, disks)
    }

    private func write(_ text: String, _ name: String, _ place: Place) throws {
        try text.write(toFile: place.path(name), atomically: true, encoding: .utf8)
    }

    /// Check-ins of all people of branch A for a fortnight: more than fits where nothing fits.
    private func sheet(in place: Place) throws -> String {
        var lines = ["person_id,check_date,recorded_at,temperature,fever,remark"]
        for back in 0..<14 {
            let day = Date(timeIntervalSinceNow: Double(8 - 24 * back) * 3_600).ISO8601Format().prefix(10)
            lines += FullDiskTests.people.map { "\($0),\(day),\(day) 00:00:01,36.50,False,day \(back)" }
        }
        try write(lines.joined(separator: "\n") + "\n", "fortnight.csv", place)
        return place.path("fortnight.csv")
    }

    private func add(_ person: String, _ temperature: String) -> [String] {
        ["add", "check-in", "day=\(FullDiskTests.day)", "person=\(person)", "temperature=\(temperature)"]
    }

    @Test func aBranchOnAFullDisk() async throws {
        let (hub, disks) = try await hub(small: "branch-B", megabytes: 6)
        let place = hub.place
        let disk = hub.data("B")
        func branch(_ words: [String], _ codes: Set<Int32> = [0]) async throws -> Outcome {
            try await place.run("branch-agent", words + ["--data", disk], expecting: codes)
        }
        try await hub.join("B")
        #expect(disks.stat(disk + "/ballast") == "2097152 4096 600")
        disks.fill(disk)
        #expect(try await branch(add("Q1", "36.5"), [5]).remarks.contains("the disk is full"))
        #expect(try await branch(["import", "check-in", try sheet(in: place)], [5]).output.isEmpty)
        #expect(try await hub.status("B").versions == 0)
        disks.fill(disk)
        // The check-in that raises an alert, and the alert.
        #expect(try await branch(add("Q1", "38.9")).output.contains("urgent"))
        disks.fill(disk)
        #expect(try await branch(add("Q2", "36.5"), [5]).remarks.contains("the disk is full"))
        let stopped = try await branch(["sync"], [0, 5])
        #expect(try await hub.status("B").receipted == 2, "\(stopped.remarks)")
        #expect(try await hub.status("B").disk != "ample")
        // One that stays: told once, takes what is urgent, and goes on when there is room.
        disks.fill(disk)
        let serve = try hub.start("B", "serve")
        #expect(try await eventually { serve.remarks.contains("the disk here is full") })
        _ = try await branch(add("Q2", "39.1"))
        #expect(try await eventually { try await hub.status("B").receipted == 4 })
        _ = try await branch(add("Q1", "36.9"), [5])
        disks.free(disk)
        #expect(try await eventually { serve.remarks.contains("room on the disk again") })
        #expect(disks.stat(disk + "/ballast") == "2097152 4096 600")
        _ = try await branch(add("Q1", "36.9"))
        let isAllThere = try await eventually {
            let status = try await hub.status("B")
            return status.receipted == 5 && status.queued == 0 && status.disk == "ample"
        }
        let last = try await hub.status("B")
        #expect(isAllThere, "\(last) \(serve.remarks.suffix(1_000))")
        let said = try await serve.stop()
        #expect(said.code == 0)
        #expect(said.remarks.components(separatedBy: "the disk here is full").count - 1 <= 2)
        try await hub.close()
        // Q1 was corrected.
        #expect(try await flagged(hub, "B") == 1)
    }

    @Test func aHubOnAFullDisk() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let place = hub.place
        let disk = place.path("hub")
        #expect(disks.stat(disk + "/ballast") == "8388608 16384 600")
        try await hub.join("A")
        try await hub.join("B")
        try await hub.branch("A", "import", "check-in", try sheet(in: place))
        disks.fill(disk)
        let refused = try await hub.branch("A", "sync", expecting: [3])
        #expect(refused.remarks.contains("122") && refused.remarks.contains("disk is full"))
        #expect(try await hub.status("A").queued == 2_100)
        #expect(try await eventually { hub.log.contains("the disk here is full") })
        // Urgent: taken and receipted, and there after a kill on the disk that is still full.
        try await place.run("branch-agent", add("Q1", "38.9") + ["--data", hub.data("B")])
        _ = try await hub.sync("B", expecting: [0, 3])
        #expect(try await hub.status("B").receipted == 2)
        disks.fill(disk)
        try await hub.killAndOpen()
        #expect(try await flagged(hub, "B") == 1)
        let serve = try hub.start("A", "serve")
        #expect(try await eventually { try await hub.status("A").lastFailure == "122" })
        #expect(try await hub.status("A").receipted == 0)
        disks.free(disk)
        #expect(
            try await eventually { try await hub.status("A").queued == 0 },
            "\(hub.log.suffix(2_000))")
        #expect(try await hub.status("A").receipted == 2_100)
        #expect(try await eventually { hub.log.contains("room on the disk again") })
        #expect(disks.stat(disk + "/ballast") == "8388608 16384 600")
        #expect(try await serve.stop().code == 0)
        let board: Board = try await hub.hub(
            "coverage", "--date", String(FullDiskTests.day), "--json"
        ).json()
        #expect(board.units.first { $0.unit == "A" }?.checkedIn == 150)
        #expect(try await flagged(hub, "B") == 1)
        try await hub.close()
    }

    @Test func whoIsRevokedOnAFullDiskIsRevoked() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let disk = hub.place.path("hub")
        try await hub.join("A")
        let serve = try hub.start("A", "serve")
        #expect(try await eventually { try await hub.status("A").lastContact != nil })
        disks.fill(disk)
        let said = try await hub.hub("revoke", "1", "--reason", "lost")
        #expect(said.remarks.contains("is revoked"))
        #expect(try await eventually { serve.remarks.contains("202") })
        let file = disk + "/revocations.jsonl"
        #expect(disks.text(file).contains("\"at\""))
        disks.free(disk)
        // A file that was left behind is made anew.
        disks.remove(file)
        try await hub.killAndOpen()
        #expect(disks.text(file).contains("\"at\""))
        _ = try await serve.stop()
        try await hub.close()
    }

    /// It has thousands of entries to hand over, for which there is no room: what it hears is that it is
    /// revoked, not that the disk is full, and it keeps them.
    @Test func whoIsRevokedHearsThatBesideAFullDisk() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let disk = hub.place.path("hub")
        try await hub.join("A")
        try await hub.branch("A", "import", "check-in", try sheet(in: hub.place))
        disks.fill(disk)
        #expect(try await hub.branch("A", "sync", expecting: [3]).remarks.contains("122"))
        try await hub.hub("revoke", "1", "--reason", "lost")
        for _ in 0..<2 {
            let refused = try await hub.branch("A", "sync", expecting: [3])
            #expect(refused.remarks.contains("202") && !refused.remarks.contains("122"), "\(refused.remarks)")
            #expect(try await hub.status("A").queued == 2_100)
        }
        disks.free(disk)
        let said = try await hub.branch("A", "sync", expecting: [3])
        #expect(said.remarks.contains("202"))
        #expect(try await hub.status("A").queued == 0, "handed over now that there is room")
        try await hub.close()
    }

    /// Urgent work has used the ballast up, but for what is kept so that whoever fills the disk can be
    /// revoked; and then that too is gone.
    @Test func whoFillsTheDiskWithUrgentWorkCanBeRevoked() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let disk = hub.place.path("hub")
        for branch in ["A", "B"] {
            try await hub.join(branch)
            _ = try await hub.sync(branch)
        }
        try await hub.close()
        let share = 512 << 10
        disks.fill(disk, withBallastOf: share)
        try await hub.open()
        try await hub.place.run("branch-agent", add("Q1", "38.9") + ["--data", hub.data("B")])
        let refused = try await hub.branch("B", "sync", expecting: [3])
        #expect(refused.remarks.contains("122"), "\(refused.remarks)")
        // A program that opens the store takes a little.
        let left = disks.stat(disk + "/ballast").split(separator: " ").first.flatMap { Int($0) } ?? 0
        #expect(left >= share / 2, "what is kept for acts is left alone: \(left)")
        try await hub.hub("revoke", "1", "--reason", "fills the disk")
        let again = try await hub.branch("A", "sync", expecting: [3])
        #expect(again.remarks.contains("202"), "\(again.remarks)")
        try await hub.close()
        // To the last byte: it is said that nothing was done, and what to do.
        disks.fill(disk, withBallastOf: 0)
        let said = try await hub.hub("revoke", "2", "--reason", "lost", expecting: [5])
        #expect(said.remarks.contains("nobody was revoked") && said.remarks.contains("run this once more"))
        disks.free(disk)
        let log = try await AuditTests.Log.read(hub)
        #expect(log.intact && log.details("revoked") == ["fills the disk"])
        try await hub.hub("revoke", "2", "--reason", "lost")
        #expect(disks.text(disk + "/revocations.jsonl").split(separator: "\n").count == 2)
    }

    /// The disk is full when the program that changed the hub's key was about to tell the store: who comes
    /// next has to, and wants to revoke somebody.
    @Test func whoIsRevokedOnAFullDiskWhoseStoreKnowsAnOlderKey() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let disk = hub.place.path("hub")
        try await hub.join("A")
        try await hub.close()
        let parts = ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "audit.head"]
        for name in parts { disks.copy(disk + "/" + name, to: hub.place.path(name)) }
        try await hub.hub("key", "rotate")
        for name in parts { disks.copy(hub.place.path(name), to: disk + "/" + name) }
        disks.fill(disk)
        #expect(try await hub.hub("key", "show").output.contains("blessed by the key before"))
        disks.fill(disk)
        try await hub.hub("revoke", "1", "--reason", "lost", expecting: [0, 5])
        disks.free(disk)
        #expect(try await hub.hub("devices").output.contains("revoked"))
        let log = try await AuditTests.Log.read(hub)
        #expect(log.intact && log.details("key_rotated").count == 1 && log.details("revoked") == ["lost"])
    }

    /// Corrections make the log grow much faster than the database.
    @Test func aHubWhoseOwnLogIsWhatFillsTheDisk() async throws {
        let (hub, disks) = try await hub(small: "hub", megabytes: 16)
        let disk = hub.place.path("hub")
        try await hub.join("A")
        try await hub.join("B")
        disks.fill(disk, leaving: 512 << 10)
        let serve = try hub.start("A", "serve")
        let rounds = 12
        for round in 0..<rounds {
            let rows = FullDiskTests.people.map {
                "\($0),\(FullDiskTests.day),\(FullDiskTests.day) 00:00:\(10 + round),36.\(10 + round),False,"
            }
            let sheet = "person_id,check_date,recorded_at,temperature,fever,remark\n"
            try write(sheet + rows.joined(separator: "\n") + "\n", "day.csv", hub.place)
            try await hub.branch("A", "import", "check-in", hub.place.path("day.csv"))
            #expect(
                try await eventually { try await hub.status("A").queued == 0 }, "\(hub.log.suffix(1_000))")
        }
        #expect(try await hub.status("A").receipted == 150)
        #expect(try await serve.stop().code == 0)
        #expect(disks.stat(disk + "/ballast") == "8388608 16384 600")
        try await hub.close()
    }

    private func flagged(_ hub: Hub, _ unit: String) async throws -> Int? {
        let board: Board = try await hub.hub(
            "coverage", "--date", String(FullDiskTests.day), "--json"
        ).json()
        return board.units.first { $0.unit == unit }?.flagged
    }
}
