import Foundation
import LinkKit
import Synchronization
import Testing

/// Many branches at once that enter, correct and sync, over links that break, while branches and hub are
/// killed: in the end everything that was confirmed to somebody is at the hub, once, as it was last
/// entered.
///
/// `tools/soak` runs it for longer and with more branches: `ROLLCALL_SOAK_MINUTES`, `ROLLCALL_SOAK_BRANCHES`,
/// `ROLLCALL_SOAK_SEED`.
@Suite struct SoakTests {
    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment["ROLLCALL_SOAK_" + name].flatMap { Int($0) }
    }

    @Test func whateverBreaksNothingIsLostOrDoubled() async throws {
        let minutes = SoakTests.setting("MINUTES")
        let seed = UInt64(SoakTests.setting("SEED") ?? Int.random(in: 1...1_000_000))
        let count = SoakTests.setting("BRANCHES") ?? 8
        print("soak: seed \(seed), \(count) branches, \(minutes.map { "\($0) minutes" } ?? "a short run")")
        let crowd = try await Crowd(branches: count, persons: 12, days: 50)
        try await crowd.open()
        let soak = try Soak(crowd, seed: seed)
        defer { soak.proxy.close() }
        try await crowd.forEachBranch(width: 4) { try await crowd.join($0.unit, through: soak.proxy.port) }
        soak.breakLinks()
        let limit = minutes.map { ContinuousClock.now + .seconds(60 * $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await soak.killHubs() }
            try await crowd.forEachBranch(width: count) { branch in
                try await soak.live(branch, until: limit, actions: limit == nil ? 12 : .max)
            }
            soak.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        soak.proxy.plan([])
        try await crowd.forEachBranch(width: 8) { try await soak.settle($0) }
        try await soak.compare()
        try await crowd.close()
        print("soak: \(soak.summary), the hub had \(crowd.peakMemory >> 20) MB at most")
    }
}

/// The branches' lives and the book of what was confirmed to them.
private final class Soak: Sendable {
    private struct Key: Hashable {
        var day: String
        var person: String
    }

    private struct Book {
        /// What was confirmed, as it stands.
        var confirmed: [Key: Int] = [:]
        /// What must have raised an alert.
        var alerts: Set<[String]> = []
        /// What may have raised one: its program was killed.
        var maybe: Set<[String]> = []
        var counts: [String: Int] = [:]
    }

    let crowd: Crowd
    let proxy: EmulatedLink
    let isOver = Atomic(false)
    private let seed: UInt64
    private let book = Mutex(Book())

    init(_ crowd: Crowd, seed: UInt64) throws {
        self.crowd = crowd
        self.seed = seed
        proxy = try EmulatedLink(to: crowd.port)
    }

    var summary: String {
        let book = book.withLock { $0 }
        let counts = book.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return (["\(book.confirmed.count) records", "\(proxy.done) cuts"] + counts).joined(separator: ", ")
    }

    private func count(_ what: String) { book.withLock { $0.counts[what, default: 0] += 1 } }

    /// Every second connection breaks somewhere, most of them early.
    func breakLinks() {
        let numbers = Mutex(Numbers(seed: seed))
        proxy.plan { () -> EmulatedLink.Cut? in
            numbers.withLock { numbers in
                guard numbers.next(below: 2) == 0 else { return nil }
                return EmulatedLink.Cut(
                    way: numbers.next(below: 3) == 0 ? .down : .up,
                    after: Int(exp(Double(numbers.next(below: 9_500)) / 1_000)) + 1,
                    isReset: numbers.next(below: 2) == 0, isStall: numbers.next(below: 25) == 0)
            }
        }
    }

    /// SIGKILL every few seconds.
    func killHubs() async throws {
        var numbers = Numbers(seed: seed &+ 1)
        while !isOver.load(ordering: .relaxed) {
            let pause = Int(numbers.next(below: 4_000)) + 1_000
            let end = ContinuousClock.now + .milliseconds(pause)
            while ContinuousClock.now < end, !isOver.load(ordering: .relaxed) {
                try await Task.sleep(for: .milliseconds(50))
            }
            try await crowd.killAndOpen()
            count("hub kills")
        }
    }

