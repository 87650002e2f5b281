import Foundation
import LinkKit

/// How long it takes over bad links: the real programs, over an emulated one. Times are from when the branch
/// connects until it has all receipts and says goodbye.
enum LinkPart {
    static func run(_ bench: Bench) throws {
        let world = try LinkWorld()
        try loneAlert(bench, world)
        try slowAlert(bench, world)
        try backlogs(bench, world)
    }

    /// From TCP's first byte until the branch has its receipt and says goodbye; one alert and the check-in
    /// behind it.
    private static func loneAlert(_ bench: Bench, _ world: LinkWorld) throws {
        var trips: [Double] = []
        var bytes: [Double] = []
        var tickets: [Double] = []
        for _ in 0..<bench.runs {
            let near = try world.alert(over: .plain)
            let far = try world.alert(over: LinkProfile(roundTrip: 400))
            trips.append((Double(far.lastUp) - Double(near.lastUp)) / 400_000)
            let records = TLSRecords(of: far.beginnings[1])
            tickets.append(Double(records.tickets))
            bytes.append(Double(far.up + far.down - records.tickets))
        }
        try bench.add(
            Figure("a lone alert: round trips from SYN to its receipt", unit: "round trips", trips)
                .atMost(3))
        try bench.add(
            Figure(
                "a lone alert: the whole session both ways, TLS included, without tickets", unit: "bytes",
                bytes
            )
            .atMost(2_200))
        try bench.add(Figure("a lone alert: TLS's tickets", unit: "bytes", tickets))
    }

    private static func slowAlert(_ bench: Bench, _ world: LinkWorld) throws {
        let seconds = try (0..<bench.runs).map { _ in Double(try world.alert(over: .slow).lastUp) / 1e6 }
        try bench.add(Figure("a lone alert at 64 kbit/s and 600 ms", unit: "s", seconds).atMost(3))
    }

    private static func backlogs(_ bench: Bench, _ world: LinkWorld) throws {
        for (name, profile, trips) in [
            ("64 kbit/s and 600 ms", LinkProfile.slow, 0.6), ("3 s there and back", .far, 3),
            ("1 Mbit/s and 150 ms, 2 % lost", .lossy, 0.15),
        ] {
            let run = try world.backlog(2_000, over: profile)
            let least = Double(run.bytes) / Double(profile.rate ?? 1) + 3 * trips
            let figure = Figure("2,000 check-ins at \(name)", unit: "s", [run.seconds])
                .beside("their bytes at the line's rate and three round trips", [least], [run.seconds])
            try bench.add(profile == .slow ? figure.atMost(1.3, of: .ratio) : figure)
        }
        try bench.add(
            Figure(
                "an alert behind 10,000 check-ins that are on their way at 64 kbit/s", unit: "s",
                [
                    try world.alertBehind(10_000)
                ]
            ).atMost(5))
        try bench.add(
            Figure(
                "an alert over a link that is there 1.5 of 75 s, the branch comes by itself", unit: "s",
                [
                    try world.alertSeldom()
                ]))
    }
}

/// A hub with a small register, and links to it.
final class LinkWorld {
    private let programs: RealPrograms
    private var number = 0

    init() throws {
        programs = try RealPrograms()
        try programs.enterUnit()
        try programs.enterPeople((0..<200).map { "2018\(100_000 + $0)" })
        try programs.open()
    }

    /// A branch that has been at the hub before.
    private func branch(over profile: LinkProfile) throws -> (name: String, link: EmulatedLink) {
        number += 1
        let name = "branch-\(number)"
        let link = try EmulatedLink(to: programs.port, profile: profile)
        try programs.join("B01", as: name)
        _ = try programs.sync(name)
        try programs.reroute(name, to: link.port)
        return (name, link)
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        try Bench.seconds(body)
    }

    func alert(over profile: LinkProfile) throws -> EmulatedLink.Count {
        let (name, link) = try branch(over: profile)
        defer { link.close() }
        try programs.add(["check-in", "person=2018100001", "temperature=38.6"], to: name)
        _ = try programs.sync(name)
        guard let count = link.counts.last else { throw BenchError("nothing went over the link") }
        return count
    }

