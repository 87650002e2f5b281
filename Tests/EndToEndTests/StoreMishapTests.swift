import Foundation
import GRDB
import Glibc
import Testing

extension Place {
    static let languages = ["C", "zh_CN.UTF-8"]

    /// Runs a program in both languages; what it says holds all of the words, and nothing is unexpected.
    func expect(
        _ program: String, _ arguments: [String], code: Int32, says english: [String], _ chinese: [String],
        through prefix: [String] = [], at location: SourceLocation = #_sourceLocation
    ) async throws {
        for (language, parts) in zip(Place.languages, [english, chinese]) {
            let outcome = try await start(
                program, arguments, environment: ["LANG": language], through: prefix
            ).end()
            let said = outcome.output + outcome.remarks
            #expect(outcome.code == code, "\(arguments[0]): \(said)", sourceLocation: location)
            for words in parts {
                #expect(said.contains(words), "\(arguments[0]): \(said)", sourceLocation: location)
            }
            let isExpected = !said.contains("unexpected") && !said.contains("意外")
            #expect(isExpected, "\(said)", sourceLocation: location)
        }
    }
}

/// Folders and files that are not as they should be: named, with the reason and the next step.
@Suite struct StoreMishapTests {
    private let day = Date(timeIntervalSinceNow: 8 * 3_600).ISO8601Format().prefix(10)

    private func add(_ temperature: String) -> [String] {
        ["add", "check-in", "day=\(day)", "person=S000000", "temperature=\(temperature)"]
    }

    /// A hub and a branch that has joined; nothing runs.
    private func made() async throws -> (crowd: Crowd, branch: [String], hub: [String]) {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.close()
        return (crowd, ["--data", crowd.data("B000")], ["--data", crowd.place.path("hub")])
    }

    private func size(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int
    }

    /// Not a full disk: no ballast is given up, and what is said is what it is.
    @Test(.enabled(if: FailingSync.isToBeHad, "no system call can be made to fail on this machine"))
    func aDiskThatFails() async throws {
        let (crowd, branch, hub) = try await made()
        let place = crowd.place
        let english = ["the disk failed", "cable may be bad", "Copy the folder to another disk"]
        let chinese = ["磁盘出错", "连接线可能损坏", "复制到另一磁盘"]
        // The first eight writes are to SQLite's shared memory, the next ones to its log.
        for number in [1, 9] {
            let failing = FailingSync.from(number, of: "pwrite64")
            try await place.expect(
                "branch-agent", add("36.5") + branch, code: 74, says: english, chinese, through: failing)
            try await place.expect(
                "branch-agent", add("39.5") + branch, code: 74, says: english, chinese, through: failing)
            // A write that fails in a commit leaves open what was kept, and that is said instead; which of
            // the hub's writes are a commit's depends on what it found to do first.
            let mayCommit = number > 1
            try await place.expect(
                "aggregator", ["invite", "B000"] + hub, code: 74,
                says: mayCommit ? ["the disk ", "cable"] : english, mayCommit ? ["磁盘", "连接"] : chinese,
                through: failing)
        }
        #expect(size(crowd.data("B000") + "/ballast") == 2 << 20)
        #expect(size(place.path("hub/ballast")) == 8 << 20)
        let ballast = crowd.data("B000") + "/ballast"
        try FileManager.default.removeItem(atPath: ballast)
        try await place.expect(
            "branch-agent", add("36.5") + branch, code: 74, says: english + [ballast], chinese + [ballast],
            through: FailingSync.from(1, of: "fallocate"))
        try await place.run("branch-agent", add("36.5") + branch)
    }

