public import SyncCore
public import SyncStore

/// What people have to decide, and by whom it was written. A table of its own names the records in question,
/// so that listing them never looks at the others.
extension SQLiteHubStore {
    public func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)] {
        try connection.read {
            guard let table = table(form), limit > 0 else { return [] }
            let keys = try connection.all(
                "SELECT key FROM conflict WHERE form = ? AND key > ? ORDER BY key LIMIT ?",
                .int(table.number), .blob(after ?? []), .int(Int64(limit))
            ) { $0.bytes(0) }
            return try keys.map { bytes in
                guard let values = Canonical.decode(key: bytes) else {
                    throw StoreError(.corrupt, "the key of a record in conflict")
                }
                let key = RecordKey(form: form, values: values)
                return (key, try state(of: key, in: table))
            }
        }
    }

    public func conflictCount() throws -> Int {
        try connection.read { try connection.first("SELECT count(*) FROM conflict") { Int($0.int(0)) } ?? 0 }
    }

    public func logPosition() throws -> UInt64 { try connection.read { try logEnd().position } }

    /// Keeps the table of records in question in step with a record.
    func note(conflict isOne: Bool, was: Bool, key: [UInt8], in table: HubTable) throws {
        guard isOne != was else { return }
        try connection.run(
            isOne
                ? "INSERT OR REPLACE INTO conflict (form, key) VALUES (?, ?)"
                : "DELETE FROM conflict WHERE form = ? AND key = ?", .int(table.number), .blob(key))
    }

    public func device(of origin: OriginID) throws -> DeviceInfo? {
        let id = try connection.read { try self.origin(origin)?.device }
        guard let id else { return nil }
        return try devices().first { $0.id == id }
    }

    public func unit(of key: RecordKey) throws -> String? {
        try connection.read {
            guard let roles = table(key.form)?.roles else { return nil }
            if let position = roles.unitKey { return key.values[position].string }
            guard let position = roles.personKey, case .text(let person) = key.values[position],
                let number = try terms.find(person)
            else { return nil }
            let day = roles.dayKey.flatMap { key.values[$0].integer }.map { Int32(clamping: $0) }
            let unit = try loadedRegister().unit(of: number, on: day ?? .max)
            return unit == 0 ? nil : String(decoding: try terms.text(of: unit), as: UTF8.self)
        }
    }
}
