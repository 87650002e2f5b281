import Foundation
import Glibc
import LinkKit
import Testing

/// What somebody meets who sets a hub up for the first time: with the real programs, in both languages.
@Suite struct NewUserTests {
    private func write(_ place: Place, _ name: String, _ text: String) throws -> String {
        try text.write(toFile: place.path(name), atomically: true, encoding: .utf8)
        return place.path(name)
    }

    /// Runs a program in both languages.
    private func expect(
        _ place: Place, _ program: String, _ arguments: [String], code: Int32, says english: [String],
        _ chinese: [String], at location: SourceLocation = #_sourceLocation
    ) async throws {
        for (language, parts) in [("C", english), ("zh_CN.UTF-8", chinese)] {
            let outcome = try await place.run(
                program, arguments, expecting: [code], environment: ["LANG": language], at: location)
            for part in parts {
                #expect(outcome.remarks.contains(part), "\(outcome.remarks)", sourceLocation: location)
            }
            #expect(!outcome.remarks.contains("unexpected"), sourceLocation: location)
        }
    }

    private struct Imported: Decodable {
        struct Issue: Decodable {
            var column: String
            var reason: String
            var record: Int
        }
        var accepted: Int
        var unchanged: Int
        var rejected: Int
        var withoutUnit: Int
        var errors: [Issue]
    }

    @Test func unitsWithoutALineAreOnTheBoard() async throws {
        let place = try Place()
        let hub = ["--data", place.path("hub")]
        try await place.run("aggregator", ["init"] + hub)
        func imported(_ text: String, _ code: Int32) async throws -> Imported {
            let file = try write(place, "units.csv", text)
            return try await place.run(
                "aggregator", ["import", "units", file, "--json"] + hub, expecting: [code]
            ).json()
        }
        // A parent may stand behind its children.
        let plain = "unit_id,unit_name,parent_id\nA,Branch A,C\nC,Committee,\n"
        #expect(try await imported(plain, 0).accepted == 2)
        #expect(try await imported(plain, 0).unchanged == 2)
        let board: Board = try await place.run(
            "aggregator", ["coverage", "--date", "2020-02-03", "--json"] + hub
        ).json()
        #expect(board.units.map(\.unit) == ["A", "C"])

        let bad = "unit_id,unit_name,parent_id,line\nB,Branch B,G,\nG,Group,C,admin\nH,H,C,Party\nI,I,C,党\n"
        let result = try await imported(bad + "J,J,NOPE,party\nK,K,J,\nL,L,C,administration\n", 1)
        #expect(result.accepted == 1 && result.rejected == 6)
        #expect(result.errors.map(\.record) == [1, 2, 3, 4, 5, 6])
        let reasons = ["unknown_unit"] + Array(repeating: "not_a_choice", count: 3)
        #expect(result.errors.map(\.reason) == reasons + ["unknown_unit", "unknown_unit"])
        // Without the column the line that is known stays.
        #expect(try await imported("unit_id,unit_name,parent_id\nL,L,C\n", 0).unchanged == 1)
        let file = try write(place, "bad.csv", bad)
        try await expect(
            place, "aggregator", ["import", "units", file] + hub, code: 1,
            says: ["“admin” is no line; write party or administration", "there is no unit G, neither in"],
            ["“admin”不是条线；请写 party 或 administration", "没有单位 G"])
    }

    @Test func peopleInNoUnitAreSaid() async throws {
        let place = try Place()
        let hub = ["--data", place.path("hub")]
        try await place.run("aggregator", ["init"] + hub)
        let units = try write(place, "units.csv", "unit_id,unit_name\nA,Branch A\n")
        try await place.run("aggregator", ["import", "units", units] + hub)
        let people = try write(place, "people.csv", "person_id,name,unit_id\nP1,One,A\nP2,Two,\nP3,Three, \n")
        try await expect(
            place, "aggregator", ["import", "people", people] + hub, code: 0,
            says: ["2 people are in no unit: they are on nobody's register and never missing"],
            ["2 人不属于任何单位"])
        let result: Imported = try await place.run(
            "aggregator", ["import", "people", people, "--json"] + hub
        ).json()
        #expect(result.withoutUnit == 2 && result.unchanged == 3)
        // A heading with a typing error leaves something out; one that nobody knows does not.
        let typo = try write(place, "typo.csv", "person_id,name,unit_id,phnoe\nP1,One,A,1\n")
        try await place.run("aggregator", ["import", "people", typo] + hub, expecting: [1])
        let other = try write(place, "other.csv", "person_id,name,unit_id,favourite colour\nP1,One,A,1\n")
        try await place.run("aggregator", ["import", "people", other] + hub)
    }

