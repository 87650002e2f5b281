import Foundation
import Testing

/// The made-up college of `make-college`: its sheets, and what the board must show in the end.
struct College {
    struct Figures: Hashable, Sendable {
        var register: Int
        var checkedIn: Int
        var missing: Int
        var excused: Int
        var late: Int
        var flagged: Int
    }

    let folder: String
    let story: [String: String]
    /// By day and branch.
    let expected: [String: [String: Figures]]

    var branches: [String] { words("branches").split(separator: " ").map(String.init) }
    var days: [String] { expected.keys.sorted() }
    func words(_ name: String) -> String { story[name] ?? "" }

    /// The fortnight ends yesterday, in the committee's zone, so that its records can still be corrected.
    static func make(in place: Place) async throws -> College {
        let folder = place.path("college")
        let yesterday = Date(timeIntervalSinceNow: (8 - 24) * 3_600).ISO8601Format().prefix(10)
        try await place.run("make-college", [folder, "--seed", "1", "--last-day", String(yesterday)])
        return try College(folder: folder)
    }

    private init(folder: String) throws {
        self.folder = folder
        var story: [String: String] = [:]
        for line in try College.lines(folder + "/story.txt") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { story[String(parts[0])] = String(parts[1]) }
        }
        self.story = story
        var expected: [String: [String: Figures]] = [:]
        for line in try College.lines(folder + "/expected.csv").dropFirst() {
            let cells = line.split(separator: ",").map(String.init)
            let numbers = cells.dropFirst(2).compactMap { Int($0) }
            try #require(numbers.count == 6)
            expected[cells[0], default: [:]][cells[1]] = Figures(
                register: numbers[0], checkedIn: numbers[1], missing: numbers[2], excused: numbers[3],
                late: numbers[4], flagged: numbers[5])
        }
        self.expected = expected
    }

    static func lines(_ path: String) throws -> [Substring] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    }

    func sheets(of branch: String) throws -> [String] {
        let checkIns = folder + "/checkins/\(branch)"
        let corrections = folder + "/corrections/\(branch).csv"
        let days = try FileManager.default.contentsOfDirectory(atPath: checkIns).sorted()
        return days.map { checkIns + "/" + $0 }
            + (FileManager.default.fileExists(atPath: corrections) ? [corrections] : [])
    }
}

/// `aggregator coverage --json`, as far as it is compared.
struct Board: Decodable {
    struct Line: Decodable {
        var unit: String
        var register: Int
        var checkedIn: Int
        var missing: Int
        var excused: Int
        var late: Int
        var flagged: Int

        var figures: College.Figures {
            College.Figures(
                register: register, checkedIn: checkedIn, missing: missing, excused: excused, late: late,
                flagged: flagged)
        }
    }

    var units: [Line]
}

/// `import --json`.
struct ImportCounts: Decodable, Hashable {
    var records: Int
    var accepted: Int
    var unchanged: Int
    var rejected: Int
    var blank: Int
}

/// `branch-agent status --json`.
struct BranchStatus: Decodable {
    struct Counts: Decodable {
        var versions: Int
        var queued: Int
        var receipted: Int

        private enum CodingKeys: String, CodingKey {
            case versions
            case queued = "recordsQueued"
            case receipted = "recordsReceipted"
        }
    }

    var lanes: [String: Counts]
    var lastFailure: String?
    var disk: String
    var lastContact: String?

    var queued: Int { lanes.values.reduce(0) { $0 + $1.queued } }
    var receipted: Int { lanes.values.reduce(0) { $0 + $1.receipted } }
    var versions: Int { lanes.values.reduce(0) { $0 + $1.versions } }
}

/// `branch-agent sync --json`.
struct SyncCounts: Decodable {
    var drained: Bool
    var sessions: Int
    var receipted: Int
    var queued: Int
}
