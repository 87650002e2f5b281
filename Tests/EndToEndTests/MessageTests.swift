import Foundation
import Glibc
import LinkKit
import Testing

/// What a person meets who does something wrong, or whose file, clock or link is wrong: with the real
/// programs, in both languages.
@Suite struct MessageTests {
    static let chinese = ["LANG": "zh_CN.UTF-8"]

    private func expectChinese(_ outcome: Outcome, _ parts: String...) {
        for part in parts { #expect(outcome.remarks.contains(part), "\(outcome.remarks)") }
        #expect(outcome.remarks.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) })
    }

    @Test func typosAreToldWithWhatWasMeant() async throws {
        let place = try Place()
        let hub = ["--data", place.path("hub")]
        for program in ["aggregator", "branch-agent", "sync-inspect"] {
            let verb = program == "sync-inspect" ? "qeue" : "stauts"
            let meant = program == "sync-inspect" ? "queue" : "status"
            let english = try await place.run(program, [verb] + hub, expecting: [64])
            #expect(english.remarks.contains("there is no command \(verb); did you mean \(meant)?"))
            let chinese = try await place.run(
                program, [verb] + hub, expecting: [64], environment: MessageTests.chinese)
            expectChinese(chinese, "没有命令 \(verb)", meant)
            let late = try await place.run(program, hub + [meant], expecting: [64])
            #expect(late.remarks.contains("the command comes first"))
        }
        let option = try await place.run(
            "aggregator", ["status", "--dat", "x"], expecting: [64], environment: MessageTests.chinese)
        expectChinese(option, "错误：", "--data")
    }

    @Test func helpIsThereInBothLanguages() async throws {
        let place = try Place()
        for program in ["aggregator", "branch-agent", "sync-inspect"] {
            let overview = try await place.run(program, ["--help"]).output.split(separator: "\n")
            let verbs = overview.drop { $0 != "SUBCOMMANDS:" }.compactMap { line in
                line.hasPrefix("  ") && !line.hasPrefix("   ") && !line.contains("See '")
                    ? line.split(separator: " ").first.map(String.init) : nil
            }
            #expect(verbs.count > 5)
            for verb in [nil] + verbs {
                let arguments = (verb.map { [$0] } ?? []) + ["--help"]
                let english = try await place.run(program, arguments).output
                let chinese = try await place.run(
                    program, arguments, environment: MessageTests.chinese
                ).output
                let name = "\(program) \(verb ?? "")"
                #expect(english.hasPrefix("OVERVIEW: ") && english.contains("USAGE: "), "\(name)")
                #expect(chinese.hasPrefix("概述：") && chinese.contains("用法："), "\(name)")
                let isPlain = !english.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) }
                #expect(isPlain, "\(name): \(english)")
                for word in ["OVERVIEW", "USAGE", "OPTIONS", "Show ", "default:", "folder"] {
                    #expect(!chinese.contains(word), "\(name): \(word)")
                }
                if verb != "vector" { #expect(english.contains("Example: ") && chinese.contains("示例：")) }
                if verb == nil { for verb in verbs { #expect(chinese.contains("  " + verb)) } }
            }
        }
    }

    @Test func ofSeveralFilesTheGoodOnesAreImported() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let day = centre.college.words("last_day")
        let person = centre.college.words("mistyped_person")
        func sheet(_ name: String, _ text: String) throws -> String {
            try text.write(toFile: centre.place.path(name), atomically: true, encoding: .utf8)
            return centre.place.path(name)
        }
        let head = "person_id,check_date,recorded_at"
        let row = "\(person),\(day),\(day) 08:00:00"
        let good = try sheet("good.csv", "\(head),temperature\n\(row),36.5\n")
        let typo = try sheet("typo.csv", "\(head),tempreture\n\(row),36.5\n")
        let bad = try sheet("bad.csv", "person,when\n1,2\n")
        let missing = centre.place.path("missing.csv")
        let data = ["--data", centre.data("B04")]
        let json = try await centre.place.run(
            "branch-agent", ["import", "check-in", bad, good, missing, typo, "--json"] + data,
            expecting: [1])
        let result = try json.json(Imported.self)
        #expect(result.filesRefused == 2 && result.accepted + result.unchanged == 2)
        #expect(result.errors.map(\.reason) == ["missing_column", "unreadable"])
        #expect(result.errors.allSatisfy { $0.record == 0 && !$0.message.isEmpty })
        #expect(result.unknownColumns.map(\.heading) == ["tempreture"])
        #expect(result.unknownColumns.first?.suggestion == "temperature")
        let told = try await centre.place.run(
            "branch-agent", ["import", "check-in", bad, good, missing, typo] + data, expecting: [1],
            environment: MessageTests.chinese)
        expectChinese(told, "是否应为“temperature”", "missing.csv：无法读取", "缺少“check_date”列", "person, when")
        let alone = try await centre.place.run(
            "branch-agent", ["import", "check-in", missing] + data, expecting: [66])
        #expect(alone.remarks.contains("missing.csv: cannot be read (there is no such file); check the name"))
        try await centre.place.run("branch-agent", ["import", "check-in", bad] + data, expecting: [64])
        try await centre.place.run(
            "branch-agent", ["import", "check-in", bad, bad] + data, expecting: [64])
    }

    struct Imported: Decodable {
        struct Issue: Decodable {
            var record: Int
            var reason: String
            var message: String
        }
        struct Column: Decodable {
            var heading: String
            var suggestion: String?
        }
        var accepted: Int
        var unchanged: Int
        var filesRefused: Int
        var errors: [Issue]
        var unknownColumns: [Column]
    }

    @Test func aPendingDeviceShowsItsDigitsAgain() async throws {
        let centre = try await Centre()
        try await centre.open()
        let code = try await centre.invite("B04", trusted: false)
        let joined = try await centre.branch("B04", "join", code)
        let digits = try #require(joined.output.firstMatch(of: /\d{6}/)).output
        #expect(try await centre.branch("B04", "status").output.contains("read out \(digits)"))
        let sync = try await centre.branch("B04", "sync", expecting: [3])
        #expect(sync.remarks.contains("read out \(digits)"))
        let chinese = try await centre.place.run(
            "branch-agent", ["sync", "--data", centre.data("B04")], expecting: [3],
            environment: MessageTests.chinese)
        expectChinese(chinese, "报出 \(digits)")
        #expect(try await centre.hub("devices").output.contains("pending \(digits)"))
        #expect(try await centre.hub("devices", "--json").output.contains("\"confirmation\":\"\(digits)\""))
        try await centre.hub("confirm", String(digits))
        try await centre.branch("B04", "sync")
        let status = try await centre.branch("B04", "status").output
        #expect(!status.contains(digits) && status.contains("(Asia/Shanghai)"))
        let devices = try await centre.hub("devices").output
        #expect(devices.contains("last seen (Asia/Shanghai)") && devices.contains("right"))
    }

    @Test func storesOfTheOtherKindAndFoldersWithoutRights() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let branch = ["--data", centre.data("B04")]
        let hub = ["--data", centre.place.path("hub")]
        let wrong = try await centre.place.run("aggregator", ["status"] + branch, expecting: [66])
        #expect(wrong.remarks.contains("is a branch's folder"))
        let other = try await centre.place.run(
            "branch-agent", ["status"] + hub, expecting: [64], environment: MessageTests.chinese)
        expectChinese(other, "是汇总端的目录")
        let unit = try await centre.place.run(
            "aggregator", ["invite", "NOPE"] + hub, expecting: [66], environment: MessageTests.chinese)
        expectChinese(unit, "NOPE", "请核对代码")
        let form = try await centre.place.run(
            "branch-agent", ["add", "chek-in", "person=A"] + branch, expecting: [64])
        #expect(form.remarks.contains("did you mean check-in?"))
        let busy = try await centre.place.run(
            "aggregator", ["serve", "--listen", "127.0.0.1:1"] + hub, expecting: [4],
            environment: MessageTests.chinese)
        expectChinese(busy, "另一程序正在使用")
        #expect(!busy.remarks.contains("another program"))
    }