    @Test func aMistypedColumnIsNotAllDone() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        let row = "\(crowd.days[0]),S000000,\(crowd.days[0]) 08:00:00"
        let head = "check_date,person_id,recorded_at"
        for (column, code) in [("tempreture", Int32(1)), ("favourite colour", 0)] {
            let file = try write(crowd.place, "sheet.csv", "\(head),\(column)\n\(row),36.5\n")
            try await crowd.branch("B000", "import", "check-in", file, expecting: [code])
        }
        try await crowd.close()
    }

    @Test func aHubThatIsNotThereIsNamed() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        let unused = try await crowd.invite("B000")
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.5")
        try await crowd.close()
        let address = "127.0.0.1:\(crowd.port)"
        try await expect(
            crowd.place, "branch-agent", ["sync", "--data", crowd.data("B000")], code: 2,
            says: ["the hub at \(address) cannot be reached", "nobody listens there", "stays queued here"],
            ["无法连接汇总端 \(address)", "该地址无人监听", "仍在本机排队"])
        let join = ["join", unused, "--data", crowd.data("new")]
        try await expect(
            crowd.place, "branch-agent", join, code: 2,
            says: ["the hub at \(address) cannot be reached", "has not joined yet"],
            ["无法连接汇总端 \(address)", "本设备尚未加入"])
        let failed = try await crowd.place.run("branch-agent", join, expecting: [2])
        #expect(!failed.remarks.contains("queued"))
        try await expect(
            crowd.place, "aggregator", ["invite", "B000", "--data", crowd.place.path("hub")], code: 0,
            says: ["only works on this machine (127.0.0.1:7710)"], ["只能在本机使用"])
    }

    @Test func somethingThatSpeaksNoTLS() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.5")
        try await crowd.close()
        // Takes the hub's port and answers everybody as a web server does.
        let web = try Loopback.listen(port: crowd.port)
        let thread = Thread {
            while true {
                let connection = accept(web.descriptor, nil, nil)
                guard connection >= 0 else { return }
                var hello = [UInt8](repeating: 0, count: 4_096)
                _ = recv(connection, &hello, hello.count, 0)
                let answer = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
                _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
                _ = recv(connection, &hello, hello.count, 0)
                close(connection)
            }
        }
        thread.start()
        defer {
            shutdown(web.descriptor, Int32(SHUT_RDWR))
            close(web.descriptor)
        }
        let sync = try await crowd.branch("B000", "sync", expecting: [2])
        #expect(sync.remarks.contains("no secure connection to the hub at 127.0.0.1:\(crowd.port)"))
        #expect(sync.remarks.contains("does not speak TLS 1.3"))
        for part in ["handshakeFailed", ".cc", "/"] {
            #expect(!sync.remarks.contains(part), "\(sync.remarks)")
        }
        #expect(try await crowd.status("B000").lastFailure == "no_secure_connection")
        try await expect(crowd, says: "no secure connection comes about", "无法建立安全连接")
    }

    /// What `status` prints.
    private func expect(_ hub: Hub, says english: String, _ chinese: String) async throws {
        for (language, words) in [("C", english), ("zh_CN.UTF-8", chinese)] {
            let outcome = try await hub.place.run(
                "branch-agent", ["status", "--data", hub.data("B000")], environment: ["LANG": language])
            #expect(outcome.output.contains(words), "\(outcome.output)")
        }
    }

    @Test func mistakesWithServe() async throws {
        let place = try Place()
        let hub = ["--data", place.path("hub")]
        try await place.run("aggregator", ["init"] + hub)
        try await expect(
            place, "aggregator", ["serve", "--sessions=-1"] + hub, code: 64,
            says: ["--sessions is at least 0, not -1"], ["--sessions 至少为 0"])
        let taken = try Loopback.listen(port: 0)
        defer { close(taken.descriptor) }
        let serve = ["serve", "--listen", "127.0.0.1:\(taken.port)"] + hub
        try await expect(
            place, "aggregator", serve, code: 64, says: ["another program uses this port"], ["另一程序正在使用此端口"])
        let said = try await place.run("aggregator", serve, expecting: [64]).remarks
        #expect(said.components(separatedBy: "cannot listen").count == 2)
        #expect(!said.contains("cannot be reached"))
        let foreign = ["serve", "--listen", "192.0.2.1:7710"] + hub
        try await expect(
            place, "aggregator", foreign, code: 64, says: ["this machine has no such address"], ["指定本机地址"])

        try FileManager.default.removeItem(atPath: place.path("hub/hub.key"))
        for verb in [["serve"], ["init"], ["status"]] {
            try await expect(
                place, "aggregator", verb + hub, code: 66,
                says: ["hub/hub.key is missing. Put it back from a backup"],
                ["hub/hub.key。请从备份恢复"])
        }
        #expect(!FileManager.default.fileExists(atPath: place.path("hub/hub.key")))
    }

    @Test(.enabled(if: SmallDisks.areToBeHad, "no small disks can be mounted on this machine"))
    func joiningAndSyncingOnAFullDisk() async throws {
        let place = try Place(disks: ["branch-A": 6])
        let disks = try #require(place.disks)
        let hub = try await Hub(in: place, name: "Small disks")
        try await hub.hub("import", "units", try write(place, "units.csv", "unit_id,unit_name\nA,Branch A\n"))
        try await hub.open()
        let code = try await hub.invite("A")
        disks.fill(hub.data("A"))
        try await expect(
            place, "branch-agent", ["join", code, "--data", hub.data("A")], code: 5,
            says: ["the disk is full"], ["磁盘已满"])
        disks.free(hub.data("A"))
        try await hub.branch("A", "join", code)
        // More than the disk has room for comes from the centre.
        let people = (0..<4_000).map { "P\($0),Somebody with a name of some length,A\n" }.joined()
        let sheet = try write(place, "people.csv", "person_id,name,unit_id\n" + people)
        try await hub.hub("import", "people", sheet)
        disks.fill(hub.data("A"))
        let stopped = try await hub.branch("A", "sync", expecting: [5])
        #expect(stopped.remarks.contains("not all that the centre sent could be kept"))
        #expect(!stopped.remarks.contains("nothing was saved"))
        disks.free(hub.data("A"))
        try await hub.branch("A", "sync")
        try await hub.close()
    }

    /// Two rows of one sheet about one record that say different things: both are named. A check-in stands as
    /// the later line says, a fever among them is an alert all the same; of a roster only one can be meant.
    @Test func twoRowsAboutTheSameAreNamed() async throws {
        struct Imported: Decodable {
            struct Twice: Decodable {
                var key: String
                var line: Int
                var earlierLine: Int
            }
            var accepted: Int
            var twice: [Twice]
        }
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.sync("B04")
        try await centre.close()
        let (day, person) = (centre.college.words("last_day"), centre.college.words("mistyped_person"))
        let file = centre.place.path("twice.csv")
        func write(_ lines: String...) throws {
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        }
        try write(
            "person_id,check_date,temperature", "\(person),\(day),38.6", "\(person),\(day),36.5",
            "\(person),\(day),36.5")
        let dry: Imported = try await centre.branch(
            "B04", "import", "check-in", file, "--dry-run", "--json"
        ).json()
        #expect(dry.twice.map(\.line) == [3] && dry.twice.map(\.earlierLine) == [2])
        let taken = try await centre.branch("B04", "import", "check-in", file)
        #expect(taken.remarks.contains("line 3 says something else of \(day) \(person) than line 2"))
        #expect(taken.output.contains("2 taken, 1 unchanged"))
        let alerts = try await centre.branch("B04", "alerts").output
        #expect(alerts.contains("symptoms") && alerts.contains("CORRECTED SINCE"))
        // With times it is plain which is the later one.
        try write(
            "person_id,check_date,recorded_at,temperature", "\(person),\(day),\(day) 08:00,36.4",
            "\(person),\(day),\(day) 09:00,36.6")
        let timed = try await centre.branch("B04", "import", "check-in", file)
        #expect(!timed.remarks.contains("something else"))

        try write(
            "unit_id,from_time,place,to_time,person_id,phone", "C00,2020-02-03 08:00,1,2020-02-03 20:00,T1,1",
            "C00,2020-02-03 08:00,1,2020-02-03 20:00,T2,2", "C00,2020-02-03 08:00,1,2020-02-03 20:00,T1,1")
        let roster = try await centre.hub("import", "duty-shift", file, expecting: [1])
        #expect(roster.remarks.contains("line 3") && roster.remarks.contains("stands on line 2 already"))
        let duty = try await centre.hub("duty", "--at", "2020-02-03 09:00").output
        #expect(duty.contains("T1") && !duty.contains("T2"))
    }
}