    /// Nobody who adds a record waits for the log to be taken over, and yet it does not grow for ever.
    @Test func theLogOfABranchThatOnlyAddsStaysShort() async throws {
        let (crowd, branch, _) = try await made()
        let log = crowd.data("B000") + "/store.sqlite-wal"
        var sizes: [Int] = []
        for number in 0..<60 {
            let words = ["add", "check-in", "day=\(day)", "person=S000000", "temperature=36.\(number % 10)"]
            try await crowd.place.run("branch-agent", words + branch)
            sizes.append(size(log) ?? 0)
        }
        let longest = sizes.max() ?? 0
        #expect(longest > 0, "it is left for the next program")
        #expect(longest < 3 << 19, "\(sizes)")
        #expect(zip(sizes, sizes.dropFirst()).contains { $1 < $0 }, "it was taken over in between")
    }

    /// Something else stands where a file of the store belongs.
    @Test func filesThatAreSomethingElse() async throws {
        let (crowd, branch, hub) = try await made()
        let place = crowd.place
        let serve = ["serve", "--listen", "127.0.0.1:0"]
        let anew = ("Move it away and run it again: the file is made anew", "请将其移走后重新运行")
        let back = ("put the store back from a backup", "并从备份恢复数据")
        let cases: [(file: String, program: String, verb: [String], next: (String, String))] = [
            ("ballast", "branch-agent", add("36.5"), anew),
            ("ballast", "aggregator", ["invite", "B000"], anew),
            ("session.lock", "branch-agent", ["sync"], anew), ("session.lock", "aggregator", serve, anew),
            ("trap.marker", "aggregator", serve, anew),
            ("store.sqlite-wal", "branch-agent", ["status"], anew),
            ("store.sqlite-shm", "branch-agent", ["status"], anew),
            ("store.sqlite", "branch-agent", ["status"], back),
            ("store.sqlite", "aggregator", ["status"], back),
        ]
        let files = FileManager.default
        for (name, program, verb, next) in cases {
            let data = program == "aggregator" ? hub : branch
            let file = data[1] + "/" + name
            let isLinkAllowed = name.hasPrefix("store")
            for kind in isLinkAllowed ? ["folder"] : ["folder", "link"] {
                try? files.moveItem(atPath: file, toPath: file + ".kept")
                if kind == "folder" {
                    try files.createDirectory(atPath: file, withIntermediateDirectories: false)
                } else {
                    try files.createSymbolicLink(atPath: file, withDestinationPath: "/dev/null")
                }
                try await place.expect(
                    program, verb + data, code: 66,
                    says: [file + " belongs to the store, but is no plain file", next.0],
                    [file + " 属于本数据，但不是普通文件", next.1])
                if name == "ballast", program == "branch-agent" {
                    // What is urgent goes in all the same.
                    try await place.run("branch-agent", add("39.\(kind.count)") + data)
                    try await place.expect(
                        "branch-agent", ["status"] + data, code: 0,
                        says: ["the file `ballast` in the data folder cannot be made"], ["ballast 文件无法建立"])
                }
                try files.removeItem(atPath: file)
                try? files.moveItem(atPath: file + ".kept", toPath: file)
            }
        }
        for (program, data) in [("branch-agent", branch), ("aggregator", hub)] {
            try await place.run(program, ["status"] + data)
            try await place.expect(
                program, ["status", "--data", crowd.data("B000") + "/device.key"], code: 66,
                says: ["is a file; name a folder with --data"], ["是文件；请用 --data 指定目录"])
        }
    }

    /// Refused in words, not silently closed: somebody should know that others could look.
    @Test func whatIsOpenToOthersIsRefused() async throws {
        let (crowd, branch, hub) = try await made()
        let files = FileManager.default
        try await crowd.hub("revoke", "1", "--reason", "a test")
        for (program, data, names) in [
            ("branch-agent", branch, ["", "store.sqlite"]),
            ("aggregator", hub, ["", "store.sqlite", "revocations.jsonl", "revocations.end", "audit.head"]),
        ] {
            for name in names {
                let path = name.isEmpty ? data[1] : data[1] + "/" + name
                let (closed, open) = name.isEmpty ? (0o700, [0o755, 0o710]) : (0o600, [0o644, 0o660])
                for mode in open {
                    try files.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                    let digits = String(mode, radix: 8)
                    try await crowd.place.expect(
                        program, ["status"] + data, code: 66,
                        says: [
                            "\(path) is open to others than its owner (mode \(digits))",
                            "chmod \(String(closed, radix: 8)) \(path)",
                        ], ["\(path) 对所有者以外的用户开放（权限 \(digits)）"])
                    let found = try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                    #expect(found == mode, "it is not closed in silence")
                }
                try files.setAttributes([.posixPermissions: closed], ofItemAtPath: path)
                try await crowd.place.run(program, ["status"] + data)
            }
        }
    }

