import SyncCore
import SyncTransport

/// Ingest of synthetic check-ins through the hub's store, with everything on, against a C program that does
/// the same upserts into the same table, in turn.
enum IngestPart {
    private static let count = 100_000
    private static let people = 5_000
    private static let rowsABatch = 1_000
    private static let batchesATransaction = 5
    private static let day: Int32 = 18_290

    static func run(_ bench: Bench) throws {
        var checkIns = CheckIns(
            people: 0..<people, firstDay: day, authored: Milliseconds(day + 40) * 86_400_000)
        var journal = Journal(.generate())
        let floor = Floor()
        for first in stride(from: 0, to: count, by: rowsABatch) {
            let versions = checkIns.versions(first..<(first + rowsABatch))
            versions.forEach { floor.add($0) }
            try journal.append(VersionColumns(versions))
        }
        let measured = try bench.inTurn([
            { try floor.run(rowsATransaction: rowsABatch * batchesATransaction) },
            { try hub(journal) },
        ])
        try bench.add(
            Figure("hub's store, all features on", unit: "records/s", measured[1])
                .beside("C upserts", measured[0], measured[1]).atLeast(0.5, of: .ratio))
    }

    private static func hub(_ journal: Journal) throws -> Double {
        try Bench.inFolder { folder in
            let hub = try BenchStore(folder: folder, units: [("B01", 0..<people)])
            let session = try hub.admit(journal, unit: "B01", number: 1)
            let seconds = try Bench.seconds {
                for first in stride(from: 0, to: journal.batches.count, by: batchesATransaction) {
                    let end = min(journal.batches.count, first + batchesATransaction)
                    try hub.take(journal.batches[first..<end].map { (session, $0) })
                }
            }
            guard try hub.store.countersAgree(on: day) else {
                throw BenchError("the counters do not agree")
            }
            return Double(count) / seconds
        }
    }
}