    func backlog(_ count: Int, over profile: LinkProfile) throws -> (seconds: Double, bytes: Int) {
        let (name, link) = try branch(over: profile)
        defer { link.close() }
        try programs.importSheets([try sheet(count)], of: name)
        let bytes = try programs.sync(name).bytesUp
        return (Double(link.counts.last?.lastUp ?? 0) / 1e6, bytes)
    }

    /// Seconds from an entry that raises an alert to its receipt, where there is hardly ever a link.
    func alertSeldom() throws -> Double {
        number += 1
        let name = "branch-\(number)"
        try programs.join("B01", as: name)
        _ = try programs.sync(name)
        let link = try EmulatedLink(to: programs.port, profile: .seldom)
        defer { link.close() }
        try programs.reroute(name, to: link.port)
        // The link is there when it is made; what is measured begins when it has gone.
        sleep(2)
        let agent = try programs.start(
            "branch-agent", ["serve", "--data", programs.data(name)], output: programs.path + "/" + name)
        defer { agent.terminate() }
        try programs.add(["check-in", "person=SELDOM\(number)", "temperature=38.6"], to: name)
        let end = ContinuousClock.now + .seconds(300)
        return try seconds {
            while try programs.queued("urgent", of: name) > 0 {
                guard ContinuousClock.now < end else { throw Skipped("no alert came through in 300 s") }
                usleep(100_000)
            }
        }
    }

    /// Seconds from an entry that raises an alert to its receipt, while a backlog is being sent.
    func alertBehind(_ count: Int) throws -> Double {
        let (name, link) = try branch(over: .slow)
        defer { link.close() }
        try programs.importSheets([try sheet(count)], of: name)
        let agent = try programs.start(
            "branch-agent", ["serve", "--data", programs.data(name)], output: programs.path + "/" + name)
        defer { agent.terminate() }
        let end = ContinuousClock.now + .seconds(60)
        while try programs.queued("routine", of: name) > count - 800, ContinuousClock.now < end {
            usleep(50_000)
        }
        try programs.add(["check-in", "person=BEHIND\(number)", "temperature=38.6"], to: name)
        return try seconds {
            while try programs.queued("urgent", of: name) > 0, ContinuousClock.now < end { usleep(10_000) }
        }
    }

    /// A sheet of today's and earlier days' check-ins.
    private func sheet(_ count: Int) throws -> String {
        var random = BenchRandom(state: UInt64(count))
        var text = "person_id,check_date,recorded_at,temperature,region_code,device_id\n"
        let today = Int(Date.now.timeIntervalSince1970) / 86_400
        let people = (0..<200).map { person in
            (
                id: "2018\(100_000 + person)", region: "33\(1_000 + person % 90)",
                device: "ph-\(person * 7_919 % 65_536)"
            )
        }
        for number in 0..<count {
            let person = people[number % people.count]
            let date = Date(timeIntervalSince1970: Double(today - 2 - number / people.count % 50) * 86_400)
            let day = date.ISO8601Format().prefix(10)
            let second = number % people.count * 120 + Int.random(in: 0..<120, using: &random)
            let time = String(format: "%02d:%02d:%02d", 6 + second / 3_600, second / 60 % 60, second % 60)
            let degrees = String(format: "36.%d", Int.random(in: 0...9, using: &random))
            text += "\(person.id),\(day),\(day) \(time),\(degrees),\(person.region),\(person.device)\n"
        }
        let path = programs.path + "/sheet-\(UUID().uuidString).csv"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }
}

/// The records of TLS in what a hub sends first.
struct TLSRecords {
    private(set) var lengths: [(type: UInt8, bytes: Int)] = []

    init(of bytes: [UInt8]) {
        var at = 0
        while at + 5 <= bytes.count {
            let length = Int(bytes[at + 3]) << 8 | Int(bytes[at + 4])
            lengths.append((bytes[at], length + 5))
            at += 5 + length
        }
    }

    /// Bytes of the two session tickets that the TLS library always sends, alike in size. Nobody uses them.
    var tickets: Int {
        let protected = lengths.filter { $0.type == 23 }
        for (one, other) in zip(protected, protected.dropFirst())
        where one.bytes == other.bytes && one.bytes > 180 { return one.bytes + other.bytes }
        // Both in one record.
        return protected.first { (850...1_024).contains($0.bytes) }?.bytes ?? 0
    }
}
