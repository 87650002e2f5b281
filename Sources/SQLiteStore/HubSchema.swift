import SyncStore

/// The hub's fixed tables; the forms' own tables are built from their definitions.
enum HubSchema {
    static var migrations: [StoreMigration] {
        [
            StoreMigration(sql: tables.joined(separator: ";\n")), StoreMigration(sql: conflicts),
            StoreMigration(sql: replicas), StoreMigration(sql: SessionTable.creation),
            StoreMigration(sql: days), StoreMigration(sql: threeUnits), StoreMigration(HubCheckSum.migrate),
            StoreMigration(sql: nodes), StoreMigration(HubTable.migrate),
        ]
    }

    /// Records about which a person has to decide.
    private static let conflicts = """
        CREATE TABLE conflict (
            form INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (form, key)) WITHOUT ROWID
        """

    /// What each device brought in a UTC day.
    private static let days = """
        ALTER TABLE device ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE device ADD COLUMN day_bytes INTEGER NOT NULL DEFAULT 0
        """

    /// One row per store of a device.
    private static let replicas = """
        CREATE TABLE replica (
            id INTEGER PRIMARY KEY, device INTEGER NOT NULL, replica BLOB NOT NULL, session INTEGER NOT NULL,
            token_confirmed BLOB, token_offered BLOB, token_former BLOB, token_rival BLOB,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            feed_position INTEGER NOT NULL DEFAULT 0, UNIQUE (device, replica));
        ALTER TABLE origin ADD COLUMN replica INTEGER;
        ALTER TABLE origin ADD COLUMN backed_up INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE origin ADD COLUMN passed INTEGER NOT NULL DEFAULT 0;
        """

    /// A membership is in the scope of the unit that somebody left by it as well.
    private static let threeUnits = """
        CREATE TABLE scope_sum (
            origin INTEGER NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL, third INTEGER NOT NULL,
            count INTEGER NOT NULL, sum INTEGER NOT NULL,
            PRIMARY KEY (origin, first, second, third)) WITHOUT ROWID;
        INSERT INTO scope_sum SELECT origin, first, second, 0, count, sum FROM scope_total;
        DROP TABLE scope_total;
        ALTER TABLE scope_work ADD COLUMN third INTEGER NOT NULL DEFAULT 0;
        """

    /// Units under each line of units that they have stood under, nearest first, eight bytes each.
    private static let nodes = "CREATE TABLE node (num INTEGER PRIMARY KEY, line BLOB NOT NULL)"

