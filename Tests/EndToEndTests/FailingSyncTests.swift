import Foundation
import Testing

/// A disk that does not confirm what it was given: the program ends with its own code, having confirmed
/// nothing, and the next one finds everything that was confirmed before.
@Suite(.enabled(if: FailingSync.isToBeHad, "no system call can be made to fail on this machine"))
struct FailingSyncTests {
    private let day = Date(timeIntervalSinceNow: 8 * 3_600).ISO8601Format().prefix(10)

    private func add(_ person: String) -> [String] {
        ["add", "check-in", "day=\(day)", "person=\(person)", "temperature=36.5"]
    }

    @Test func nothingIsConfirmedThatMayBeLost() async throws {
        let place = try Place()
        let hub = try await Hub(in: place, name: "Failing disk")
        let units = "unit_id,unit_name,unit_type,parent_id,line\nC1,Committee,committee,,party\n"
        try (units + "A,Branch A,branch,C1,party\n")
            .write(toFile: place.path("units.csv"), atomically: true, encoding: .utf8)
        try await hub.hub("import", "units", place.path("units.csv"))
        try await hub.open()
        try await hub.join("A")
        let data = ["--data", hub.data("A")]

        // At the branch, one after the other the first syncs of a process fail.
        for number in 1...2 {
            let entry = try await place.start(
                "branch-agent", add("P\(number)") + data, through: FailingSync.from(number)
            ).end()
            #expect(entry.code == 74, "sync \(number): \(entry.remarks)")
            #expect(entry.output.isEmpty && entry.remarks.contains("did not confirm"))
        }
        try await place.run("branch-agent", add("P1") + data)
        try await place.run("branch-agent", add("P2") + data)
        #expect(try await hub.status("A").versions == 2)
        let sync = try await place.start("branch-agent", ["sync"] + data, through: FailingSync.from(1)).end()
        #expect(sync.code == 74 && !sync.output.contains("done"), "\(sync.output) \(sync.remarks)")
        try await hub.close()

        // At the hub, in the admission, in the first batch, and behind it.
        for number in 1...3 {
            let server = try place.start(
                "aggregator",
                ["serve", "--data", place.path("hub"), "--listen", "127.0.0.1:\(hub.port)"],
                through: FailingSync.from(number))
            #expect(try await eventually { server.remarks.contains("listening on") || !server.isRunning })
            let attempt = try hub.start("A", "sync")
            let ended = try await server.end()
            #expect(ended.code == 74, "sync \(number): \(ended.remarks)")
            #expect(ended.remarks.contains("did not confirm"))
            attempt.kill()
            _ = try await attempt.end()
        }
        // What the branch believes to have arrived is there, once; the rest follows.
        try await hub.open()
        try await hub.branch("A", "sync")
        #expect(try await hub.status("A").receipted == 2)
        let rows = try await hub.export("check-in").output.split(separator: "\n")
        #expect(rows.filter { $0.contains(",P1") || $0.contains("P1,") }.count == 1)
        try await hub.close()
    }
}

/// Lets system calls of a program fail, from the given one on.
enum FailingSync {
    static func from(
        _ number: Int, of calls: String = "fsync,fdatasync", error: String = "EIO"
    ) -> [String] {
        [
            "/usr/bin/strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e",
            "inject=\(calls):error=\(error):when=\(number)+",
        ]
    }

    static let isToBeHad: Bool = {
        (try? Child(from(1) + ["/bin/true"]))?.waitForEnd() == 0
    }()
}