    /// Without a day the entry is about today, in the committee's zone.
    @Test func anEntryWithoutADayIsAboutToday() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let person = "person=" + centre.college.words("mistyped_person")
        func today() -> String {
            Date(timeIntervalSinceNow: 8 * 3_600).formatted(.iso8601.year().month().day())
        }
        let before = today()
        let saved = try await centre.branch("B04", "add", "check-in", person, "temperature=36.5").output
        #expect([before, today()].contains { saved.contains("saved check-in \($0) ") }, "\(saved)")
        let early = try await centre.branch(
            "B04", "add", "check-in", person, "day=2999-01-01", "temperature=36.5", expecting: [1])
        #expect(early.remarks.contains("By this machine's clock the day has not begun"))
    }

    @Test func ctrlCIsAnswered() async throws {
        let centre = try await Centre()
        let silent = try Loopback.listen(port: 0)
        defer { close(silent.descriptor) }
        try await centre.open()
        let proxy = try EmulatedLink(to: centre.port)
        try await centre.join("B04", through: proxy.port)
        proxy.redirect(to: silent.port)
        let sync = try centre.start("B04", "sync")
        #expect(try await eventually { proxy.carrying > 0 })
        sync.interrupt()
        let outcome = try await sync.end()
        #expect(outcome.code == 130 && outcome.remarks.contains("the rest stays queued here"))
        proxy.close()
    }
}
