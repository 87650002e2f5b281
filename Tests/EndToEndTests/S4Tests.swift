import Foundation
import LinkKit
import Testing

/// S4, coverage: checked-in + missing + excused = register of that day, always; made on time but delivered
/// late is not late; a silent unit that is offline differs from one that is online and silent. Every number
/// opens into what it counts.
@Suite(.timeLimit(.minutes(5))) struct S4Tests {
    private struct Table: Decodable {
        struct Line: Decodable {
            struct Link: Decodable {
                var queued: Int
                var lastHeard: String?
                var skew: Int
            }
            var group: String
            var counts: [String: Int]
            var link: Link?
        }
        var lines: [Line]
        var total: [String: Int]
    }

    private struct Explained: Decodable {
        struct Item: Decodable {
            var unit: String
            var person: String?
            var record: [String]?
            var firstCreated: String?
            var received: String?
        }
        var count: Int
        var items: [Item]
    }

    private func board(_ centre: Centre, _ name: String, _ day: String) async throws -> Table {
        try await centre.hub("board", name, "--day", day, "--json").json()
    }

    private func explain(
        _ centre: Centre, _ name: String, _ day: String, _ number: String
    ) async throws -> [Explained.Item] {
        let found: Explained = try await centre.hub(
            "board", name, "--day", day, "--json", "--explain", number
        ).json()
        #expect(found.count == found.items.count)
        return found.items
    }

    @Test func everyNumberAddsUpAndOpensIntoWhatItCounts() async throws {
        let centre = try await Centre()
        try await centre.open()
        for branch in ["B01", "B04"] {
            try await centre.join(branch)
            try await centre.importSheets(of: branch)
            try await centre.sync(branch)
        }
        for day in [centre.college.days[2], centre.college.words("last_day")] {
            let table = try await board(centre, "coverage", day)
            let coverage = try await centre.board(day)
            for line in table.lines {
                let counts = line.counts
                let sum = ["checked_in", "missing", "excused"].compactMap { counts[$0] }.reduce(0, +)
                #expect(sum == counts["register"])
                let known = try #require(coverage[line.group])
                #expect(known.register == counts["register"] && known.checkedIn == counts["checked_in"])
                #expect(known.late == counts["late"] && known.flagged == counts["flagged"])
            }
            for (count, number) in table.total {
                var people: [String] = []
                for line in table.lines where line.counts[count] ?? 0 > 0 {
                    let items = try await explain(centre, "coverage", day, "\(line.group)/\(count)")
                    #expect(items.count == line.counts[count] && items.allSatisfy { $0.unit == line.group })
                    people += items.compactMap(\.person)
                }
                #expect(people.count == number && Set(people).count == number, "\(count) of \(day)")
            }
            // From the records alone.
            let rows = try await centre.export("check-in", "--from", day, "--to", day).output
            #expect(rows.split(separator: "\n").count - 1 == table.total["checked_in"])
        }
        try await centre.close()
    }

    /// Who has nobody to report about owes no report, on both boards.
    @Test func whoOwesAReportIsOneTruth() async throws {
        struct Coverage: Decodable {
            struct Line: Decodable {
                struct Report: Decodable { var status: String }
                var unit: String
                var register: Int
                var report: Report
            }
            struct Total: Decodable { var reports: [String: Int] }
            var units: [Line]
            var total: Total
        }
        let centre = try await Centre()
        let day = centre.college.words("last_day")
        let file = centre.place.path("empty.csv")
        try "unit_id,unit_name,parent_id,line\nX9,Empty,C00,party\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        try await centre.hub("import", "units", file)
        let coverage: Coverage = try await centre.hub("coverage", "--date", day, "--json").json()
        let empty = coverage.units.filter { $0.register == 0 }
        #expect(empty.contains { $0.unit == "X9" } && empty.allSatisfy { $0.report.status == "NOT_DUE" })
        let board = try await board(centre, "reports", day)
        #expect(coverage.total.reports["MISSING"] == board.total["missing"])
        #expect(board.total["missing"] ?? 0 > 0)
        let named = try await explain(centre, "reports", day, "missing").map(\.unit)
        #expect(Set(named) == Set(coverage.units.filter { $0.report.status == "MISSING" }.map(\.unit)))
        // A unit that there is not is no zero.
        let unknown = try await centre.hub(
            "board", "reports", "--day", day, "--explain", "B77/missing", expecting: [66])
        #expect(unknown.remarks.contains("no unit B77"))
        try await centre.hub("board", "reports", "--day", day, "--explain", "X9/missing")
    }

    @Test func madeOnTimeIsNotLateAndOfflineIsNotSilent() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.sync("B04")
        let day = centre.college.words("last_day")
        let people = try College.lines(centre.college.folder + "/people.csv")
            .filter { $0.contains(",B04,") }.compactMap { $0.split(separator: ",").first.map(String.init) }
        // Written in the morning and in the evening of a day that has gone by; both arrive today.
        for (person, hour) in [(people[0], "09:00"), (people[1], "17:30")] {
            try await centre.branch(
                "B04", "add", "check-in", "day=" + day, "person=" + person, "temperature=36.5",
                "recorded_at=\(day) \(hour)")
        }
        try await centre.sync("B04")
        let table = try await board(centre, "coverage", day)
        let line = try #require(table.lines.first { $0.group == "B04" })
        #expect(line.counts["checked_in"] == 2 && line.counts["late"] == 1)
        #expect(line.counts["arrived_late"] == 2, "that it came late is another matter")
        let late = try await explain(centre, "coverage", day, "B04/late")
        #expect(late.map(\.person) == [people[1]])
        #expect(late.first?.firstCreated == day + "T09:30:00Z", "when it was made")
        #expect(late.first?.received ?? "" > day + "T16:00:00Z", "and when it came in")
        let link = try #require(line.link)
        #expect(link.queued == 0 && link.lastHeard != nil && abs(link.skew) < 60_000)

        // Today nobody has checked in: one branch has been heard of, the others not.
        let now = Date(timeIntervalSinceNow: 8 * 3_600).ISO8601Format()
        let today = String(now.prefix(10))
        try await centre.sync("B04")
        let silent = try await explain(centre, "silence", today, "silent").map(\.unit)
        let offline = try await explain(centre, "silence", today, "offline").map(\.unit)
        #expect(silent == ["B04"] && offline.contains("B01") && !offline.contains("B04"))
        let never = try await explain(centre, "silence", today, "never_reported").map(\.unit)
        #expect(never.contains("B04"))
        let chinese = try await centre.place.run(
            "aggregator", ["board", "silence", "--day", today, "--data", centre.place.path("hub")],
            environment: ["LANG": "zh_CN.UTF-8"])
        #expect(chinese.output.contains("已连线但无打卡: B04"))
        try await centre.close()
    }

    /// Created, queued, received: what a branch said that it still has, when its link broke in the middle.
    @Test func whatABranchStillHasStandsOnTheBoard() async throws {
        let centre = try await Centre()
        try await centre.open()
        let proxy = try EmulatedLink(to: centre.port)
        defer { proxy.close() }
        let branch = centre.college.words("mistyped_branch")
        try await centre.join(branch, through: proxy.port)
        try await centre.sync(branch)
        try await centre.importSheets(of: branch)
        let all = try await centre.status(branch).queued
        // A part gets through, and then nothing any more.
        proxy.cutOnce(.up, after: 3_000)
        try await centre.sync(branch, expecting: [2])
        let day = centre.college.words("last_day")
        func link() async throws -> Table.Line.Link? {
            try await board(centre, "coverage", day).lines.first { $0.group == branch }?.link
        }
        #expect(try await eventually { try await link()?.queued ?? 0 > 0 })
        let broken = try #require(try await link())
        #expect(broken.queued > 0 && broken.queued <= all, "as the branch said when it last got through")
        proxy.plan([])
        try await centre.sync(branch)
        #expect(try await link()?.queued == 0)
        try await centre.close()
    }
}
