import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// A whole organisation at one hub: ten thousand branches that have joined come back within ten seconds,
/// each with twenty check-ins, one in ten with a fever and its alert; and a thousand that stay with nothing
/// to say.
/// The branches are in this process, their sessions are real.
enum CrowdPart {
    private static let units = 500
    private static let devicesOfAUnit = 20
    private static let peopleOfAUnit = 40
    private static let checkIns = 20
    private static let secondsToReturn = 10.0
    private static let idle = 1_000
    /// Sessions at once while the register is handed out beforehand.
    private static let atOnce = 16

    private static var devices: Int { units * devicesOfAUnit }

    static func run(_ bench: Bench) async throws {
        guard Descriptors.raise() >= devices + 1_000 else {
            throw Skipped("a process may not have \(devices) connections here (ulimit -n)")
        }
        let folder = try Bench.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = try HubProgram.freePort()
        let template = folder + "/template"
        let members = try await prepare(template, port: port, core: bench.hubCore)
        var crowds: [Crowd] = []
        // A run takes half a minute.
        for run in 0..<min(3, bench.runs) {
            let data = folder + "/hub-\(run)"
            try FileManager.default.copyItem(atPath: template, toPath: data)
            defer { try? FileManager.default.removeItem(atPath: data) }
            crowds.append(try await comeBack(members.map { $0.copy() }, data, port, bench.hubCore))
        }
        try report(crowds, to: bench)
        try await stay(bench, Array(members.prefix(idle)), template, port)
    }

    // MARK: - All at once

    private struct Crowd {
        /// Seconds until the last alert, and the last record, was receipted.
        var alerts = 0.0
        var all = 0.0
        /// Sessions that had to be tried again.
        var again = 0
        var mostMemory = 0.0
        var processor = 0.0
    }

