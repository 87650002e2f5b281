import GRDB
import SyncCore

/// The tables of a branch's store. Numbered by their order; columns are only ever added.
///
/// 64-bit ids lie as SQLite's signed integers with the same bits. Times are milliseconds since 1970.
enum AgentSchema {
    static let migrations: [StoreMigration] = [
        StoreMigration(
            sql: """
                CREATE TABLE configuration (
                    id INTEGER PRIMARY KEY CHECK (id = 1), replica BLOB NOT NULL, address TEXT NOT NULL,
                    hub BLOB NOT NULL, hub_key BLOB NOT NULL, unit TEXT NOT NULL, unit_name TEXT NOT NULL,
                    hub_name TEXT NOT NULL, settings BLOB NOT NULL);
                CREATE TABLE session (
                    id INTEGER PRIMARY KEY CHECK (id = 1), token BLOB NOT NULL, epoch BLOB NOT NULL,
                    feed_epoch BLOB NOT NULL, feed_position INTEGER NOT NULL, feed_hash BLOB NOT NULL,
                    feed_step INTEGER NOT NULL,
                    mark_position INTEGER, mark_count INTEGER, mark_sum INTEGER, last_authored INTEGER,
                    surrender INTEGER NOT NULL DEFAULT 0);
                CREATE TABLE contact (
                    id INTEGER PRIMARY KEY CHECK (id = 1), last_contact INTEGER, last_receipt INTEGER,
                    skew INTEGER NOT NULL, last_hub_time INTEGER, next_try INTEGER, last_failure TEXT);
                CREATE TABLE origin (
                    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, nonce BLOB NOT NULL,
                    derivation BLOB NOT NULL, sequence INTEGER NOT NULL, head BLOB NOT NULL,
                    receipted INTEGER NOT NULL, backed_up INTEGER NOT NULL, floor INTEGER NOT NULL,
                    head_below BLOB NOT NULL, public_key BLOB NOT NULL);
                CREATE TABLE record (
                    id INTEGER PRIMARY KEY, form TEXT NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL,
                    UNIQUE (form, key));
                CREATE TABLE version (
                    origin INTEGER NOT NULL, sequence INTEGER NOT NULL, record INTEGER NOT NULL,
                    authored INTEGER NOT NULL, bytes INTEGER NOT NULL, head BLOB, body BLOB NOT NULL,
                    pruned INTEGER NOT NULL DEFAULT 0, kept_from INTEGER NOT NULL,
                    PRIMARY KEY (origin, sequence)) WITHOUT ROWID;
                CREATE INDEX version_record ON version (record);
                CREATE INDEX version_age ON version (pruned, kept_from);
                CREATE TABLE doubted (
                    origin INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (origin, sequence)
                ) WITHOUT ROWID;
                CREATE TABLE seal (
                    origin INTEGER NOT NULL, sequence INTEGER NOT NULL, signature BLOB NOT NULL,
                    PRIMARY KEY (origin, sequence)) WITHOUT ROWID;
                CREATE TABLE salt (
                    origin INTEGER NOT NULL, day INTEGER NOT NULL, class INTEGER NOT NULL, salt BLOB NOT NULL,
                    first_use INTEGER NOT NULL, PRIMARY KEY (origin, day, class)) WITHOUT ROWID;
                CREATE INDEX salt_first_use ON salt (origin, first_use, class);
                CREATE TABLE row_print (
                    print BLOB NOT NULL, form TEXT NOT NULL, key BLOB NOT NULL,
                    PRIMARY KEY (form, key, print)) WITHOUT ROWID;
                CREATE TABLE import_memory (
                    source TEXT NOT NULL, form TEXT NOT NULL, key BLOB NOT NULL, assignments BLOB NOT NULL,
                    PRIMARY KEY (source, form, key)) WITHOUT ROWID;
                CREATE INDEX import_record ON import_memory (form, key);
                CREATE TABLE receipt (
                    place INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL,
                    sequence INTEGER NOT NULL, head BLOB NOT NULL, time INTEGER NOT NULL,
                    epoch BLOB NOT NULL, signature BLOB NOT NULL);
                CREATE INDEX receipt_origin ON receipt (origin);
                CREATE TABLE verdict (
                    place INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL,
                        sequence INTEGER NOT NULL,
                    kind INTEGER NOT NULL, reason TEXT NOT NULL, field INTEGER NOT NULL,
                    UNIQUE (origin, sequence, kind, reason, field));
                CREATE TABLE form (
                    place INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, definition BLOB NOT NULL);
                CREATE TABLE scope (
                    subject TEXT NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, kept BLOB NOT NULL,
                    PRIMARY KEY (subject, id)) WITHOUT ROWID;
                """),
        StoreMigration(
            sql: """
                ALTER TABLE origin ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE origin ADD COLUMN parted INTEGER NOT NULL DEFAULT 0;
                CREATE TABLE rename (
                    id INTEGER PRIMARY KEY, replica_before BLOB NOT NULL, replica_after BLOB NOT NULL,
                    origin INTEGER NOT NULL, after INTEGER NOT NULL, fresh INTEGER NOT NULL);
                CREATE TABLE identity_event (
                    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,
                    versions INTEGER NOT NULL);
                """),
        StoreMigration(sql: SessionTable.creation),
        // When how much was receipted first, however many receipts have come since.
        StoreMigration(
            sql: """
                CREATE TABLE receipt_time (
                    place INTEGER PRIMARY KEY, origin INTEGER NOT NULL, sequence INTEGER NOT NULL,
                    time INTEGER NOT NULL);
                CREATE INDEX receipt_time_origin ON receipt_time (origin, sequence);
                INSERT INTO receipt_time (origin, sequence, time)
                    SELECT origin, sequence, time FROM receipt ORDER BY place;
                """),
        // What others wrote stands in no chain here.
        StoreMigration { database in
            try database.execute(sql: "ALTER TABLE version ADD COLUMN check_sum INTEGER")
            let row = try Prepared(database, "SELECT origin, sequence, body FROM version WHERE head IS NULL")
            defer { row.reset() }
            let check = try Prepared(
                database, "UPDATE version SET check_sum = ? WHERE origin = ? AND sequence = ?")
            while try row.step() {
                let dot = Dot(origin: row.word(0), sequence: row.word(1))
                check.bind(Int(AgentCodec.checkSum(dot, row.bytes(2))), at: 1)
                check.bind(dot.origin, at: 2)
                check.bind(dot.sequence, at: 3)
                try check.run()
            }
        },
    ]
}
