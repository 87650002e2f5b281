import Forms
import SyncCore
import SyncStore
import Testing

@testable import BranchAgent

/// Who corrects what the centre holds back says again what it never took.
@Suite struct CorrectionTests {
    private let catalog: CompiledCatalog
    private let form: CompiledForm
    private let transaction = TransactionDouble(now: 1_580_700_000_000)

    init() throws {
        catalog = try CompiledCatalog(settings: Settings(), zone: .fixed(hours: 8))
        form = try #require(catalog[BuiltIn.checkIn])
    }

    private var key: RecordKey {
        RecordKey(form: BuiltIn.checkIn, values: [.integer(18_295), .text("P1")])
    }

    @discardableResult private func write(
        _ values: [FieldID: Value], _ key: RecordKey? = nil, by form: CompiledForm? = nil
    ) throws -> Dot {
        let form = form ?? self.form
        let written = try RecordAuthor(catalog: catalog).author(
            form, key: key ?? self.key,
            assignments: values.keys.sorted().map { field in
                Assignment(
                    field: field, retentionClass: form.definition.field(field)?.retentionClass ?? 0,
                    value: values[field] ?? .notStated)
            }, in: transaction)
        return try #require(written.dots.last)
    }

    /// What the last version of a record says.
    private func said(_ key: RecordKey? = nil) -> [FieldID: Value] {
        let draft = transaction.drafts.last { $0.key == key ?? self.key }
        return Dictionary(uniqueKeysWithValues: (draft?.assignments ?? []).map { ($0.field, $0.value) })
    }

    private func holdBack(_ dot: Dot, _ reason: String, _ field: FieldID) {
        transaction.verdicts.append(Verdict(dot: dot, kind: .quarantined, reason: reason, field: field))
    }

    private let cold = Value.decimal(unscaled: 2_000, scale: 2)
    private let normal = Value.decimal(unscaled: 3_650, scale: 2)

    @Test func aCorrectionOfAnEntryThatWasHeldBackIsWhole() throws {
        let first = try write([1: cold, 2: .integer(0), 14: .text("at home")])
        holdBack(first, "temperature_out_of_range", 1)
        try write([1: normal])
        let said = said()
        #expect(said.count == form.definition.fields.count)
        #expect(said[1] == normal && said[2] == .integer(0) && said[14] == .text("at home"))
        #expect(said[5] == .notStated)
    }

    /// What is wrong is not sent again by who writes something else.
    @Test func whatAVerdictNamesStaysAway() throws {
        let first = try write([1: cold, 2: .integer(0)])
        holdBack(first, "temperature_out_of_range", 1)
        try write([2: .integer(1)])
        let said = said()
        #expect(said.count == form.definition.fields.count - 1 && said[1] == nil && said[2] == .integer(1))
        // The temperature alone is left of what is held back, and is named.
        try write([4: .integer(1)])
        #expect(self.said() == [4: .integer(1)])
    }

    @Test func whatTheCentreHasIsLeftAlone() throws {
        try write([1: normal, 2: .integer(0)])
        let second = try write([1: cold])
        holdBack(second, "temperature_out_of_range", 1)
        try write([3: .integer(1)])
        #expect(said() == [3: .integer(1)])
    }

    @Test func whatWasReleasedCountsAgain() throws {
        let first = try write([1: normal, 2: .integer(0)])
        holdBack(first, "revoked_device", 0)
        transaction.verdicts.append(
            Verdict(dot: first, kind: .released, reason: "revoked_device", field: 0))
        try write([3: .integer(1)])
        #expect(said() == [3: .integer(1)])
    }

    /// A merge group of which one field is named stays away as one.
    @Test func aGroupMovesAsOne() throws {
        let alert = try #require(catalog["alert"])
        let key = RecordKey(form: "alert", values: [.integer(18_295), .text("symptoms"), .text("P1")])
        let first = try write([2: .text("open"), 4: .text("rung"), 7: .integer(1)], key, by: alert)
        holdBack(first, "bad_value", 7)
        try write([5: .text("again")], key, by: alert)
        let said = said(key)
        #expect(said[2] == .text("open") && said[4] == .text("rung") && said[5] == .text("again"))
        #expect(said[7] == nil && said[8] == nil && said[9] == nil, "step, turn and due_at")
    }
}
