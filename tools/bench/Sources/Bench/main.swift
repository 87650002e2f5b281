import CFloor
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

// Ingest of synthetic check-ins through the hub's store, with everything on, against a C program that does
// the same upserts into the same table. Both in one run, alternating.

let count = 100_000
let rowsABatch = 1_000
let batchesATransaction = 5
let runs = 5

let work = try BenchWork(count: count, rowsABatch: rowsABatch)
print("\(count) check-ins, \(rowsABatch) a batch, \(rowsABatch * batchesATransaction) a transaction")
print("encoded rows: \(work.encodedBytes) bytes, \(Double(work.encodedBytes) / Double(count)) each")
var floors: [Double] = []
var ours: [Double] = []
for run in 1...runs {
    let floor = try work.runFloor(rowsATransaction: rowsABatch * batchesATransaction)
    let hub = try work.runHub(batchesATransaction: batchesATransaction)
    floors.append(floor)
    ours.append(hub)
    let rates = [floor, hub].map { Int(Double(count) / $0) }
    print("run \(run): C \(rates[0]) rows/s, hub \(rates[1]) rows/s, ratio \(BenchWork.text(floor / hub))")
}
let ratios = zip(floors, ours).map { $0 / $1 }.sorted()
let medians = [floors, ours].map { $0.sorted()[runs / 2] }
print(
    "C median \(Int(Double(count) / medians[0])) rows/s, hub median \(Int(Double(count) / medians[1])) rows/s"
)
print(
    "ratio of medians \(BenchWork.text(medians[0] / medians[1])), "
        + "runs \(BenchWork.text(ratios[0]))...\(BenchWork.text(ratios[runs - 1]))")
