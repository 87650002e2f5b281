import Foundation
import Testing

/// S11, responsible people: dated appointments per unit; any report or alert resolves to who was
/// responsible *then*.
@Suite(.timeLimit(.minutes(5))) struct S11Tests {
    private struct Duty: Decodable {
        struct Holder: Decodable {
            var unit: String
            var role: String
            var person: String
            var phone: String
        }
        var holders: [Holder]
    }

    private struct Then: Decodable {
        var unit: String
        var role: String
        var person: String
    }
    private struct Raised: Decodable {
        var key: String
        var responsible: [Then]
    }
    private struct Explained: Decodable {
        struct Item: Decodable {
            var unit: String
            var responsible: [Then]
        }
        var items: [Item]
    }
    private struct Reported: Decodable { var responsible: [Then] }

    /// Who was responsible then stands beside the alert and beside the report, at the centre and at a branch.
    private func expectNamed(
        _ centre: Centre, alertOn alertDay: String, by first: String, reportOn reportDay: String,
        by second: String
    ) async throws {
        let atHub: [Raised] = try await centre.hub("alerts", "list", "--json").json()
        let here: [Raised] = try await centre.branch("B04", "alerts", "--all", "--json").json()
        for rows in [atHub, here] {
            let row = try #require(rows.first { $0.key.hasPrefix("\(alertDay) symptoms") })
            #expect(row.responsible.map(\.person) == [first] && row.responsible[0].role == "secretary")
        }
        let text = try await centre.hub("alerts", "list").output
        #expect(text.contains("responsible then: secretary \(first)"))
        let board: Explained = try await centre.hub(
            "board", "reports", "--day", reportDay, "--json", "--explain", "B04/reports"
        ).json()
        #expect(board.items.map { $0.responsible.map(\.person) } == [[second]])
        let printed = try await centre.hub("board", "reports", "--day", reportDay, "--explain", "B04/reports")
        #expect(printed.output.contains("responsible then: secretary \(second)"))
        let report: Reported = try await centre.branch(
            "B04", "report", "--then", "--day", reportDay, "--json"
        )
        .json()
        #expect(report.responsible.map(\.person) == [second])
    }

    private func holders(_ centre: Centre, _ day: String, _ role: String) async throws -> [String] {
        let duty: Duty = try await centre.hub(
            "duty", "--at", "\(day) 12:00", "--unit", "B04", "--json"
        ).json()
        #expect(duty.holders.allSatisfy { $0.phone == "***" }, "masked at the centre as well")
        return duty.holders.filter { $0.role == role }.map(\.person)
    }

    private func appoint(_ centre: Centre, _ person: String, from: String, to: String) async throws {
        try await centre.hub(
            "add", "appointment", "unit=B04", "role=secretary", "from=" + from, "to=" + to,
            "person=" + person, "phone=10000000001")
    }

    @Test func everyReportAndAlertResolvesToWhoWasResponsibleThen() async throws {
        let centre = try await Centre()
        let days = centre.college.days
        let people = try College.lines(centre.college.folder + "/people.csv")
            .filter { $0.contains(",B04,") }.compactMap { $0.split(separator: ",").first.map(String.init) }
        try await appoint(centre, people[0], from: days[0], to: days[4])
        try await appoint(centre, people[1], from: days[5], to: days[8])
        try await centre.open()
        try await centre.join("B04")
        try await centre.sync("B04")
        try await centre.close()
        // Offline: an alert on a day of the first, a report on a day of the second.
        try await centre.branch(
            "B04", "add", "check-in", "day=" + days[2], "person=" + people[2], "temperature=38.5")
        try await centre.branch("B04", "add", "daily-report", "day=" + days[6], "unit=B04", "kind=ZERO")
        let told = try await centre.branch("B04", "history", "appointment", "B04", "secretary", days[5])
        #expect(!told.output.isEmpty, "the branch has its own copy")
        try await centre.open()
        #expect(try await centre.sync("B04").drained)

        try await expectNamed(centre, alertOn: days[2], by: people[0], reportOn: days[6], by: people[1])
        let alerts = try await centre.export("alert").output
        #expect(alerts.contains(days[2]) && alerts.contains(people[2]))
        #expect(try await holders(centre, days[2], "secretary") == [people[0]], "then, not now")
        let reports = try await centre.export("daily-report").output
        #expect(reports.contains(days[6]))
        #expect(try await holders(centre, days[6], "secretary") == [people[1]])
        #expect(try await holders(centre, days[10], "secretary").isEmpty, "nobody, and that is said")

        // Somebody else has been appointed since: what was then stays as it was.
        try await appoint(centre, people[3], from: days[9], to: days[13])
        #expect(try await holders(centre, days[10], "secretary") == [people[3]])
        #expect(try await holders(centre, days[2], "secretary") == [people[0]])
        #expect(try await centre.sync("B04").drained)
        try await expectNamed(centre, alertOn: days[2], by: people[0], reportOn: days[6], by: people[1])
        try await centre.close()
    }

    /// Two appointments to one post, neither with an end: the later one ends the earlier, for alerts and
    /// reports as for `duty`.
    @Test func theLaterAppointmentToAPostEndsTheEarlier() async throws {
        let centre = try await Centre()
        let days = centre.college.days
        for (person, from) in [("T7", days[0]), ("T8", days[5])] {
            try await centre.hub(
                "add", "appointment", "unit=B04", "role=secretary", "from=" + from, "person=" + person,
                "phone=10000000001")
        }
        #expect(try await holders(centre, days[4], "secretary") == ["T7"])
        #expect(try await holders(centre, days[5], "secretary") == ["T8"])
        let person = try #require(
            try College.lines(centre.college.folder + "/people.csv").first { $0.contains(",B04,") }?
                .split(separator: ",").first.map(String.init))
        for day in [days[4], days[5]] {
            try await centre.hub("add", "check-in", "day=" + day, "person=" + person, "temperature=38.5")
            try await centre.hub("add", "daily-report", "day=" + day, "unit=B04", "kind=CASES")
        }
        let raised: [Raised] = try await centre.hub("alerts", "list", "--json").json()
        for (day, name) in [(days[4], "T7"), (days[5], "T8")] {
            let alert = try #require(raised.first { $0.key.hasPrefix("\(day) symptoms") })
            #expect(alert.responsible.map(\.person) == [name])
            let board: Explained = try await centre.hub(
                "board", "reports", "--day", day, "--json", "--explain", "B04/reports"
            ).json()
            #expect(board.items.map { $0.responsible.map(\.person) } == [[name]])
        }
    }
}
