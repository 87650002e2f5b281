import FaultKit
import Foundation
import GRDBSQLite
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// The kit itself: it counts, it fails what it is told to fail, and a power cut loses what was not synced.
@Suite struct FaultKitTests {
    @Test func losesOnlyWhatWasNotSynced() throws {
        var isLost = false
        var isKept = false
        for seed in UInt64(0)..<40 {
            let folder = TemporaryFolder()
            try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
            let disk = FaultDisk(folder: folder.path)
            defer { disk.leave() }
            let path = folder.path + "/plain.sqlite"
            try sql(path, ["PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"])
            // Without syncs the last row is there or not, and nothing else is touched.
            try sql(path, ["PRAGMA synchronous = OFF", "INSERT INTO t VALUES (2)"]) { disk.die() }
            var generator = SeededGenerator(seed: seed)
            try disk.powerCut(using: &generator)
            let found = try sql(path, ["SELECT group_concat(a) FROM t", "PRAGMA integrity_check"])
            #expect(found == ["1", "ok"] || found == ["1,2", "ok"], "seed \(seed): \(found)")
            if found.first == "1" { isLost = true } else { isKept = true }
        }
        #expect(isLost && isKept)
    }

    @Test func failsWhatItIsToldTo() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let disk = FaultDisk(folder: folder.path)
        defer { disk.leave() }
        let path = folder.path + "/plain.sqlite"
        try sql(path, ["PRAGMA journal_mode = WAL", "CREATE TABLE t (a)"])
        for (kind, code) in [(Fault.Kind.sync, 1_034), (.write, 778), (.sharedMemory, 4_874), (.open, 14)] {
            disk.arm(Fault(kind: kind, number: 1, aftermath: .goesOn))
            let error = #expect(throws: RawError.self) {
                try sql(path, ["PRAGMA synchronous = FULL", "INSERT INTO t VALUES (1)"])
            }
            #expect(error?.code == Int32(code), "\(kind)")
            #expect(disk.isMet && disk.count(kind) >= 1)
        }
        disk.arm(nil)
        #expect(try sql(path, ["PRAGMA integrity_check"]) == ["ok"])
    }

    @Test func aTransactionThatFoundNoRoomKeepsNone() throws {
        let fixture = try AgentFixture(.memory)
        let folder = TemporaryFolder()
        let disk = FaultDisk(folder: folder.path)
        defer { disk.leave() }
        func open() throws -> SQLiteAgentStore {
            try SQLiteAgentStore(
                folder: folder.path, mode: .openOrCreate, means: fixture.means, logPages: 20)
        }
        let store = try open()
        try store.configure(fixture.configuration)
        let other = try open()
        let error = #expect(throws: StoreError.self) {
            try store.write(clock: fixture.clock()) { transaction in
                // Each time: what the log gives back does not suffice.
                disk.arm(Fault(kind: .write, number: 400, effect: .noRoom, aftermath: .goesOn))
                for person in 0..<3_000 { try transaction.author(checkIn(person)) }
            }
        }
        #expect(error?.code == .diskFull && disk.isMet)
        let size = try FileManager.default.attributesOfItem(atPath: folder.path + "/store.sqlite-wal")[.size]
        #expect((size as? Int ?? .max) <= 2 * 20 * 4_096)
        #expect(try other.status(of: .routine).versions == 0)
    }

    struct RawError: Error { var code: Int32 }

    /// Runs statements on a connection of their own; the first column of each that has a row.
    ///
    /// - Parameter ending: what happens before the connection is closed, which takes the log over.
    @discardableResult private func sql(
        _ path: String, _ statements: [String], ending: () -> Void = {}
    ) throws -> [String] {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        let code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        guard code == SQLITE_OK else { throw RawError(code: sqlite3_extended_errcode(connection)) }
        var found: [String] = []
        for text in statements {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(connection, text, -1, &statement, nil) == SQLITE_OK else {
                throw RawError(code: sqlite3_extended_errcode(connection))
            }
            let step = sqlite3_step(statement)
            guard step == SQLITE_ROW || step == SQLITE_DONE else {
                throw RawError(code: sqlite3_extended_errcode(connection))
            }
            if step == SQLITE_ROW, let value = sqlite3_column_text(statement, 0),
                text.hasPrefix("SELECT") || text.hasSuffix("check")
            {
                found.append(String(cString: value))
            }
        }
        ending()
        return found
    }
}
