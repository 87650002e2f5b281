import Foundation
import LinkKit
import Testing

/// S2, daily health check-in: entering needs no network; for every person and day there is exactly one
/// effective check-in or an explicit *missing*; whatever is dropped, retried or delivered twice, the centre
/// holds one.
@Suite(.timeLimit(.minutes(5))) struct S2Tests {
    private struct Named: Decodable {
        struct Line: Decodable {
            var unit: String
            var register: Int
            var checkedIn: Int
            var missing: [String]
            var excused: [String]
        }
        var units: [Line]
    }

    /// Persons and days of the centre's check-ins.
    private func checkIns(_ centre: Centre) async throws -> [[String]] {
        try await centre.export("check-in").output.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", maxSplits: 2).prefix(2).map(String.init)
        }
    }

    @Test func thereIsOneCheckInOrNoneForEverybodyWhateverHappensOnTheWay() async throws {
        let centre = try await Centre()
        let branch = "B04"
        try await centre.open()
        let proxy = try EmulatedLink(to: centre.port)
        defer { proxy.close() }
        try await centre.join(branch, through: proxy.port)
        try await centre.join(branch, as: "second")
        try await centre.close()

        // Nobody answers: everything is entered all the same, twice and by two devices.
        let first = try await centre.importSheets(of: branch)
        let again = try await centre.importSheets(of: branch)
        #expect(first.accepted > 0 && again.accepted == 0)
        try await centre.importSheets(of: branch, as: "second")
        #expect(try await centre.status(branch).queued > 0)
        _ = try await centre.branch(branch, "sync", expecting: [2])
        let file = centre.place.path("carried.rcl")
        try await centre.branch(branch, "carry", file)

        // Cut in the middle, again and again; carried by hand as well.
        try await centre.open()
        for bytes in [1_500, 2_500, 4_000] {
            let before = proxy.done
            proxy.cutOnce(.up, after: bytes)
            let sync = try centre.start(branch, "sync")
            #expect(try await eventually { proxy.done > before || !sync.isRunning })
            sync.kill()
            _ = try await sync.end()
        }
        proxy.plan([])
        try await centre.hub("import", "--carried", file)
        try await centre.hub("import", "--carried", file)
        #expect(try await centre.sync(branch).drained)
        #expect(try await centre.sync("second").drained)
        #expect(try await centre.sync(branch).drained)

        let found = try await checkIns(centre)
        #expect(Set(found).count == found.count, "one for each person and day")
        for day in centre.college.days {
            let board: Named = try await centre.hub("coverage", "--date", day, "--json", "--people").json()
            let line = try #require(board.units.first { $0.unit == branch })
            let wanted = try #require(centre.college.expected[day]?[branch])
            let present = found.filter { $0[0] == day }.map { $0[1] }
            #expect(line.checkedIn == wanted.checkedIn && line.missing.count == wanted.missing)
            #expect(line.checkedIn + line.missing.count + line.excused.count == line.register)
            #expect(Set(present).isDisjoint(with: line.missing), "nobody is both")
        }
        try await centre.close()
    }
}
