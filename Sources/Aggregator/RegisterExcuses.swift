import Console
import Forms
import SyncCore
import SyncStore

/// The sheet of who need not answer.
extension RegisterImport {
    func excuse(_ row: RegisterRow, _ transaction: any HubTransaction) throws -> Bool {
        let person = try row.id("person_id")
        try checkPerson(person, transaction)
        let from = try row.day("from_date")
        let to = try row.day("to_date")
        guard to >= from else {
            throw Refused(
                column: "to_date", reason: "out_of_range",
                words: Words(
                    "the last day lies before the first; check both", zh: "结束日期早于开始日期；请核对两个日期"))
        }
        return try write(
            BuiltIn.excuse, [.text(person), .integer(Int64(from))],
            ["to": .integer(Int64(to)), "reason": row.text("reason")],
            absent: row.absent(["reason": "reason"]), transaction)
    }
}
