import Foundation
import LinkKit
import Testing

/// A hub and the programs of its branches, all in one folder. Many tasks may act for branches at a time; one
/// opens and closes the hub.
class Hub: @unchecked Sendable {
    let place: Place
    let port: UInt16
    private var server: Running?
    private var logs = ""

    /// Bytes that no hub may ever take; one that was built with a sanitizer takes several times as much.
    static let memoryLimit =
        ["ASAN_OPTIONS", "TSAN_OPTIONS"].allSatisfy { ProcessInfo.processInfo.environment[$0] == nil }
        ? 256 << 20 : 1_024 << 20

    /// Makes the hub; its register is empty.
    ///
    /// - Parameter settings: as `NAME=VALUE`.
    init(in place: Place, name: String, settings: [String] = []) async throws {
        self.place = place
        port = try Loopback.freePort()
        let set = settings.flatMap { ["--set", $0] }
        try await place.run("aggregator", ["init", "--name", name, "--data", place.path("hub")] + set)
    }

    // MARK: - The hub

    @discardableResult func hub(
        _ arguments: String..., expecting codes: Set<Int32> = [0],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await place.run(
            "aggregator", arguments + ["--data", place.path("hub")], expecting: codes, at: location)
    }

    /// Everything of a form, unmasked.
    func export(
        _ arguments: String..., expecting codes: Set<Int32> = [0],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await place.run(
            "aggregator",
            ["export"] + arguments + ["--unmask", "--reason", "a test", "--data", place.path("hub")],
            expecting: codes, at: location)
    }

    /// Starts `serve`, and returns once it listens.
    ///
    /// - Parameter plant: what is planted in a debug build, see `TrapPlant`.
    /// - Parameter prefix: what it is run through.
    func open(
        more arguments: [String] = [], plant: String = "", at clock: FalseClock? = nil
    ) async throws {
        var environment = clock?.environment ?? [:]
        if !plant.isEmpty {
            environment["ROLLCALL_PLANT"] = plant
            // A backtrace takes seconds, and there are many deaths.
            environment["SWIFT_BACKTRACE"] = "enable=no"
        }
        let server = try place.start(
            "aggregator",
            ["serve", "--data", place.path("hub"), "--listen", "127.0.0.1:\(port)"] + arguments,
            environment: environment)
        self.server = server
        let listens = try await eventually {
            if !server.isRunning { return true }
            return server.remarks.contains("listening on")
        }
        // One with a planted trap may have died again by now.
        try #require(
            listens && server.remarks.contains("listening on"), "the hub does not come up: \(server.remarks)")
    }

    /// The most memory that one process of this hub has had at one time, bytes.
    private(set) var peakMemory = 0

    private func notePeakMemory() {
        peakMemory = max(peakMemory, server?.peakMemory ?? 0)
        #expect(peakMemory < Hub.memoryLimit)
    }

    /// Bytes and sockets that `serve` has now.
    var memory: Int { server?.memory ?? 0 }
    var sockets: Int { server?.sockets ?? 0 }

    var isServing: Bool { server?.isRunning ?? false }

    /// Waits for a `serve` that is dying; keeps what it logged.
    ///
    /// - Returns: how it ended.
    func fallen() async throws -> Int32 {
        let outcome = try await server?.end()
        server = nil
        logs += outcome?.remarks ?? ""
        return outcome?.code ?? 0
    }

    /// SIGKILL, and up again at once on the same port.
    func killAndOpen() async throws {
        notePeakMemory()
        server?.kill()
        try await close()
        try await open()
    }

    /// SIGKILL; what it logged is kept with ``close()``.
    func kill() { server?.kill() }

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

    @discardableResult func sync(_ name: String, expecting codes: Set<Int32> = [0]) async throws -> SyncCounts
    {
        try await branch(name, "sync", "--json", expecting: codes).json()
    }

    func status(_ name: String) async throws -> BranchStatus {
        try await branch(name, "status", "--json").json()
    }
}