    @Test func keysThatCannotBeUsed() async throws {
        let (crowd, branch, hub) = try await made()
        let files = FileManager.default
        for (program, data, name, help) in [
            ("branch-agent", branch, "device.key", ("ring the centre", "请联系中心")),
            ("aggregator", hub, "hub.key", ("branches believe no other key", "各支部只认此密钥")),
        ] {
            let key = data[1] + "/" + name
            let kept = try Data(contentsOf: URL(fileURLWithPath: key))
            try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            var verbs = [["status"]]
            if program == "aggregator" { verbs.append(["init"]) }
            if program == "branch-agent" { verbs += [["sync"], ["serve"], add("36.5")] }
            for verb in verbs {
                try await crowd.place.expect(
                    program, verb + data, code: 66, says: ["\(key) (mode 644)", "chmod 600 \(key)"],
                    ["\(key)（权限 644）", "chmod 600 \(key)"])
            }
            for defect in ["empty", "garbage", "folder"] {
                try files.removeItem(atPath: key)
                switch defect {
                case "empty": try Data().write(to: URL(fileURLWithPath: key))
                case "garbage": try Data(repeating: 0xa5, count: 240).write(to: URL(fileURLWithPath: key))
                default: try files.createDirectory(atPath: key, withIntermediateDirectories: false)
                }
                if defect != "folder" {
                    try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
                }
                for verb in verbs {
                    try await crowd.place.expect(
                        program, verb + data, code: 66,
                        says: ["\(key) holds no key", "from a backup", help.0],
                        ["\(key) 中没有密钥", "从备份恢复", help.1])
                }
            }
            try files.removeItem(atPath: key)
            try await crowd.place.expect(
                program, ["status"] + data, code: 66, says: ["\(key) is missing", help.0],
                ["缺少 \(key)", help.1])
            try kept.write(to: URL(fileURLWithPath: key))
            try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            try await crowd.place.run(program, ["status"] + data)
        }
    }

    /// Sees a folder read-only.
    private static func reading(_ folder: String) -> [String] {
        [
            "/usr/bin/unshare", "-m", "/bin/sh", "-c",
            "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"", folder,
        ]
    }

    private static let areReadOnlyFoldersToBeHad: Bool = {
        let folder = FileManager.default.temporaryDirectory.path
        return geteuid() == 0 && (try? Child(reading(folder) + ["/bin/true"]))?.waitForEnd() == 0
    }()

    @Test(.enabled(if: areReadOnlyFoldersToBeHad, "no folder can be made read-only on this machine"))
    func disksThatCanOnlyBeRead() async throws {
        let (crowd, branch, hub) = try await made()
        let place = crowd.place
        let prefix = StoreMishapTests.reading(place.folder.path)
        let english = [
            "cannot be made, opened or written: it lies on a disk that can only be read", "--data",
        ]
        let chinese = ["无法建立、打开或写入：所在磁盘为只读", "--data"]
        let cases = [
            ("branch-agent", ["status"] + branch, branch[1] + "/store.sqlite"),
            ("branch-agent", add("36.5") + branch, branch[1] + "/store.sqlite"),
            ("branch-agent", ["sync"] + branch, branch[1] + "/session.lock"),
            ("branch-agent", ["serve"] + branch, branch[1] + "/session.lock"),
            ("aggregator", ["serve", "--listen", "127.0.0.1:0"] + hub, hub[1] + "/session.lock"),
            ("aggregator", ["invite", "B000"] + hub, hub[1] + "/store.sqlite"),
            ("aggregator", ["init", "--data", place.path("new")], place.path("new")),
        ]
        for (program, arguments, file) in cases {
            try await place.expect(
                program, arguments, code: 66, says: english + [file], chinese + [file], through: prefix)
        }
        // Who only looks needs to write nothing.
        try await place.expect(
            "sync-inspect", ["queue"] + branch, code: 0, says: ["branch B000, hub"], ["支部 B000，汇总端"],
            through: prefix)
        try await place.expect(
            "sync-inspect", ["queue"] + hub, code: 0, says: ["a hub has no queue of its own"],
            ["汇总端没有自己的待发队列"], through: prefix)
    }

