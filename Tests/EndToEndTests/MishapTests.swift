import Foundation
import LinkKit
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

@testable import Aggregator
@testable import SyncTransport

/// Mishaps that a person meets with the real programs: what they read, in both languages, and the exit code.
@Suite struct MishapTests {
    /// Runs a program in both languages.
    private func expect(
        _ place: Place, _ program: String, _ arguments: [String], code: Int32, says english: String,
        _ chinese: String, through prefix: [String] = [], at location: SourceLocation = #_sourceLocation
    ) async throws {
        try await place.expect(
            program, arguments, code: code, says: [english], [chinese], through: prefix, at: location)
    }

    @Test func aJoinCodeThatHasExpired() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        let folder = HubFolder(path: crowd.place.path("hub"))
        let now = HubFolder.milliseconds()
        let code = JoinCode(
            address: "127.0.0.1:\(crowd.port)", hub: try folder.key().fingerprint, unit: "B000",
            secret: .random(), expires: now - 1)
        try folder.open().invite(
            Invitation(
                secretHash: Hashing.sha256(code.secret.bytes), unit: "B000", isTrusted: true,
                expires: code.expires), now: now - 3_600_000)
        try await crowd.open()
        try await expect(
            crowd.place, "branch-agent", ["join", code.text, "--data", crowd.data("B000")], code: 3,
            says: "code 205: this join code has expired; ask for a new one", "代码 205：此加入码已过期；请索取新码")
        // Nothing stands in the way of the next code.
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.5")
        #expect(try await crowd.sync("B000").drained)
        try await crowd.close()
    }

    /// What another key seals nobody would ever take: nothing is written under it, and with the right one all
    /// goes on.
    @Test func anotherKeyInTheFolder() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.5")
        try await crowd.close()
        let entry = ["add", "check-in", "day=\(crowd.days[0])", "person=S000001", "fever=true"]
        for (folder, file, program, arguments, words) in [
            (
                crowd.data("B000"), "device.key", "branch-agent", entry,
                ("device.key", "不是创建该数据时的密钥")
            ),
            (crowd.place.path("hub"), "hub.key", "aggregator", ["status"], ("hub.key", "不是该数据现用的密钥")),
        ] {
            let key = folder + "/" + file
            let kept = try Data(contentsOf: URL(fileURLWithPath: key))
            try FileManager.default.removeItem(atPath: key)
            _ = try DeviceKey.create(at: key)
            try await expect(
                crowd.place, program, arguments + ["--data", folder], code: 66,
                says: words.0 + " in ", words.1)
            try kept.write(to: URL(fileURLWithPath: key))
        }
        try await crowd.open()
        #expect(try await crowd.sync("B000").drained)
        try await crowd.close()
    }

    @Test func somebodyElseAtTheHubsAddress() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        let other = try await Crowd(branches: 1, persons: 2, days: 1)
        try await other.open()
        let proxy = try EmulatedLink(to: crowd.port)
        let unused = try await crowd.invite("B000", through: proxy.port)
        try await crowd.join("B000", through: proxy.port)
        try await crowd.checkIn("B000", "S000000", "36.5")
        proxy.redirect(to: other.port)
        let english =
            "code 215: whoever answers there is not the hub that this device joined: its key is another"
        let chinese = "代码 215：对方不是本设备加入的汇总端（密钥不同）"
        try await expect(
            crowd.place, "branch-agent", ["sync", "--data", crowd.data("B000")], code: 3, says: english,
            chinese)
        // The code names the key as well.
        try await expect(
            crowd.place, "branch-agent", ["join", unused, "--data", crowd.data("new")], code: 3,
            says: "code 215: whoever answers there is not the hub", "代码 215：对方不是")
        #expect(try await crowd.status("B000").queued == 1)
        #expect(try await other.hub("devices").output.contains("no device has joined"))
        #expect(try await crowd.branch("B000", "status").output.contains("code 215"))
        let doctor = try await crowd.place.run(
            "sync-inspect", ["doctor", "--data", crowd.data("B000")], expecting: [1])
        #expect((doctor.output + doctor.remarks).contains("code 215"))
        let isNoted = try await eventually {
            try await AuditTests.Log.read(other).details("refused").contains { $0.hasPrefix("215 ") }
        }
        #expect(isNoted, "the hub that was called by mistake sees that much")
        proxy.redirect(to: crowd.port)
        #expect(try await crowd.sync("B000").drained)
        proxy.close()
        try await other.close()
        try await crowd.close()
    }

    /// Another user of the machine, who may not enter the folders.
    private static let stranger = [
        "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
    ]

    /// Whether programs can be run as somebody else here.
    private static let isStrangerToBeHad: Bool = {
        let program = Running.folder.appending(path: "branch-agent").path
        return geteuid() == 0 && (try? Child(stranger + [program, "--version"]))?.waitForEnd() == 0
    }()

    @Test(.enabled(if: isStrangerToBeHad, "no program can be run as another user"))
    func foldersThatOneMayNotEnter() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        let code = try await crowd.invite("B000")
        try await crowd.close()
        let (place, stranger) = (crowd.place, MishapTests.stranger)
        let branch = ["--data", crowd.data("B000")]
        let hub = ["--data", place.path("hub")]
        let person = ["person=S000000", "temperature=36.5"]
        for verb in [["status"], ["add", "check-in"] + person, ["sync"], ["serve"], ["join", code]] {
            try await expect(
                place, "branch-agent", verb + branch, code: 66,
                says: "you may not enter the folder", "无权进入目录", through: stranger)
        }
        for verb in [["status"], ["serve", "--listen", "127.0.0.1:0"], ["invite", "B000"], ["init"]] {
            try await expect(
                place, "aggregator", verb + hub, code: 66, says: "you may not enter the folder", "无权进入目录",
                through: stranger)
        }
        for data in [branch, hub] {
            try await expect(
                place, "sync-inspect", ["queue"] + data, code: 66, says: "you may not enter the folder",
                "无权进入目录", through: stranger)
        }
        // Nowhere to make a folder.
        try await expect(
            place, "branch-agent", ["join", code, "--data", place.path("new")], code: 66,
            says: "new cannot be made, opened or written: you have no rights to it", "new 无法建立、打开或写入：没有权限",
            through: stranger)
        // What may be entered but not written.
        for folder in [crowd.data("B000"), place.path("hub")] {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        }
        try await expect(
            place, "branch-agent", ["status"] + branch, code: 66, says: "the device's key cannot be used",
            "设备密钥无法使用", through: stranger)
        try await expect(
            place, "aggregator", ["status"] + hub, code: 66, says: "the hub's key cannot be used",
            "汇总端密钥无法使用",
            through: stranger)
    }

    /// The reader of `| head -1` goes while the program writes: no word about it, the work is done, and the
    /// exit code is that of the work.
    @Test func readersThatHaveGone() async throws {
        let crowd = try await Crowd(branches: 1, persons: 200, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        var numbers = Numbers(seed: 7)
        // Of a fever there would be words.
        let entries = crowd.entries(of: crowd.branches[0], on: crowd.days[0], using: &numbers).map {
            Crowd.Entry(day: $0.day, person: $0.person, temperature: min($0.temperature, 3_690))
        }
        let good = try crowd.sheet("good", entries)
        let bad = try crowd.sheet(
            "bad", [Crowd.Entry(day: crowd.days[0], person: "S000000", temperature: 9_900)])
        let branch = ["--data", crowd.data("B000")]
        let hub = ["--data", crowd.place.path("hub")]
        let day = ["--date", crowd.days[0]]
        let cases: [(program: String, arguments: [String], code: Int32, isQuiet: Bool)] = [
            ("branch-agent", ["--help"], 0, true),
            ("branch-agent", ["import", "check-in", good] + branch, 0, true),
            ("branch-agent", ["import", "check-in", bad] + branch, 1, false),
            ("branch-agent", ["status"] + branch, 0, true), ("branch-agent", ["sync"] + branch, 0, true),
            ("sync-inspect", ["queue", "--all"] + branch, 0, true),
            ("aggregator", ["export", "check-in", "--unmask", "--reason", "x"] + hub, 0, true),
            ("aggregator", ["coverage"] + day + hub, 0, true),
            ("aggregator", ["coverage", "--json"] + day + hub, 0, true),
        ]
        for language in Place.languages {
            for (program, arguments, code, isQuiet) in cases {
                let outcome = try await crowd.place.start(
                    program, arguments, environment: ["LANG": language], through: try reader(crowd.place)
                ).end()
                let name = "\(program) \(arguments[0])"
                #expect(outcome.code == code, "\(name): \(outcome.remarks)")
                #expect(outcome.remarks.isEmpty == isQuiet, "\(name): \(outcome.remarks)")
            }
        }
        #expect(try await crowd.arrived().count == 200)
        // A mistake stays a mistake, also where nobody reads of it.
        let unheard = try await crowd.place.start(
            "aggregator", ["invite", "NOPE"] + hub, through: try reader(crowd.place, merging: true)
        ).end()
        #expect(unheard.code == 66 && unheard.output.isEmpty)
        try await crowd.close()
    }

    /// Runs a program whose output goes to a reader that has gone before it starts.
    ///
    /// - Parameter merging: standard error goes there as well.
    private func reader(_ place: Place, merging: Bool = false) throws -> [String] {
        let gate = place.path("gate-\(UUID().uuidString)")
        try #require(mkfifo(gate, 0o600) == 0)
        let words = merging ? "2>&1" : ""
        let script =
            "{ : <'\(gate)'; \"$@\" \(words); echo $? >'\(gate).code'; } | { exec <&-; : >'\(gate)'; }; "
            + "exit $(cat '\(gate).code')"
        return ["/bin/sh", "-c", script, "sh"]
    }
}
