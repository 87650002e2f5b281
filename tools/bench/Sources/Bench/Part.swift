import Foundation

/// A part of the measurements, by its name on the command line.
struct Part: Sendable {
    let name: String
    let words: String
    let run: @Sendable (Bench) async throws -> Void

    /// In the order in which `run` does them all.
    static let all = [
        Part(
            name: "codec", words: "rows to bytes and back, version vectors, digests, deflate",
            run: { try CodecPart.run($0) }),
        Part(
            name: "ingest", words: "the hub's store in process, beside a C program's upserts",
            run: { try IngestPart.run($0) }),
        Part(
            name: "ingest-tls", words: "the real hub over TLS, hub and load on a core each",
            run: { try await IngestLinkPart.twoCores($0) }),
        Part(
            name: "ingest-tls-one-core", words: "the same, hub and load on one core",
            run: { try await IngestLinkPart.oneCore($0) }),
        Part(
            name: "crowd", words: "ten thousand branches that come back within ten seconds, and idle ones",
            run: { try await CrowdPart.run($0) }),
        Part(
            name: "branch", words: "one entry at a branch, and its program while nothing happens",
            run: { try BranchPart.run($0) }),
        Part(
            name: "growth", words: "ten million check-ins in one store: speed, size, the board of a day",
            run: { try GrowthPart.run($0) }),
        Part(
            name: "bytes", words: "what check-ins weigh on the line, and where the bytes go",
            run: { try BytesPart.run($0) }),
        Part(
            name: "link", words: "alerts and backlogs over bad links",
            run: { try LinkPart.run($0) }),
    ]
}

/// What a part is given.
struct Bench {
    let part: String
    /// Runs of each figure.
    let runs: Int
    /// The core that a hub of its own process is pinned to; nil leaves it to the system.
    let hubCore: Int?
    let report: Report
    /// The folder of a college as `make-college` makes it; nil for one that is made up.
    let college: String?
    /// A file of simple check-ins as JSON lines; nil for made-up ones.
    let checkIns: String?

    func add(_ figure: Figure) throws { try report.add(figure, of: part) }

    /// Seconds that `body` takes.
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        try body()
        return (clock.now - start) / .seconds(1)
    }

    /// Runs all `bodies` in turn, each as often as there are runs: what each gives, by body. A first round
    /// that warms caches up does not count.
    func inTurn(_ bodies: [() throws -> Double]) throws -> [[Double]] {
        var values = [[Double]](repeating: [], count: bodies.count)
        for run in 0...runs {
            for (index, body) in bodies.enumerated() {
                let value = try body()
                if run > 0 { values[index].append(value) }
            }
        }
        return values
    }

    /// A folder of its own, gone afterwards.
    static func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    static func makeFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("rollcall-bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }
}