    private static func comeBack(
        _ members: [LoadDevice], _ data: String, _ port: Int, _ core: Int?
    ) async throws -> Crowd {
        let hub = try HubProgram(folder: data, port: port, core: core)
        defer { hub.stop() }
        let before = hub.processorSeconds ?? 0
        let start = ContinuousClock.now
        let again = try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, member) in members.enumerated() {
                let begins = start + .seconds(secondsToReturn * Double(number) / Double(members.count))
                group.addTask { try await sync(member, from: begins) }
            }
            return try await group.reduce(0, +)
        }
        var crowd = Crowd()
        crowd.all = (ContinuousClock.now - start) / .seconds(1)
        crowd.alerts = members.compactMap(\.urgentAt).map { ($0 - start) / .seconds(1) }.max() ?? 0
        crowd.again = again
        crowd.mostMemory = hub.memory?.most ?? 0
        crowd.processor = (hub.processorSeconds ?? 0) - before
        guard members.allSatisfy(\.isDone) else { throw BenchError("not everything was receipted") }
        return crowd
    }

    /// As a branch does it that is told to come again later.
    ///
    /// - Returns: how often it had to be tried again.
    private static func sync(_ member: LoadDevice, from begins: ContinuousClock.Instant) async throws -> Int {
        try await Task.sleep(until: begins, clock: .continuous)
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        for tries in 0..<20 {
            do {
                _ = try await member.sync()
                return tries
            } catch {
                if tries == 19 { throw error }
                let asked = (error as? LoadDevice.EndedOtherwise)?.retryAfter ?? 0
                let wait = backoff.failed(retryAfter: asked, using: &generator)
                try await Task.sleep(for: .milliseconds(Int(asked > 0 ? wait : min(2_000, wait))))
            }
        }
        return 20
    }

    private static func report(_ crowds: [Crowd], to bench: Bench) throws {
        let name = "\(devices) branches within \(Int(secondsToReturn)) s"
        try bench.add(
            Figure("\(name): the last record is receipted", unit: "s", crowds.map(\.all)).atMost(60))
        try bench.add(Figure("\(name): the last alert is receipted", unit: "s", crowds.map(\.alerts)))
        try bench.add(
            Figure("\(name): sessions tried again", unit: "sessions", crowds.map { Double($0.again) })
                .atMost(0))
        try bench.add(
            Figure("\(name): the hub's memory", unit: "MB", crowds.map { $0.mostMemory / 1e6 }).atMost(1_000))
        try bench.add(
            Figure(
                "\(name): the hub's processor time", unit: "ms a branch",
                crowds.map { $0.processor * 1_000 / Double(devices) }))
    }

    // MARK: - Idle ones

    private static func stay(
        _ bench: Bench, _ members: [LoadDevice], _ data: String, _ port: Int
    ) async throws {
        let hub = try HubProgram(folder: data, port: port, core: bench.hubCore)
        defer { hub.stop() }
        guard let before = hub.memory?.now else {
            throw Skipped("the system does not say what memory it takes")
        }
        let opened = Counter()
        let sessions = members.enumerated().map { number, member in
            Task {
                // Whoever makes way at the door comes again.
                while !Task.isCancelled {
                    try? await member.stay { opened.add(number) }
                    try? await Task.sleep(for: .milliseconds(500))
                }
            }
        }
        defer { sessions.forEach { $0.cancel() } }
        let end = ContinuousClock.now + .seconds(60)
        while opened.value < members.count, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        guard opened.value == members.count else { throw BenchError("\(opened.value) came, not all") }
        // Until nothing changes any more.
        var last = 0.0
        while let now = hub.memory?.now, now != last, ContinuousClock.now < end {
            last = now
            try await Task.sleep(for: .seconds(2))
        }
        try bench.add(
            Figure(
                "\(members.count) idle connections: the hub's memory beyond before", unit: "MB",
                [
                    (last - before) / 1e6
                ]
            ).atMost(75))
        try bench.add(Figure("the same, all of the hub's memory", unit: "MB", [last / 1e6]))
    }

    private final class Counter: Sendable {
        private let members = Mutex<Set<Int>>([])
        func add(_ member: Int) { members.withLock { _ = $0.insert(member) } }
        var value: Int { members.withLock { $0.count } }
    }

    // MARK: - Beforehand

    /// A hub with its register and its devices, each of which has taken what concerns it.
    private static func prepare(_ folder: String, port: Int, core: Int?) async throws -> [LoadDevice] {
        try Programs.run("aggregator", "init", "--data", folder, "--name", "Bench")
        var unitSheet = "unit_id,unit_name\n"
        var people = "person_id,name,unit_id\n"
        for unit in 0..<units {
            unitSheet += "B\(unit),Branch \(unit)\n"
            for person in range(unit) {
                people += "\(CheckIns.person(person)),Name \(person),B\(unit)\n"
            }
        }
        for (kind, text) in [("units", unitSheet), ("people", people)] {
            let sheet = folder + "-\(kind).csv"
            try text.write(toFile: sheet, atomically: true, encoding: .utf8)
            try Programs.run("aggregator", "import", kind, sheet, "--data", folder)
        }
        let members = try admit(to: folder, port: port)
        let hub = try HubProgram(folder: folder, port: port, core: core)
        defer { hub.stop() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, member) in members.enumerated() {
                if number >= atOnce { try await group.next() }
                group.addTask { _ = try await member.sync(isSending: false) }
            }
            try await group.waitForAll()
        }
        return members
    }

    /// Enters the devices into the hub's store as joining does, without ten thousand invitations by hand.
    private static func admit(to folder: String, port: Int) throws -> [LoadDevice] {
        let hub = try DeviceKey.load(from: folder + "/hub.key")
        let means = HubMeans(
            hashing: .sha256, verifying: .p256, signing: Signing(hub), zone: LocalZone.named,
            random: Token16.random)
        let store = try SQLiteHubStore(folder: folder, means: means)
        let now = Milliseconds(Date().timeIntervalSince1970 * 1_000)
        let address = HostPort("127.0.0.1:\(port)")
        return try (0..<devices).map { number in
            guard let address else { throw BenchError("no address") }
            let key = DeviceKey.generate()
            let secret = Token16.random()
            let replica = Token16.random()
            let unit = number / devicesOfAUnit
            try store.invite(
                Invitation(
                    secretHash: Hashing.sha256(secret.bytes), unit: "B\(unit)", isTrusted: true,
                    expires: now + 86_400_000), now: now)
            _ = try store.join(
                Join(secret: secret, replica: replica, label: "bench", clock: now), publicKey: key.publicKey,
                now: now
            ).get()
            let (routine, urgent) = try journals(of: number, key, now: now)
            return LoadDevice(
                key: key, hub: .key(hub.fingerprint), address: address, replica: replica, routine: routine,
                urgent: urgent)
        }
    }

    /// Half of a unit's people on a day of its own; every tenth device has a fever among them.
    private static func journals(
        of number: Int, _ key: DeviceKey, now: Milliseconds
    ) throws -> (routine: Journal, urgent: Journal) {
        let own = number % devicesOfAUnit
        let first = range(number / devicesOfAUnit).lowerBound + own % 2 * checkIns
        let today = Int32(now / 86_400_000)
        var made = CheckIns(
            people: first..<(first + checkIns), firstDay: today - 1 - Int32(own / 2), authored: now)
        var routine = Journal(key)
        var versions = made.versions(0..<checkIns)
        // A sign of illness never comes without its alert.
        for row in versions.indices {
            for field in versions[row].assignments.indices where isSign(versions[row].assignments[field]) {
                versions[row].assignments[field].value = .boolean(false)
            }
        }
        var urgent = Journal(key, lane: .urgent)
        if number % 10 == 0, var fever = versions.popLast() {
            fever.assignments[0].value = .decimal(unscaled: 3_860, scale: 2)
            try urgent.append(VersionColumns([fever, CheckIns.alert(for: fever)]))
        }
        try routine.append(VersionColumns(versions))
        return (routine, urgent)
    }

    private static func isSign(_ assignment: Assignment) -> Bool { assignment.value == .boolean(true) }

    private static func range(_ unit: Int) -> Range<Int> {
        (unit * peopleOfAUnit)..<((unit + 1) * peopleOfAUnit)
    }
}
