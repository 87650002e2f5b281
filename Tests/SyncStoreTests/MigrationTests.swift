import GRDB
import Glibc
import SyncStore
import Synchronization
import Testing

@testable import SQLiteStore

/// Stores of earlier formats on a disk that has no room.
@Suite struct MigrationTests {
    private static let first = StoreMigration(sql: "CREATE TABLE thing (name TEXT)")

    /// A store of the first format, and its folder.
    private func storeOfBefore() throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let store = try StoreDatabase(
            folder: folder.path, kind: .hub, migrations: [Self.first], mode: .create)
        try store.write(claim: { .routine }, { try $0.execute(sql: "INSERT INTO thing VALUES ('kept')") })
        return folder
    }

    /// Changes the store's tables and finds no room for the first so many times.
    private func change(_ folder: TemporaryFolder, finding failures: Int) throws -> (
        tries: Int, error: StoreError?
    ) {
        let tries = Mutex(0)
        let second = StoreMigration { database in
            try database.execute(sql: "ALTER TABLE thing ADD COLUMN more INTEGER")
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            if number <= failures { throw StoreError(systemError: ENOSPC, "writing", file: "store.sqlite") }
        }
        var error: StoreError?
        do {
            let store = try StoreDatabase(
                folder: folder.path, kind: .hub, migrations: [Self.first, second], mode: .open)
            let kept = try store.read {
                try String.fetchAll($0, sql: "SELECT name FROM thing WHERE more IS NULL")
            }
            #expect(kept == ["kept"])
        } catch let found as StoreError {
            error = found
        }
        return (tries.withLock { $0 }, error)
    }

    /// It may take minutes to find out: once more with all that the ballast has, and then people are told.
    @Test func aDiskWithoutRoomEndsAChangeOfTablesSoon() throws {
        let folder = try storeOfBefore()
        let ballast = Ballast(folder: folder.path, bytes: Ballast.hubBytes)
        let (tries, error) = try change(folder, finding: .max)
        #expect(error?.code == .diskFull)
        #expect(tries == 2)
        #expect(ballast.isWhole, "what was lent goes back")
        let again = try StoreDatabase(folder: folder.path, kind: .hub, migrations: [Self.first], mode: .open)
        #expect(try again.read { try String.fetchAll($0, sql: "SELECT name FROM thing") } == ["kept"])
    }

    @Test func whatTheBallastLendsIsEnoughForASmallChange() throws {
        let folder = try storeOfBefore()
        let (tries, error) = try change(folder, finding: 1)
        #expect(tries == 2 && error == nil)
        #expect(Ballast(folder: folder.path, bytes: Ballast.hubBytes).isWhole)
    }
}
