import Foundation
import SyncCore
import SyncStore
import SyncTransport

/// Years in a store: 500 branches of 200 people check in for 100 days, a batch a branch and day. The first
/// million and the last are compared; making the batches does not count.
enum GrowthPart {
    private static let branches = 500
    private static let peopleOfABranch = 200
    private static let days = 100
    private static let batchesATransaction = 25
    private static let firstDay: Int32 = 18_290

    private struct Branch {
        var journal: Journal
        let session: SessionRef
        var day: BranchDay
    }

    static func run(_ bench: Bench) throws {
        try Bench.inFolder { folder in
            let units = (0..<branches).map { branch in
                (name: "B\(branch)", people: (branch * peopleOfABranch)..<((branch + 1) * peopleOfABranch))
            }
            let hub = try BenchStore(folder: folder, units: units)
            var members = try units.enumerated().map { index, unit in
                let journal = Journal(.generate())
                return Branch(
                    journal: journal,
                    session: try hub.admit(journal, unit: unit.name, number: UInt64(index + 1)),
                    day: BranchDay(people: unit.people, day: firstDay))
            }
            let before = try size(of: folder)
            let million = days / 10
            var seconds = [Double](repeating: 0, count: days)
            for day in 0..<days { seconds[day] = try take(day, &members, hub) }
            let rates = [seconds.prefix(million), seconds.suffix(million)].map {
                Double(branches * peopleOfABranch * million) / $0.reduce(0, +)
            }
            let count = Double(branches * peopleOfABranch * days)
            try bench.add(
                Figure("the last million of ten, beside the first", unit: "records/s", [rates[1]])
                    .beside("the first million", [rates[0]], [rates[1]]).atLeast(0.75, of: .ratio))
            let bytes = Double(try size(of: folder) - before) / count
            try bench.add(Figure("the store with its journal", unit: "bytes a record", [bytes]).atMost(120))
            try coverage(bench, hub)
        }
    }

    /// - Returns: seconds that the store took.
    private static func take(_ day: Int, _ members: inout [Branch], _ hub: BenchStore) throws -> Double {
        var seconds = 0.0
        for first in stride(from: 0, to: branches, by: batchesATransaction) {
            var work: [(session: SessionRef, batch: VersionBatch)] = []
            for index in first..<(first + batchesATransaction) {
                let rows = members[index].day.next()
                work.append((members[index].session, try members[index].journal.next(rows)))
            }
            seconds += try Bench.seconds { try hub.take(work) }
        }
        return seconds
    }

    /// The board and the counters of some days, the first and the last among them.
    private static func coverage(_ bench: Bench, _ hub: BenchStore) throws {
        var boards: [Double] = []
        var counters: [Double] = []
        for day in stride(from: 0, to: days, by: 11) {
            let date = firstDay + Int32(day)
            boards.append(
                try Bench.seconds {
                    let board = try hub.store.coverage(of: date)
                    guard board.lines.reduce(0, { $0 + $1.checkedIn }) == branches * peopleOfABranch else {
                        throw BenchError("the board of day \(day) lacks somebody")
                    }
                } * 1_000)
            counters.append(
                try Bench.seconds {
                    let checkedIn = try hub.store.coverageCounters(of: date).reduce(0) { $0 + $1.checkedIn }
                    guard checkedIn == branches * peopleOfABranch else {
                        throw BenchError("the counters of day \(day) lack somebody")
                    }
                } * 1_000)
        }
        try bench.add(
            Figure(
                "the board of a day with its names, slowest of \(boards.count)", unit: "ms",
                [boards.max() ?? 0]
            )
            .atMost(200))
        try bench.add(
            Figure("the counters of a day, slowest of \(counters.count)", unit: "ms", [counters.max() ?? 0])
                .atMost(200))
    }

    private static func size(of folder: String) throws -> Int {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/hub")
        return try files.filter { $0.contains("sqlite") }.reduce(0) { sum, file in
            let facts = try FileManager.default.attributesOfItem(atPath: folder + "/hub/" + file)
            return sum + ((facts[.size] as? Int) ?? 0)
        }
    }
}

/// The check-ins of a branch, made once and changed from day to day.
struct BranchDay {
    private var rows: VersionColumns
    private var random: BenchRandom
    private var isFirst = true

    init(people: Range<Int>, day: Int32) {
        var checkIns = CheckIns(
            people: people, firstDay: day, authored: Milliseconds(day) * 86_400_000 + 50_400_000)
        rows = VersionColumns(checkIns.versions(0..<people.count))
        random = BenchRandom(state: UInt64(people.lowerBound) + 9)
    }

    mutating func next() -> VersionColumns {
        guard !isFirst else {
            isFirst = false
            return rows
        }
        let day: Milliseconds = 86_400_000
        for row in 0..<rows.count {
            rows.authored[row] += day
            rows.stated[row] += day
            rows.firstCreated[row] += day
            rows.groups[0].keys[0].integers[row] += 1
            rows.groups[0].fields[0].integers[row] = .random(in: 3_600...3_720, using: &random)
        }
        return rows
    }
}