    /// A branch that would be fed from it is told that the hub cannot read, and the hub's log has what.
    @Test func aSegmentThatDoesNotRead() async throws {
        let (crowd, branch, hub) = try await made()
        try await crowd.open()
        try await crowd.place.run("branch-agent", add("36.5") + branch)
        try await crowd.branch("B000", "sync")
        try await crowd.close()
        let queue = try DatabaseQueue(path: hub[1] + "/store.sqlite")
        try await queue.write {
            try $0.execute(
                sql: "UPDATE segment SET rows = x'ff' WHERE position = (SELECT max(position) FROM segment)")
        }
        try queue.close()
        try await crowd.open()
        try await crowd.join("B000", as: "second")
        try await crowd.branch("second", "sync", expecting: [3])
        try await crowd.close()
        #expect(crowd.log.contains("event=store_failed"), "\(crowd.log)")
        #expect(crowd.log.contains("rows do not read"), "\(crowd.log)")
    }

    /// The hub's log is for the person who watches it; what scripts look for is the same in every language.
    @Test func theHubsLogIsInTheReadersLanguage() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        let words = [
            ["session opened", "a device waits to be confirmed"], ["设备已连接", "有设备等待确认"],
        ]
        for (index, (language, said)) in zip(Place.languages, words).enumerated() {
            let serve = try crowd.place.start(
                "aggregator",
                ["serve", "--data", crowd.place.path("hub"), "--listen", "127.0.0.1:\(crowd.port)"],
                environment: ["LANG": language])
            #expect(try await eventually { serve.remarks.contains("127.0.0.1:\(crowd.port)") })
            try await crowd.join("B000", as: "a\(index)")
            try await crowd.branch("a\(index)", "sync")
            try await crowd.branch("b\(index)", "join", try await crowd.invite("B000", trusted: false))
            try await crowd.branch("b\(index)", "sync", expecting: [3])
            let log = try await serve.stop().remarks
            for part in said + [
                "[Aggregator]", "event=session_opened", "unit=B000", "code=201 event=device_refused",
            ] {
                #expect(log.contains(part), "\(log)")
            }
        }
    }

    /// A hub that does not fit: said with what it takes, and the same command makes it once there is room.
    @Test(.enabled(if: SmallDisks.areToBeHad, "no small disks can be mounted on this machine"))
    func aHubThatDoesNotFit() async throws {
        let place = try Place(disks: ["disk": 12])
        let disks = try #require(place.disks)
        let disk = place.path("disk")
        let initial = ["init", "--data", disk + "/hub"]
        disks.fill(disk)
        try await place.expect(
            "aggregator", initial, code: 5, says: ["the disk is full", "hub.key", "run it again"],
            ["磁盘已满", "hub.key", "重新运行"])
        disks.free(disk)
        try await place.run("/usr/bin/fallocate", ["-l", "6M", disk + "/fill"])
        try await place.expect(
            "aggregator", initial, code: 5, says: ["no room for a new store", "9 MiB", "run it again"],
            ["磁盘空间不足", "9 MiB", "重新运行"])
        // Nothing takes up the room that is short.
        #expect(disks.stat(disk + "/hub/ballast") == "" && disks.stat(disk + "/hub/store.sqlite") == "")
        disks.free(disk)
        try await place.run("aggregator", initial)
        try await place.run("aggregator", ["status", "--data", disk + "/hub"])
    }
}
