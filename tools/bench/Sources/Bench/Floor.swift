import CFloor
import Forms
import SQLiteStore
import SyncCore

/// The same check-ins as a C program binds them, which does nothing but upsert them into the hub's table.
final class Floor {
    private var rows: [floor_row] = []
    private var texts: [UnsafeMutablePointer<CChar>] = []
    private var persons: [[UInt8]: Int64] = [:]

    deinit { texts.forEach { $0.deallocate() } }

    var count: Int { rows.count }

    func add(_ version: Version) {
        var row = floor_row()
        row.day = version.key.values[0].integer ?? 0
        if case .text(let person) = version.key.values[1] {
            row.person = persons[person] ?? Int64(persons.count + 1)
            persons[person] = row.person
        }
        var numbers: [Int64] = []
        for assignment in version.assignments.prefix(8) {
            if case .decimal(let unscaled, _) = assignment.value { numbers.append(unscaled) }
            if case .integer(let number) = assignment.value { numbers.append(number) }
        }
        withUnsafeMutableBytes(of: &row.numbers) { $0.copyBytes(from: numbers.withUnsafeBytes { Array($0) }) }
        var pointers = [UnsafePointer<CChar>?](repeating: nil, count: 8)
        var lengths = [Int32](repeating: 0, count: 8)
        for (index, assignment) in version.assignments.dropFirst(8).enumerated() {
            guard case .text(let text) = assignment.value else { continue }
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, text.count))
            for (at, byte) in text.enumerated() { copy[at] = CChar(bitPattern: byte) }
            texts.append(copy)
            pointers[index] = UnsafePointer(copy)
            lengths[index] = Int32(text.count)
        }
        withUnsafeMutableBytes(of: &row.texts) { $0.copyBytes(from: pointers.withUnsafeBytes { Array($0) }) }
        withUnsafeMutableBytes(of: &row.lengths) { $0.copyBytes(from: lengths.withUnsafeBytes { Array($0) }) }
        row.origin = 3
        row.sequence = Int64(version.dot.sequence)
        row.revision = 1
        row.authored = version.authored
        // As the hub's rows have them: times as distances, and how many fields are assigned, from 1 on.
        row.stated = version.stated - version.authored
        row.created = version.firstCreated - version.stated
        row.assigned = -16
        rows.append(row)
    }

    /// - Parameter core: where it runs; nil leaves it where it is.
    /// - Returns: rows a second.
    func run(rowsATransaction: Int, core: Int? = nil) throws -> Double {
        let sql = try SQLiteHubStore.layout(of: "check-in", in: .builtIn)
        return try Bench.inFolder { folder in
            let seconds = floor_run(
                folder + "/floor.sqlite", sql.creation, sql.insertion, rows, Int32(rows.count),
                Int32(rowsATransaction), Int32(core ?? -1))
            guard seconds > 0 else { throw BenchError("the floor failed: \(seconds)") }
            return Double(rows.count) / seconds
        }
    }
}