    func live(_ branch: Crowd.Branch, until limit: ContinuousClock.Instant?, actions: Int) async throws {
        var numbers = Numbers(seed: seed &* 1_000 &+ UInt64(branch.number))
        var sheets = crowd.days.map { crowd.entries(of: branch, on: $0, using: &numbers) }
        var entered: [Crowd.Entry] = []
        var done = 0
        while done < actions, limit.map({ ContinuousClock.now < $0 }) ?? true {
            done += 1
            switch numbers.next(below: 10) {
            case 0...2 where !sheets.isEmpty:
                if try await enter(sheets[sheets.count - 1], branch, &numbers) {
                    entered += sheets.removeLast()
                }
            case 3...4 where !entered.isEmpty:
                try await correct(entered[Int(numbers.next(below: UInt64(entered.count)))], branch, &numbers)
            case 5:
                try await run("serve", branch, for: numbers.next(below: 4_000) + 200, &numbers)
            default:
                try await run("sync", branch, for: numbers.next(below: 3_000) + 50, &numbers)
            }
        }
    }

    /// Imports a day's sheet; true when it was confirmed. One in three is killed on the way.
    private func enter(
        _ sheet: [Crowd.Entry], _ branch: Crowd.Branch, _ numbers: inout Numbers
    ) async throws -> Bool {
        let ill = sheet.filter { $0.temperature >= Crowd.Entry.alertAt }.map { [$0.day, $0.person] }
        book.withLock { $0.maybe.formUnion(ill) }
        let file = try crowd.sheet(branch.unit + "-" + sheet[0].day, sheet)
        let importing = try crowd.start(branch.unit, "import", "check-in", file)
        if numbers.next(below: 3) == 0 {
            try await Task.sleep(for: .milliseconds(Int(numbers.next(below: 300))))
            importing.kill()
        }
        guard try await end(importing, [0, -9]) == 0 else { return false }
        book.withLock { book in
            for entry in sheet {
                book.confirmed[Key(day: entry.day, person: entry.person)] = entry.temperature
            }
            book.alerts.formUnion(ill)
        }
        count("sheets")
        return true
    }

    private func correct(
        _ entry: Crowd.Entry, _ branch: Crowd.Branch, _ numbers: inout Numbers
    ) async throws {
        let temperature = 3_600 + Int(numbers.next(below: 180))
        let add = try crowd.start(
            branch.unit, "add", "check-in", "day=" + entry.day, "person=" + entry.person,
            "temperature=" + Crowd.Entry.degrees(temperature))
        guard try await end(add, [0]) == 0 else { return }
        book.withLock { book in
            book.confirmed[Key(day: entry.day, person: entry.person)] = temperature
            if temperature >= Crowd.Entry.alertAt { book.alerts.insert([entry.day, entry.person]) }
        }
        count("corrections")
    }

    /// Lets a program run for so many milliseconds at most; then it is killed or asked to stop.
    private func run(
        _ verb: String, _ branch: Crowd.Branch, for milliseconds: UInt64, _ numbers: inout Numbers
    ) async throws {
        let running = try crowd.start(branch.unit, verb)
        _ = try await eventually(within: .milliseconds(Int(milliseconds))) { !running.isRunning }
        if numbers.next(below: 2) == 0 { running.kill() } else { running.terminate() }
        let code = try await end(running, [0, 2, -9, -15])
        count(code == 0 ? "whole sessions" : "broken sessions")
    }

    private func end(_ running: Running, _ codes: Set<Int32>) async throws -> Int32 {
        let outcome = try await running.end(within: .seconds(300))
        #expect(codes.contains(outcome.code), "seed \(seed): \(outcome.remarks.suffix(600))")
        return outcome.code
    }

    /// The link is good again: everything goes.
    func settle(_ branch: Crowd.Branch) async throws {
        let code = try await end(try crowd.start(branch.unit, "sync"), [0])
        let status = try await crowd.status(branch.unit)
        #expect(code == 0 && status.queued == 0, "seed \(seed), \(branch.unit)")
    }

    func compare() async throws {
        let book = book.withLock { $0 }
        var arrived: [Key: Int] = [:]
        let rows = try await crowd.arrived()
        for row in rows { arrived[Key(day: row.day, person: row.person)] = row.temperature }
        #expect(rows.count == arrived.count, "seed \(seed): a record stands twice")
        for (key, temperature) in book.confirmed where arrived[key] != temperature {
            Issue.record(
                "seed \(seed): \(key) is \(arrived[key] ?? 0) at the hub, was confirmed as \(temperature)")
        }
        let alerts = try await crowd.alerts()
        #expect(Set(alerts).count == alerts.count, "seed \(seed): an alert stands twice")
        #expect(Set(alerts).isSuperset(of: book.alerts), "seed \(seed): an alert is missing")
        #expect(Set(alerts).subtracting(book.alerts).isSubset(of: book.maybe), "seed \(seed)")
    }
}
