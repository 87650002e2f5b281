public import SyncCore

/// What people have to decide, and by whom it was written.
extension MemoryHubStore {
    public func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) -> [(key: RecordKey, state: RecordState)] {
        let wanted = Array(form.utf8)
        let names = content.records.keys.filter { name in
            name.form == wanted && after.map { $0.lexicographicallyPrecedes(name.key) } ?? true
        }
        return names.sorted().lazy.compactMap { self.content.records[$0] }
            .filter { $0.state.effective(under: self.rules(form)).hasConflict }
            .prefix(max(0, limit)).map { $0 }
    }

    public func conflictCount() -> Int {
        content.records.values.count { $0.state.effective(under: rules($0.key.form)).hasConflict }
    }

    public func logPosition() -> UInt64 { logEnd.position }

    public func segment(of origin: OriginID, holding sequence: UInt64) -> VersionBatch? {
        content.log.first {
            $0.batch.origin == origin && $0.batch.first <= sequence && $0.batch.last >= sequence
        }?.batch
    }

    public func device(of origin: OriginID) -> DeviceInfo? {
        guard let device = content.origins[origin]?.device else { return nil }
        return content.devices.first { $0.info.id == device }?.info
    }

    public func verdicts(on dot: Dot) -> [Verdict] {
        content.log.flatMap(\.verdicts).filter { $0.dot == dot }
    }

    public func unit(of key: RecordKey) -> String? {
        guard let roles = table(key.form)?.roles else { return nil }
        if let position = roles.unitKey { return key.values[position].string }
        guard let position = roles.personKey, case .text(let person) = key.values[position],
            let number = content.terms[person]
        else { return nil }
        let day = roles.dayKey.flatMap { key.values[$0].integer }.map { Int32(clamping: $0) }
        let unit = content.register.unit(of: number, on: day ?? .max)
        let text = content.terms.first { $0.value == unit }?.key
        return unit == 0 ? nil : text.map { String(decoding: $0, as: UTF8.self) }
    }
}
