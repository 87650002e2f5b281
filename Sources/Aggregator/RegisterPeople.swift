import Console
import Forms
import SyncCore
import SyncStore

/// The sheet of people: who they are, and where they belong.
extension RegisterImport {
    func person(
        _ row: RegisterRow, _ present: [String: String], _ today: Int32, _ transaction: any HubTransaction,
        _ result: inout RegisterResult
    ) throws -> Bool {
        let person = try row.id("person_id")
        let unit = row.text("unit_id")
        try check(unit, row, "unit_id", transaction)
        var values: [String: Value] = [:]
        let cells = [
            "name": "name", "sex": "sex", "role": "role", "department": "department_id", "phone": "phone",
            "home_region": "home_region_code", "responsible_for": "responsible_for",
        ]
        for (field, column) in cells { values[field] = row.text(column) }
        let flags = ["party_member", "duty_flag"]
        for flag in flags { values[flag] = try row.flag(flag) }
        let place = try settle(row, present, today, transaction)
        if place == .moved { result.moved.append(person) }
        if place == .elsewhere { result.elsewhere.append(person) }
        let known = try write(
            BuiltIn.person, [.text(person)], values,
            absent: row.absent(cells).union(flags.filter { columns[$0] == nil }), transaction)
        return known || place == .written || place == .moved
    }

    // MARK: - Where people belong

    enum Place { case unchanged, written, moved, elsewhere }

    /// The unit of each person of the sheet today, by id.
    func presentUnits(_ store: any HubStore, _ today: Int32) throws -> [String: String] {
        var units: [String: String] = [:]
        for record in sheet.records where !record.isBlank {
            guard let row = try? RegisterRow(record, columns, width: sheet.header.count),
                let person = try? row.id("person_id")
            else { continue }
            units[person] = try store.unit(of: RegisterImport.membership(person, today))
        }
        return units
    }

    private static func membership(_ person: String, _ day: Int32) -> RecordKey {
        RecordKey(form: BuiltIn.membership, values: [.text(person), .integer(Int64(day))])
    }

    /// A sheet of people says where they belong, not since when. Who is new belongs there from the beginning;
    /// who was in another unit moves today, for the figures of past days stay what they were. A sheet that
    /// says what it said before somebody moved moves nobody back.
    func settle(
        _ row: RegisterRow, _ present: [String: String], _ today: Int32, _ transaction: any HubTransaction
    ) throws -> Place {
        let person = try row.id("person_id")
        let unit = row.text("unit_id")
        let beginning = RegisterImport.membership(person, CivilDay.beginning)
        let known = try transaction.effective(beginning)
        let first = known.flatMap { $0[BuiltIn.membershipUnit] } ?? .notStated
        let now: Value = present[person].map { .text($0) } ?? .notStated
        if known == nil || (first == .notStated && now == .notStated) {
            let isNew = try write(
                BuiltIn.membership, beginning.values, ["unit": unit], transaction)
            return isNew ? .written : .unchanged
        }
        if unit == now { return .unchanged }
        if unit == first { return .elsewhere }
        let key = RegisterImport.membership(person, today)
        return try write(BuiltIn.membership, key.values, ["unit": unit], transaction) ? .moved : .unchanged
    }
}
