import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

/// Where the bytes of journals go, column by column: every journal cut into batches as a fast line has them.
struct Weights {
    private(set) var checkIns = 0
    private(set) var withTLS = 0
    /// Of the same in batches of twenty, bytes of frames.
    private(set) var inTwenties = 0
    private var batchesOfTwenty = 0
    private var sealsInTwenties = 0
    private(set) var lines: [String] = []
    /// Bytes of columns by name, as they are and deflated on their own.
    private var columns: [String: (plain: Int, alone: Int)] = [:]
    private var rowBytes = 0

    mutating func add(_ bytesWithTLS: Int) { withTLS += bytesWithTLS }

    /// Looks into a branch's store; nothing is changed.
    mutating func add(journal folder: String) throws {
        let store = try SQLiteAgentStore(readingFrom: folder)
        for origin in try store.laneOrigins() {
            var versions: [Version] = []
            var after: UInt64 = 0
            while after < origin.last {
                guard
                    let batch = try store.batch(
                        of: origin.origin, after: after, maximumVersions: 4_096, maximumBytes: 1 << 20)
                else { break }
                versions += (0..<batch.count).map { batch.version(at: $0) }
                after = batch.last
            }
            guard !versions.isEmpty else { continue }
            try weigh(versions)
            try addTwenties(of: origin, in: store)
            for version in versions where version.key.form == "check-in" {
                checkIns += 1
                lines.append(line(version))
            }
        }
    }

    private mutating func weigh(_ versions: [Version]) throws {
        let bytes = RowsCodec.encode(VersionColumns(versions))
        rowBytes += try Deflater().sync(bytes).count
        for part in try RowsLayout.parts(of: bytes) {
            let own = Array(bytes[part.offset..<(part.offset + part.size)])
            let form = part.group.map { VersionColumns(versions).groups[$0].form + " " } ?? ""
            let alone = try Deflater().sync(own).count
            columns[form + part.name, default: (0, 0)].plain += own.count
            columns[form + part.name, default: (0, 0)].alone += alone
        }
    }

    private mutating func addTwenties(
        of origin: AgentSession.LaneOrigin, in store: SQLiteAgentStore
    ) throws {
        var writer = FrameWriter()
        var after: UInt64 = 0
        while after < origin.last {
            guard
                let batch = try store.batch(
                    of: origin.origin, after: after, maximumVersions: 20, maximumBytes: 1 << 20)
            else { return }
            inTwenties += try writer.frame(.batch(batch), compress: true).count
            batchesOfTwenty += 1
            sealsInTwenties += batch.seals.count
            after = batch.last
        }
    }

    private func line(_ version: Version) -> String {
        var fields = ["\"form\":\"check-in\"", "\"at\":\(version.stated)"]
        for (number, value) in version.key.values.enumerated() {
            fields.append("\"k\(number)\":\(json(value))")
        }
        for assignment in version.assignments where assignment.value != .notStated {
            fields.append("\"f\(assignment.field)\":\(json(assignment.value))")
        }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private func json(_ value: Value) -> String {
        switch value {
        case .integer(let number): "\(number)"
        case .decimal(let unscaled, _): "\(unscaled)"
        case .text(let bytes): "\"" + String(decoding: bytes, as: UTF8.self) + "\""
        default: "null"
        }
    }

    /// The heaviest first.
    var table: String {
        var text = "bytes of rows \(rowBytes): columns, as they are, deflated on their own, each a check-in\n"
        let each = Double(max(1, checkIns))
        text += "in batches of 20: \(batchesOfTwenty) of them with \(sealsInTwenties) seals\n"
        let heaviest = columns.sorted { ($0.value.alone, $0.key) > ($1.value.alone, $1.key) }
        for (name, bytes) in heaviest.prefix(24) {
            text += String(
                format: "  %@ %7d %7d %.2f\n", name.padding(toLength: 28, withPad: " ", startingAt: 0),
                bytes.plain, bytes.alone, Double(bytes.alone) / each)
        }
        return text
    }
}
