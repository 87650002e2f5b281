import Foundation
import Testing

/// Another date for a program, by the library of tools/false-clock: how long a span is does not change.
struct FalseClock: Sendable {
    /// Seconds that are added to the machine's date.
    let offset: Int

    static func later(days: Int) -> FalseClock { FalseClock(offset: days * 86_400) }

    /// - Parameter date: such as `1999-12-31T23:59:00Z`, the date of now.
    static func now(is date: String) throws -> FalseClock {
        let pretended = try Date(date, strategy: .iso8601)
        return FalseClock(offset: Int(pretended.timeIntervalSinceNow))
    }

    var environment: [String: String] {
        let library = Running.folder.appending(path: "libFalseClock.so").path
        return ["LD_PRELOAD": library, "FALSE_CLOCK_OFFSET": String(offset)]
    }
}

/// The programs themselves under another clock.
struct FalseClockTests {
    /// Runs the branch's program at another time.
    @discardableResult private func run(
        _ centre: Centre, at time: String, _ arguments: [String], expecting codes: Set<Int32> = [0],
        program: String = "branch-agent", language: String = "C"
    ) async throws -> Outcome {
        let environment = try FalseClock.now(is: time).environment
        return try await centre.place.run(
            program, arguments + ["--data", centre.data("B04")], expecting: codes,
            environment: environment.merging(["LANG": language, "TZ": "UTC"]) { $1 })
    }

    @Test(arguments: ["1999-12-31T23:59:00Z", "2101-01-01T00:00:00Z"])
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
        let sixties = "1969-06-01T12:00:00Z"
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