    private static let tables = [
        """
        CREATE TABLE device (
            id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE, public_key BLOB NOT NULL, unit BLOB NOT
            NULL,
            label TEXT NOT NULL, state TEXT NOT NULL, confirmation INTEGER NOT NULL, joined INTEGER NOT NULL,
            last_seen INTEGER, skew INTEGER NOT NULL DEFAULT 0, urgent_count INTEGER NOT NULL DEFAULT 0,
            urgent_age INTEGER NOT NULL DEFAULT 0, routine_count INTEGER NOT NULL DEFAULT 0,
            routine_age INTEGER NOT NULL DEFAULT 0, program TEXT NOT NULL DEFAULT '',
            address TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 0,
            revoked INTEGER, revoked_for TEXT NOT NULL DEFAULT '', surrendered INTEGER NOT NULL DEFAULT 0)
        """,
        "CREATE INDEX device_revoked ON device (id) WHERE state = 'revoked'",
        """
        CREATE TABLE invitation (
            secret_hash BLOB PRIMARY KEY, unit BLOB NOT NULL, trusted INTEGER NOT NULL, expires INTEGER NOT
            NULL,
            made INTEGER NOT NULL, spent_by BLOB) WITHOUT ROWID
        """,
        """
        CREATE TABLE origin (
            num INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, derivation BLOB NOT NULL, lane INTEGER NOT
            NULL,
            device INTEGER, current INTEGER NOT NULL, held INTEGER NOT NULL, head BLOB NOT NULL,
            sealed INTEGER NOT NULL, sealed_head BLOB NOT NULL, receipt BLOB, receipt_time INTEGER,
            nonce BLOB NOT NULL)
        """,
        """
        CREATE TABLE salt (
            origin INTEGER NOT NULL, day INTEGER NOT NULL, class INTEGER NOT NULL, salt BLOB NOT NULL,
            PRIMARY KEY (origin, day, class)) WITHOUT ROWID
        """,
        """
        CREATE TABLE segment (
            position INTEGER PRIMARY KEY, origin INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT
            NULL,
            head_before BLOB NOT NULL, head_after BLOB NOT NULL, arrived INTEGER NOT NULL,
            log_hash BLOB NOT NULL, due INTEGER, authored_from INTEGER NOT NULL, authored_to INTEGER NOT NULL,
            gone BLOB NOT NULL DEFAULT x'', kept BLOB, marks BLOB NOT NULL, seals BLOB NOT NULL,
            rows BLOB NOT NULL, print BLOB NOT NULL)
        """,
        "CREATE UNIQUE INDEX segment_by_dot ON segment (origin, last)",
        "CREATE INDEX segment_due ON segment (due, position) WHERE due IS NOT NULL",
        """
        CREATE TABLE hole (
            origin INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, head BLOB NOT NULL,
            sequence INTEGER NOT NULL, receipt_head BLOB NOT NULL, time INTEGER NOT NULL, epoch BLOB NOT NULL,
            signature BLOB NOT NULL, PRIMARY KEY (origin, last)) WITHOUT ROWID
        """,
        "CREATE TABLE term (num INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE)",
        "CREATE TABLE form (num INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE)",
        """
        CREATE TABLE sibling (
            form INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (form, key)) WITHOUT
            ROWID
        """,
        """
        CREATE TABLE quarantine (
            origin INTEGER NOT NULL, sequence INTEGER NOT NULL, form TEXT NOT NULL, key BLOB NOT NULL,
            released INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (origin, sequence)) WITHOUT ROWID
        """,
        """
        CREATE TABLE vouched (
            device INTEGER NOT NULL, origin INTEGER NOT NULL, sequence INTEGER NOT NULL, head BLOB NOT NULL,
            PRIMARY KEY (device, origin)) WITHOUT ROWID
        """,
        """
        CREATE TABLE verdict (
            device INTEGER NOT NULL, position INTEGER NOT NULL, origin INTEGER NOT NULL, sequence INTEGER NOT
            NULL,
            number INTEGER NOT NULL, kind INTEGER NOT NULL, reason TEXT NOT NULL, field INTEGER NOT NULL,
            PRIMARY KEY (device, position, origin, sequence, number)) WITHOUT ROWID
        """,
        """
        CREATE TABLE feed (
            unit INTEGER NOT NULL, position INTEGER NOT NULL, rows BLOB NOT NULL,
            PRIMARY KEY (unit, position)) WITHOUT ROWID
        """,
        """
        CREATE TABLE scope_total (
            origin INTEGER NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL, count INTEGER NOT NULL,
            sum INTEGER NOT NULL, PRIMARY KEY (origin, first, second)) WITHOUT ROWID
        """,
        """
        CREATE TABLE scope_work (
            position INTEGER NOT NULL, number INTEGER NOT NULL, audience INTEGER NOT NULL,
            kind INTEGER NOT NULL, exact INTEGER NOT NULL, subject INTEGER NOT NULL,
            is_unit INTEGER NOT NULL, present INTEGER NOT NULL, first INTEGER NOT NULL,
            second INTEGER NOT NULL, stays BLOB NOT NULL, places BLOB NOT NULL,
            PRIMARY KEY (position, number)) WITHOUT ROWID
        """,
        "CREATE INDEX scope_work_by_audience ON scope_work (audience, position)",
        """
        CREATE TABLE scope_since (
            above INTEGER NOT NULL, unit INTEGER NOT NULL, position INTEGER NOT NULL,
            PRIMARY KEY (above, unit)) WITHOUT ROWID
        """,
        """
        CREATE TABLE history (
            form INTEGER NOT NULL, key BLOB NOT NULL, origin INTEGER NOT NULL, sequence INTEGER NOT NULL,
            PRIMARY KEY (form, key, origin, sequence)) WITHOUT ROWID
        """,
        """
        CREATE TABLE coverage (
            day INTEGER NOT NULL, unit INTEGER NOT NULL, checked_in INTEGER NOT NULL, late INTEGER NOT NULL,
            flagged INTEGER NOT NULL, PRIMARY KEY (day, unit)) WITHOUT ROWID
        """,
        """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, who TEXT NOT NULL,
            device INTEGER NOT NULL, detail TEXT NOT NULL, hash_before BLOB NOT NULL, hash BLOB NOT NULL,
            signature BLOB NOT NULL)
        """,
    ]
}
