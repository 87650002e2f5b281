public import Forms
import SyncCore
public import SyncStore
import SyncWire

/// What rules ask of the hub's store beside its records.
extension SQLiteHubStore {
    public func compiledForms() throws -> CompiledCatalog {
        try connection.read { try loadedChecks().catalog }
    }

    public func ruleMarks() throws -> RuleMarks? {
        let bytes = try connection.first("SELECT value FROM meta WHERE name = 'rule_marks'") { $0.bytes(0) }
        guard let bytes, bytes.count == 16 else { return nil }
        func word(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return RuleMarks(
            through: Milliseconds(bitPattern: word(bytes.prefix(8))), position: word(bytes.suffix(8)))
    }

    /// Within a transaction.
    func keep(_ marks: RuleMarks) throws {
        let bytes =
            HubBytes.bigEndian(UInt64(bitPattern: marks.through)) + HubBytes.bigEndian(marks.position)
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('rule_marks', ?)", .blob(bytes))
    }

    public func arrival(at position: UInt64) throws -> HubArrival? {
        let found = try connection.first(
            "SELECT arrived, rows FROM segment WHERE position = ?", .word(position)
        ) { (arrived: $0.int(0), rows: $0.bytes(1)) }
        guard let found else { return nil }
        do {
            return HubArrival(arrived: found.arrived, rows: try RowsCodec.decode(found.rows))
        } catch {
            throw StoreError(.corrupt, "a segment's rows do not read: \(error)")
        }
    }
}
