import Foundation
import Testing

/// A hub with the college's register, and the programs of its branches, all in one folder.
final class Centre {
    let place: Place
    let college: College
    let port: UInt16
    private var server: Running?
    private var logs = ""

    /// Makes the hub and imports its four sheets.
    init() async throws {
        place = try Place()
        college = try await College.make(in: place)
        port = try Loopback.freePort()
        try await hub("init", "--name", "Test college")
        for sheet in Centre.sheets { try await hub("import", sheet.kind, college.folder + "/" + sheet.file) }
    }

    static let sheets = [
        (kind: "units", file: "units.csv"), (kind: "people", file: "people.csv"),
        (kind: "register-changes", file: "register_changes.csv"), (kind: "excused", file: "excused.csv"),
    ]

    // MARK: - The hub

    @discardableResult func hub(
        _ arguments: String..., expecting codes: Set<Int32> = [0],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await place.run(
            "aggregator", arguments + ["--data", place.path("hub")], expecting: codes, at: location)
    }

    /// Starts `serve`, and returns once it listens.
    func open() async throws {
        let server = try place.start(
            "aggregator", ["serve", "--data", place.path("hub"), "--listen", "127.0.0.1:\(port)"])
        self.server = server
        let listens = try await eventually {
            if !server.isRunning { return true }
            return server.remarks.contains("listening on")
        }
        try #require(listens && server.isRunning, "the hub does not come up: \(server.remarks)")
    }

    /// The most memory that a hub of this test has had at one time, bytes; at most 256 MB is promised.
    private(set) var peakMemory = 0

    func notePeakMemory() { peakMemory = max(peakMemory, server?.peakMemory ?? 0) }

    /// SIGKILL, and up again at once on the same port.
    func killAndOpen() async throws {
        notePeakMemory()
        server?.kill()
        try await close()
        try await open()
    }

    /// Ends `serve`; keeps what it logged.
    func close() async throws {
        notePeakMemory()
        guard let server else { return }
        self.server = nil
        logs += try await server.stop().remarks
    }

    /// Everything that `serve` has logged.
    var log: String { logs + (server?.remarks ?? "") }

    // MARK: - Branches

    func data(_ name: String) -> String { place.path("branch-" + name) }

    @discardableResult func branch(
        _ name: String, _ arguments: String..., expecting codes: Set<Int32> = [0],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await place.run(
            "branch-agent", arguments + ["--data", data(name)], expecting: codes, at: location)
    }

    func start(_ name: String, _ arguments: String...) throws -> Running {
        try place.start("branch-agent", arguments + ["--data", data(name)])
    }

    func invite(_ unit: String, trusted: Bool = true, through port: UInt16? = nil) async throws -> String {
        let arguments = ["invite", unit, "--address", "127.0.0.1:\(port ?? self.port)"]
        let outcome = try await place.run(
            "aggregator", arguments + (trusted ? ["--trusted"] : []) + ["--data", place.path("hub")])
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// Invites and joins a device of `unit`, which goes by `name`.
    func join(_ unit: String, as name: String? = nil, through port: UInt16? = nil) async throws {
        try await branch(name ?? unit, "join", try await invite(unit, through: port))
    }

    /// Imports the fortnight; only one branch has rows that must be refused.
    @discardableResult func importSheets(of unit: String, as name: String? = nil) async throws -> ImportCounts
    {
        let isRefused = unit == college.words("refused_branch")
        let arguments = ["import", "check-in"] + (try college.sheets(of: unit))
        let outcome = try await place.run(
            "branch-agent", arguments + ["--data", data(name ?? unit), "--json"],
            expecting: [isRefused ? 1 : 0])
        return try outcome.json()
    }

    func sync(_ name: String, expecting codes: Set<Int32> = [0]) async throws -> SyncCounts {
        try await branch(name, "sync", "--json", expecting: codes).json()
    }

    func status(_ name: String) async throws -> BranchStatus {
        try await branch(name, "status", "--json").json()
    }

    // MARK: - The board

    func board(_ day: String) async throws -> [String: College.Figures] {
        let board: Board = try await hub("coverage", "--date", day, "--json").json()
        return Dictionary(uniqueKeysWithValues: board.units.map { ($0.unit, $0.figures) })
    }

    /// Compares all days of the branches with what the college says.
    ///
    /// - Parameter isMistyped: the record that the story mistypes has not been corrected yet.
    func expectBoards(of branches: [String], isMistyped: Bool) async throws {
        for day in college.days {
            let board = try await board(day)
            for branch in branches {
                var wanted = try #require(college.expected[day]?[branch])
                if isMistyped, day == college.words("last_day"), branch == college.words("mistyped_branch") {
                    wanted.flagged += 1
                }
                #expect(board[branch] == wanted, "\(branch) on \(day)")
            }
        }
    }

    func correctWhatWasMistyped() async throws {
        try await branch(
            college.words("mistyped_branch"), "add", "check-in", "day=" + college.words("last_day"),
            "person=" + college.words("mistyped_person"), "temperature=" + college.words("mistyped_for"))
    }
}
