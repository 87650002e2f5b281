import Foundation
import SyncCore
import SyncTransport

/// The real hub as a program of its own, with everything on, over TLS on the loopback interface: four
/// branches sync a backlog at once. Their batches were made beforehand; what is measured is from the first
/// connection to the last receipt.
enum IngestLinkPart {
    private static let branches = 4
    private static let peopleOfABranch = 1_250
    private static let days = 20
    private static let rowsABatch = 1_000
    /// What stores durably at the hub and was measured on one core, on another day: records a second.
    private static let peers = [
        ("NATS JetStream, blobs of 200", 315_000.0), ("PostgreSQL, COPY and merge", 172_000.0),
        ("HTTPS with gzip into SQLite", 108_000.0),
    ]

    private static var count: Int { branches * peopleOfABranch * days }

    /// Hub and load on a core each: the hub's core is what is measured.
    static func twoCores(_ bench: Bench) async throws {
        guard ProcessInfo.processInfo.activeProcessorCount > 1 || bench.hubCore != nil else {
            throw Skipped("there is one core only")
        }
        let measured = try await measure(bench)
        try bench.add(
            Figure("hub over TLS, all features on", unit: "records/s", measured.hub)
                .beside("C upserts", measured.floor, measured.hub).atLeast(0.5, of: .ratio))
        if !measured.processor.isEmpty {
            try bench.add(Figure("the hub's processor time", unit: "ns a record", measured.processor))
        }
        try bench.add(Figure("bytes up, before TLS", unit: "bytes a record", measured.bytes))
    }

    /// Hub and load on the same core, as the script pins them.
    static func oneCore(_ bench: Bench) async throws {
        let measured = try await measure(bench)
        try bench.add(
            Figure("load and hub on one core", unit: "records/s", measured.hub)
                .beside("C upserts", measured.floor, measured.hub).atLeast(peers[0].1))
    }

    private struct Measured {
        var floor: [Double] = []
        var hub: [Double] = []
        var processor: [Double] = []
        var bytes: [Double] = []
    }

    private static func measure(_ bench: Bench) async throws -> Measured {
        let folder = try Bench.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = try HubProgram.freePort()
        let floor = Floor()
        let template = folder + "/template"
        let devices = try await prepare(template, port: port, floor)
        var measured = Measured()
        for run in 0...bench.runs {
            let least = try floor.run(rowsATransaction: 5_000, core: bench.hubCore)
            let data = folder + "/hub-\(run)"
            try FileManager.default.copyItem(atPath: template, toPath: data)
            let hub = try HubProgram(folder: data, port: port, core: bench.hubCore)
            defer { hub.stop() }
            let before = hub.processorSeconds
            let loads = devices.map { $0.copy() }
            let clock = ContinuousClock()
            let start = clock.now
            let bytes = try await sync(loads)
            let seconds = (clock.now - start) / .seconds(1)
            guard run > 0 else {
                hub.stop()
                try check(data)
                continue
            }
            measured.floor.append(least)
            measured.hub.append(Double(count) / seconds)
            measured.bytes.append(Double(bytes) / Double(count))
            if let before, let after = hub.processorSeconds {
                measured.processor.append((after - before) * 1e9 / Double(count))
            }
        }
        return measured
    }

    /// - Returns: bytes that went up.
    private static func sync(_ devices: [LoadDevice]) async throws -> UInt64 {
        let bytes = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for device in devices { group.addTask { try await device.sync().bytesUp } }
            return try await group.reduce(0, +)
        }
        guard devices.reduce(0, { $0 + Int($1.receipted) }) == count else {
            throw BenchError("not everything was receipted")
        }
        return bytes
    }

    /// A hub with its register, and branches that have joined and taken the register.
    private static func prepare(_ folder: String, port: Int, _ floor: Floor) async throws -> [LoadDevice] {
        try Programs.run("aggregator", "init", "--data", folder, "--name", "Bench")
        var units = "unit_id,unit_name\n"
        var people = "person_id,name,unit_id\n"
        for branch in 0..<branches {
            units += "B\(branch),Branch \(branch)\n"
            for person in range(branch) {
                people += "\(CheckIns.person(person)),Name \(person),B\(branch)\n"
            }
        }
        for (kind, text) in [("units", units), ("people", people)] {
            let sheet = folder + "-\(kind).csv"
            try text.write(toFile: sheet, atomically: true, encoding: .utf8)
            try Programs.run("aggregator", "import", kind, sheet, "--data", folder)
        }
        let hub = try HubProgram(folder: folder, port: port, core: nil)
        defer { hub.stop() }
        let today = Int32(Date().timeIntervalSince1970 / 86_400)
        let now = Milliseconds(today) * 86_400_000
        var devices: [LoadDevice] = []
        for branch in 0..<branches {
            let said = try Programs.run(
                "aggregator", "invite", "B\(branch)", "--trusted", "--address", "127.0.0.1:\(port)",
                "--data", folder)
            guard let code = said.split(whereSeparator: \.isWhitespace).first(where: { $0.hasPrefix("rc1-") })
            else { throw BenchError("no invitation: \(said)") }
            var checkIns = CheckIns(
                people: range(branch), firstDay: today - Int32(days) - 1, authored: now)
            let device = try await LoadDevice.join(code: String(code)) { key in
                var journal = Journal(key)
                for first in stride(from: 0, to: peopleOfABranch * days, by: rowsABatch) {
                    let versions = checkIns.versions(first..<(first + rowsABatch))
                    versions.forEach { floor.add($0) }
                    try journal.append(VersionColumns(versions))
                }
                return journal
            }
            _ = try await device.sync(isSending: false)
            devices.append(device)
        }
        return devices
    }

    private static func range(_ branch: Int) -> Range<Int> {
        (branch * peopleOfABranch)..<((branch + 1) * peopleOfABranch)
    }

    /// The board of a day in the middle must have everybody.
    private static func check(_ folder: String) throws {
        struct Board: Decodable {
            struct Line: Decodable { var checkedIn: Int }
            var units: [Line]
        }
        let day = Date().addingTimeInterval(-86_400 * Double(days / 2))
        let format = DateFormatter()
        format.dateFormat = "yyyy-MM-dd"
        format.timeZone = TimeZone(identifier: "UTC")
        let said = try Programs.run(
            "aggregator", "coverage", "--date", format.string(from: day), "--json", "--data", folder)
        let board = try JSONDecoder().decode(Board.self, from: Data(said.utf8))
        let checkedIn = board.units.reduce(0) { $0 + $1.checkedIn }
        guard checkedIn == branches * peopleOfABranch else {
            throw BenchError("\(checkedIn) are on the board instead of \(branches * peopleOfABranch)")
        }
    }
}
