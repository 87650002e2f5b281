import Foundation
import Testing

/// A committee's own form, which no program was shipped with: published, filled in, revised, and counted.
@Suite(.timeLimit(.minutes(5))) struct OwnFormTests {
    static let first = """
        {"form": "home-visit", "revision": 1, "labels": {"en": "Home visit", "zh": "家访"},
         "keys": [
          {"name": "day", "type": "date", "labels": {"en": "day", "zh": "日期"}},
          {"name": "person", "type": "person", "labels": {"en": "person id", "zh": "学号/工号"}}],
         "day": {"key": "day", "beforeReason": "visited_before_day"},
         "fields": [
          {"id": 1, "name": "outcome", "type": "choice", "labels": {"en": "outcome", "zh": "结果"},
           "choices": ["met", "absent", "sick"], "required": true,
           "choiceLabels": {"met": {"en": "met", "zh": "见到"}, "absent": {"en": "absent", "zh": "不在"},
            "sick": {"en": "ill at home", "zh": "在家患病"}},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 2, "name": "hospital", "type": "text", "labels": {"en": "hospital", "zh": "就诊医院"},
           "longest": 20, "requiredIf": [{"field": "outcome", "equals": "sick"}],
           "policy": "latest", "retentionClass": 1, "personal": true},
          {"id": 3, "name": "minutes", "type": "integer", "labels": {"en": "minutes", "zh": "时长"},
           "minimum": "1", "maximum": "600", "policy": "highest", "retentionClass": 0, "personal": false},
          {"id": 4, "name": "weight", "type": "decimal", "scale": 1, "labels": {"en": "weight", "zh": "体重"},
           "policy": "latest", "retentionClass": 0, "personal": true},
          {"id": 5, "name": "masked", "type": "boolean", "labels": {"en": "wore a mask", "zh": "戴口罩"},
           "policy": "any", "retentionClass": 0, "personal": false},
          {"id": 6, "name": "next", "type": "date", "labels": {"en": "next visit", "zh": "下次家访"},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 7, "name": "at", "type": "time", "labels": {"en": "at", "zh": "时间"},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 8, "name": "topics", "type": "multi-choice", "labels": {"en": "topics", "zh": "内容"},
           "choices": ["health", "study"], "policy": "union", "retentionClass": 0, "personal": false},
          {"id": 9, "name": "visitor", "type": "person", "labels": {"en": "visitor", "zh": "家访人"},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 10, "name": "office", "type": "unit", "labels": {"en": "office", "zh": "派出单位"},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 11, "name": "region", "type": "region", "labels": {"en": "region", "zh": "地区"},
           "pattern": "^\\\\d{6}$", "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 12, "name": "places", "type": "place-list", "labels": {"en": "places", "zh": "地点"},
           "policy": "union", "retentionClass": 1, "personal": true},
          {"id": 13, "name": "about", "type": "record", "of": "check-in",
           "labels": {"en": "about", "zh": "相关记录"},
           "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 14, "name": "note", "type": "text", "labels": {"en": "note", "zh": "备注"},
           "policy": "latest", "retentionClass": 1, "personal": true}],
         "writers": ["branch", "centre"], "retentionDays": {"1": 90},
         "rules": [{"id": "visit-sick", "raise": "alert", "any": [{"field": "outcome", "equals": "sick"}],
          "advice": {"en": "Ring the hospital.", "zh": "请联系医院。"}}]}
        """

    /// A later revision: one more choice, a field that must be filled in from now on, one that is hidden.
    static func revised(_ revision: Int) -> String {
        var text = first.replacing("\"revision\": 1", with: "\"revision\": \(revision)")
        text = text.replacing(
            "[\"met\", \"absent\", \"sick\"]", with: "[\"met\", \"absent\", \"sick\", \"away\"]")
        let added = (2...revision).map { number in
            """
            {"id": \(20 + number), "name": "asked_\(number)", "type": "text", "since": \(number),
             "labels": {"en": "asked \(number)", "zh": "询问\(number)"}, "required": true,
             "policy": "latest", "retentionClass": 0, "personal": false}
            """
        }.joined(separator: ",\n")
        text = text.replacing(
            "\"note\", \"type\": \"text\",", with: "\"note\", \"type\": \"text\", \"hidden\": true,")
        return text.replacing("}],\n \"writers\"", with: "},\n\(added)],\n \"writers\"")
    }

    private func file(_ place: Place, _ name: String, _ text: String) throws -> String {
        let path = place.path(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func rows(_ centre: Centre) async throws -> [[String: String]] {
        let lines = try await centre.export("home-visit").output.split(whereSeparator: \.isNewline)
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        return lines.dropFirst().map { Dictionary(zip(lines[0], $0)) { first, _ in first } }
    }

    @Test func everyMistakeIsNamedWithItsPlaceBeforeItTravels() async throws {
        let place = try Place()
        let hub = try await Hub(in: place, name: "Test")
        let wrong = Self.first.replacing("\"policy\": \"highest\"", with: "\"policy\": \"hihgest\"")
            .replacing("\"minimum\": \"1\"", with: "\"minimun\": \"1\"")
            .replacing("[{\"field\": \"outcome\", \"equals\"", with: "[{\"field\": \"outcom\", \"equals\"")
            .replacing("{6}$", with: "(6)$").replacing("\"name\": \"at\"", with: "\"name\": \"At!\"")
        let path = try file(place, "wrong.json", wrong)
        let checked = try await place.run("aggregator", ["forms", "check", path], expecting: [1])
        for (line, word) in [(13, "outcom"), (16, "hihgest"), (16, "minimun"), (23, "At!"), (32, "(6)")] {
            let found = checked.remarks.split(separator: "\n").first { $0.contains("wrong.json:\(line):") }
            #expect(checked.remarks.contains(word) && found != nil, "\(word): \(checked.remarks)")
        }
        #expect(checked.remarks.contains("did you mean highest"))
        try await hub.hub("forms", "publish", path, expecting: [1])
        #expect(try await !hub.hub("forms", "list").output.contains("home-visit"), "it does not travel")
        let torn = try file(place, "torn.json", String(Self.first.dropLast(3)))
        let unread = try await place.run("aggregator", ["forms", "check", torn], expecting: [1])
        #expect(
            unread.remarks.contains("torn.json:\(Self.first.split(separator: "\n").count):")
                && unread.remarks.contains("not JSON"))
        let good = try file(place, "good.json", Self.first)
        try await place.run("aggregator", ["forms", "check", good])
        let chinese = try await place.run(
            "aggregator", ["forms", "check", path], expecting: [1], environment: ["LANG": "zh_CN.UTF-8"])
        #expect(chinese.remarks.contains("是否想写 highest"))
    }

    /// A centre with two branches that have synced, and somebody to write about.
    private struct World {
        let centre: Centre
        let day: String

        init() async throws {
            centre = try await Centre()
            day = centre.college.days[3]
            try await centre.open()
            for unit in ["B01", "B04"] {
                try await centre.join(unit)
                try await centre.sync(unit)
            }
        }

        func somebody(_ unit: String, _ index: Int) throws -> String {
            let people = try College.lines(centre.college.folder + "/people.csv")
            let found = people.filter { $0.contains(",\(unit),") }
            return String(try #require(found[index].split(separator: ",").first))
        }

        @discardableResult func add(
            _ unit: String, _ index: Int, _ fields: String..., expecting code: Int32 = 0,
            at location: SourceLocation = #_sourceLocation
        ) async throws -> Outcome {
            let record = ["add", "home-visit", "day=" + day, "person=" + (try somebody(unit, index))]
            return try await centre.place.run(
                "branch-agent", record + fields + ["--data", centre.data(unit)], expecting: [code],
                at: location)
        }

        func publish(_ kind: String, _ name: String, _ text: String, expecting code: Int32 = 0) async throws
            -> Outcome
        {
            let path = centre.place.path(name)
            try Data(text.utf8).write(to: URL(filePath: path))
            return try await centre.hub(kind, "publish", path, "--as", "Li", expecting: [code])
        }
    }

    @Test func worksFromPublishingToTheBoardOnABranchThatWasOffline() async throws {
        let world = try await World()
        let centre = world.centre
        // Published while the hub serves, by another process; the branches are not connected.
        _ = try await world.publish("forms", "one.json", Self.first)
        let again = try await world.publish("forms", "one.json", Self.first)
        #expect(again.output.contains("unchanged"))
        #expect(try await centre.hub("audit").output.contains("form home-visit, revision 1"))
        try await world.add("B01", 0, "outcome=met", expecting: 64)
        try await centre.sync("B01")
        try await centre.sync("B04")
        try await centre.close()

        // No link: everything the form says holds here.
        try await world.add("B01", 0, "hospital=h1", expecting: 1)
        try await world.add("B01", 0, "outcome=gone", expecting: 1)
        let bare = try await world.add("B01", 0, "outcome=sick", expecting: 1)
        #expect(bare.remarks.contains("hospital is missing"), "\(bare.remarks)")
        try await world.add("B01", 0, "outcome=met", "minutes=601", expecting: 1)
        try await world.add("B01", 0, "outcome=met", "region=33078", expecting: 1)
        let long = String(repeating: "x", count: 21)
        try await world.add("B01", 0, "outcome=met", "hospital=" + long, expecting: 1)
        let added = try await world.add(
            "B01", 0, "outcome=在家患病", "hospital=h1", "minutes=30", "weight=60.5", "masked=yes",
            "next=2020-02-09", "at=2020-02-03 08:30", "topics=health;study", "visitor=T001", "office=B01",
            "region=330782", "places=a;b", "about=check-in/x", "note=n")
        #expect(added.output.contains("urgent") && added.output.contains("Ring the hospital."))
        let sheet = try file(
            centre.place, "visits.csv",
            "日期,学号/工号,结果,时长\n\(world.day),\(try world.somebody("B01", 1)),见到,20\n")
        try await centre.branch("B01", "import", "home-visit", sheet)

        try await centre.open()
        try await reviseTwice(world)
        let found = try await rows(centre)
        #expect(found.count == 5, "records of all three revisions stand side by side")
        #expect(found.map { $0["asked_3"] ?? "" }.filter { !$0.isEmpty } == ["b"])
        let whole = try #require(found.first { $0["weight"] == "60.5" })
        #expect(whole["outcome"] == "sick" && whole["topics"] == "health;study")
        #expect(whole["masked"] == "true" && whole["places"] == "a;b" && whole["next"] == "2020-02-09")
        #expect(try await centre.export("alert").output.contains("visit-sick"))
        #expect(try await !centre.hub("devices").output.contains("missing_value"), "nothing is held back")
        try await count(world)
        try await freezeAndSwitchOff(world)
        try await centre.close()
    }

    @Test func aHubThatWasPutBackBeforeTheFormCountsWhatWasWrittenOnceItIsPublishedAgain() async throws {
        let world = try await World()
        let centre = world.centre
        let backup = centre.place.path("before.sqlite")
        try await centre.hub("backup", backup)
        _ = try await world.publish("forms", "one.json", Self.first)
        try await centre.sync("B01")
        try await world.add("B01", 0, "outcome=met", "minutes=30")
        try await world.add("B01", 0, "outcome=met", "minutes=45")
        try await centre.sync("B01")
        #expect(try await rows(centre).count == 1)
        try await centre.close()
        try await centre.hub("restore", backup)
        try await centre.open()
        // It sends again what the hub lacks, under a form that the hub does not know now.
        try await centre.sync("B01")
        #expect(try await centre.hub("devices").output.contains("form"))
        _ = try await centre.export("home-visit", expecting: [66])
        let again = try await world.publish("forms", "one.json", Self.first)
        #expect(again.output.contains("entries that had come before it count now, 0 are still held back"))
        let found = try await rows(centre)
        #expect(found.map { $0["minutes"] } == ["45"], "once, with both entries")
        #expect(try await centre.sync("B01").drained)
        try await world.add("B01", 0, "outcome=met", "minutes=50")
        #expect(try await centre.sync("B01").drained)
        #expect(try await rows(centre).map { $0["minutes"] } == ["50"])
        try await centre.close()
    }

    /// The second branch only hears of it after it has written.
    private func reviseTwice(_ world: World) async throws {
        let centre = world.centre
        _ = try await world.publish("forms", "r2.json", Self.revised(2))
        #expect(try await centre.sync("B01").drained)
        try await world.add("B01", 2, "outcome=away", expecting: 1)
        try await world.add("B01", 2, "outcome=away", "note=x", "asked_2=y", expecting: 64)
        try await world.add("B01", 2, "outcome=away", "asked_2=y")
        _ = try await world.publish("forms", "r3.json", Self.revised(3))
        try await world.add("B04", 0, "outcome=met", "note=old")
        #expect(try await centre.sync("B04").drained)
        #expect(try await centre.sync("B01").drained)
        let whole = try await world.add("B04", 1, "outcome=met", "asked_2=a", "asked_3=b")
        #expect(!whole.remarks.contains("asked_"))
        // What an earlier revision did not ask for is asked for when the record is opened again.
        let old = try await world.add("B04", 0, "minutes=5")
        #expect(old.remarks.contains("asked_2, asked_3"), "\(old.remarks)")
        #expect(try await centre.sync("B04").drained)
    }

    static let board = """
        {"board": "visits", "revision": 1, "labels": {"en": "Home visits", "zh": "家访"}, "order": 9,
         "group": "unit",
         "counts": [
          {"id": "visits", "labels": {"en": "visits", "zh": "家访数"}, "form": "home-visit"},
          {"id": "sick", "labels": {"en": "ill", "zh": "患病"}, "form": "home-visit", "named": true,
           "all": [{"field": "outcome", "equals": "sick"}]}],
         "columns": ["outcome", "minutes", "hospital"]}
        """

    private struct Table: Decodable {
        struct Line: Decodable {
            var group: String
            var counts: [String: Int]
        }
        var lines: [Line]
        var total: [String: Int]
    }

    private struct Explained: Decodable {
        struct Item: Decodable {
            var unit: String
            var record: [String]?
            var fields: [String: String]
        }
        var count: Int
        var items: [Item]
    }

    /// The committee's own board counts its own form, and every number opens into its records.
    private func count(_ world: World) async throws {
        let centre = world.centre
        let wrong = Self.board.replacing("home-visit", with: "home-visits")
        let refused = try await world.publish("boards", "wrong.json", wrong, expecting: 1)
        #expect(refused.remarks.contains("wrong.json:4:"))
        _ = try await world.publish("boards", "visits.json", Self.board)
        let table: Table = try await centre.hub("board", "visits", "--day", world.day, "--json").json()
        #expect(table.total == ["visits": 5, "sick": 1])
        #expect(table.lines.map(\.group) == ["B01", "B04"])
        for count in ["visits", "sick"] {
            var sum = 0
            for line in table.lines {
                let explained: Explained = try await centre.hub(
                    "board", "visits", "--day", world.day, "--json", "--explain", "\(line.group)/\(count)"
                ).json()
                #expect(explained.count == line.counts[count] && explained.items.count == explained.count)
                #expect(explained.items.allSatisfy { $0.unit == line.group })
                sum += explained.count
            }
            #expect(sum == table.total[count])
        }
        let sick: Explained = try await centre.hub(
            "board", "visits", "--day", world.day, "--json", "--explain", "sick"
        ).json()
        let item = try #require(sick.items.first)
        #expect(item.record == ["home-visit", world.day, try world.somebody("B01", 0)])
        #expect(item.fields == ["outcome": "sick", "minutes": "30", "hospital": "***"], "personal: masked")
        let brief = try await centre.hub("brief", world.day, "--format", "csv").output
        #expect(brief.contains("\(world.day),visits,B01,visits,3") && brief.contains(",visits,,sick,1"))
        let chinese = try await centre.place.run(
            "aggregator", ["brief", world.day, "--format", "md", "--data", centre.place.path("hub")],
            environment: ["LANG": "zh_CN.UTF-8"])
        #expect(chinese.output.contains("## 家访") && chinese.output.contains("- 患病 B01: "))
    }

    /// What is frozen is refused with its place; a form that is switched off takes nothing more, and what is
    /// there stays.
    private func freezeAndSwitchOff(_ world: World) async throws {
        let centre = world.centre
        let frozen = Self.revised(4).replacing("\"scale\": 1", with: "\"scale\": 2")
        let refused = try await world.publish("forms", "frozen.json", frozen, expecting: 1)
        #expect(refused.remarks.contains("frozen.json:17:") && refused.remarks.contains("weight"))
        let shown = try await centre.hub("forms", "show", "home-visit").output
        #expect(shown.contains("revision 3") && shown.contains("asked_3"))
        let off = Self.revised(4).replacing("[\"branch\", \"centre\"]", with: "[]")
        _ = try await world.publish("forms", "off.json", off)
        try await centre.sync("B04")
        try await world.add("B04", 0, "outcome=met", "asked_2=a", expecting: 64)
        #expect(try await rows(centre).count == 5)
    }
}
