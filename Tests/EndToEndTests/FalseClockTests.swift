import Foundation
import Testing

enum FalseClock {
    static let program = "/usr/bin/faketime"
    static let isThere = FileManager.default.isExecutableFile(atPath: program)
}

/// The programs themselves under another clock, by a library that pretends one. Where it is not installed
/// these tests are skipped, and the rest of the clock's table stands in ClockTests.
@Suite(.enabled(if: FalseClock.isThere, "faketime is not installed"))
struct FalseClockTests {
    /// Runs the branch's program at another time.
    @discardableResult private func run(
        _ centre: Centre, at time: String, _ arguments: [String], expecting codes: Set<Int32> = [0],
        program: String = "branch-agent", language: String = "C"
    ) async throws -> Outcome {
        let path = Running.folder.appending(path: program).path
        return try await centre.place.run(
            FalseClock.program,
            ["-m", "-f", time, path] + arguments + ["--data", centre.data("B04")], expecting: codes,
            environment: ["LANG": language, "TZ": "UTC"])
    }

    @Test(arguments: ["@1999-12-31 23:59:00", "@2101-01-01 00:00:00"])
    func aClockThatIsWrongAsksForTheDay(time: String) async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let person = "person=" + centre.college.words("mistyped_person")
        let asked = try await run(
            centre, at: time, ["add", "check-in", person, "temperature=36.5"], expecting: [64])
        #expect(asked.remarks.contains("which day?") && asked.remarks.contains("does not fit the hub's"))
        let chinese = try await run(
            centre, at: time, ["add", "check-in", person, "temperature=36.5"], expecting: [64],
            language: "zh_CN.UTF-8")
        #expect(chinese.remarks.contains("请写明日期"))
        let day = "day=" + centre.college.words("last_day")
        let saved = try await run(
            centre, at: time, ["add", "check-in", person, day, "temperature=36.6"])
        #expect(saved.remarks.contains("the entry is marked"))
        try await run(
            centre, at: time, ["sync"])
        let status = try await run(
            centre, at: time, ["status"])
        #expect(status.output.contains("years \(time.contains("1999") ? "behind" : "ahead of") the hub's"))
        #expect(try await centre.status("B04").receipted == 1)
        #expect(try await centre.hub("devices").output.contains("years"))
    }

    /// The TLS library would end the process; the programs say it in words instead.
    @Test func beforeNineteenSeventyNothingIsSentAndItIsSaid() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let sixties = "@1969-06-01 12:00:00"
        let person = "person=" + centre.college.words("mistyped_person")
        let day = "day=" + centre.college.words("last_day")
        try await run(
            centre, at: sixties, ["add", "check-in", person, day, "temperature=36.6"])
        for verb in ["sync", "serve"] {
            let refused = try await run(
                centre, at: sixties, [verb], expecting: [2])
            #expect(refused.remarks.contains("clock stands before 1970"))
        }
        try await run(
            centre, at: sixties, ["status"])
        try await run(
            centre, at: sixties, ["queue"], program: "sync-inspect")
        try await centre.branch("B04", "sync")
        #expect(try await centre.status("B04").receipted == 1)
    }
}
