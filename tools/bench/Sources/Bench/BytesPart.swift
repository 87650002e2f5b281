import Foundation
import LinkKit
import SQLiteStore
import SyncCore
import SyncWire

/// What check-ins weigh on the line: the real programs, over a link that counts.
enum BytesPart {
    static func run(_ bench: Bench) throws {
        try fortnight(bench)
        try simple(bench)
    }

    // MARK: - A fortnight that was queued offline

    private static func fortnight(_ bench: Bench) throws {
        let programs = try RealPrograms()
        let college = try bench.college ?? made(programs)
        for sheet in [
            ("units", "units.csv"), ("people", "people.csv"), ("register-changes", "register_changes.csv"),
            ("excused", "excused.csv"),
        ] { try programs.importAtHub(sheet.0, college + "/" + sheet.1) }
        try programs.open()
        let link = try EmulatedLink(to: programs.port)
        defer { link.close() }
        var weights = Weights()
        var up = 0
        var down = 0
        for branch in try FileManager.default.contentsOfDirectory(atPath: college + "/checkins").sorted() {
            try programs.join(branch, as: branch, through: link.port)
            try programs.importSheets(sheets(of: branch, in: college), of: branch)
            try weights.add(journal: programs.data(branch))
            let before = link.counts.count
            let sync = try programs.sync(branch)
            guard sync.drained else { throw BenchError("\(branch) did not drain") }
            up += sync.bytesUp
            down += sync.bytesDown
            weights.add(link.counts.suffix(from: before).reduce(0) { $0 + $1.up })
        }
        let name = bench.college == nil ? "made-up fortnight" : "given fortnight"
        let each = Double(weights.checkIns)
        let floor = try JSONLines.xz(weights.lines) / each
        let unit = "bytes a check-in"
        try bench.add(
            Figure(
                "\(name), \(weights.checkIns) check-ins, all that goes up before TLS", unit: unit,
                [
                    Double(up) / each
                ]
            ).beside("xz -9e of them as JSON lines", [floor], [Double(up) / each]).atMost(8.5))
        try bench.add(
            Figure("\(name), with TLS and handshakes", unit: unit, [Double(weights.withTLS) / each]))
        try bench.add(Figure("\(name), downward before TLS", unit: unit, [Double(down) / each]))
        try bench.add(
            Figure(
                "\(name) in batches of 20, rows, heads, seals and frames", unit: unit,
                [
                    Double(weights.inTwenties) / each
                ]
            ).atMost(13))
        print(weights.table)
    }

    private static func made(_ programs: RealPrograms) throws -> String {
        let folder = programs.data("college")
        try programs.run("make-college", [folder, "--seed", "1"])
        return folder
    }

    private static func sheets(of branch: String, in college: String) throws -> [String] {
        let folder = college + "/checkins/" + branch
        let days = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let corrections = college + "/corrections/\(branch).csv"
        return days.map { folder + "/" + $0 }
            + (FileManager.default.fileExists(atPath: corrections) ? [corrections] : [])
    }

    // MARK: - 100,000 simpler ones

    /// Those of a file of JSON lines, or made-up ones of the same shape.
    private static func simple(_ bench: Bench) throws {
        let programs = try RealPrograms()
        let lines = try bench.checkIns.map { try JSONLines.read($0) } ?? SimpleCheckIns.lines()
        let sheets = try SimpleCheckIns.sheets(lines, in: programs.path)
        try programs.enterUnit()
        try programs.open()
        try programs.join("B01", as: "simple")
        try programs.importSheets(sheets, of: "simple")
        let queued = try programs.queued("routine", of: "simple")
        let sync = try programs.sync("simple")
        guard sync.drained, queued >= lines.count * 9 / 10 else {
            throw BenchError("of \(lines.count) check-ins \(queued) were queued")
        }
        let each = Double(sync.bytesUp) / Double(lines.count)
        let floor = try JSONLines.xz(lines) / Double(lines.count)
        try bench.add(
            Figure(
                "\(lines.count) simpler check-ins, all that goes up before TLS", unit: "bytes a check-in",
                [
                    each
                ]
            ).beside("xz -9e of them as JSON lines", [floor], [each]).atMost(6.5))
    }
}

/// Records as JSON lines, as somebody would send them who has no format of his own.
enum JSONLines {
    static func read(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Bytes that `xz -9e` leaves of them.
    static func xz(_ lines: [String]) throws -> Double {
        let path = NSTemporaryDirectory() + "lines-\(UUID().uuidString)"
        defer { for file in [path, path + ".xz"] { try? FileManager.default.removeItem(atPath: file) } }
        try lines.joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xz", "-9e", "-k", path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Skipped("there is no xz") }
        let size = try FileManager.default.attributesOfItem(atPath: path + ".xz")[.size] as? Int
        return Double(size ?? 0)
    }
}
