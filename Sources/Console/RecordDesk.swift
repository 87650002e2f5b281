package import Forms
package import SyncCore
package import SyncStore

/// Where a person looks at records and decides about them: a branch's store, or a hub's.
package protocol RecordDesk: AnyObject {
    var catalog: CompiledCatalog { get }
    var times: TimeText { get }
    /// Whether others may have written what is not held here.
    var isBranch: Bool { get }

    func record(_ key: RecordKey) throws -> RecordState?
    func versions(of key: RecordKey) throws -> [Version]
    /// What an origin wrote, as far as it is held here; a branch knows only its own journals.
    func versions(by origin: OriginID, _ range: ClosedRange<UInt64>) throws -> [Version]
    /// Records of a form about which a person has to decide, in key order, behind `after`.
    func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)]
    /// The unit under which a record counts.
    func unit(of key: RecordKey) throws -> String?
    func verdicts(on versions: [Version]) throws -> [Verdict]
    /// Versions that are kept and do not count in this store.
    func heldBack(_ verdicts: [Verdict]) -> Set<Dot>
    func device(of origin: OriginID) throws -> Words?
    /// Keeps that somebody looks at personal fields as they are, where that is kept.
    func note(unmasked what: String) throws
    /// The times that would be written under now.
    func moment() throws -> AuthoringMoment
    /// Writes versions as one durable transaction. `body` sees each record as it stands then.
    func write<Result>(_ body: (any DeskWriter) throws -> Result) throws -> Result
}

/// What a decision may do within one transaction.
package protocol DeskWriter: AnyObject {
    func record(_ key: RecordKey) throws -> RecordState?
    /// Writes the edits in their order, in the name of `author`; empty is nobody.
    func author(_ edits: [RecordEdit], of key: RecordKey, by author: [UInt8]) throws -> [Dot]
}

extension RecordDesk {
    /// All forms' conflicts, or one form's, in the catalog's order; `body` returns false to stop.
    package func eachConflict(
        form wanted: String?, _ body: (RecordKey, RecordState, CompiledForm) throws -> Bool
    ) throws {
        for form in catalog.forms {
            let name = form.definition.form
            if let wanted, !wanted.utf8.elementsEqual(name.utf8) { continue }
            var after: [UInt8]?
            while true {
                let page = try conflicts(form: name, after: after, limit: 500)
                for (key, state) in page where try !body(key, state, form) { return }
                guard let last = page.last, page.count == 500 else { break }
                after = Canonical.encode(key: last.key.values)
            }
        }
    }

    package func surroundings(of versions: [Version]) throws -> RecordReport.Surroundings {
        let verdicts = try verdicts(on: versions)
        var devices: [OriginID: Words] = [:]
        for origin in Set(versions.map(\.dot.origin)).sorted() { devices[origin] = try device(of: origin) }
        return RecordReport.Surroundings(
            verdicts: verdicts, heldBack: heldBack(verdicts), isBranch: isBranch
        ) { devices[$0] }
    }

    package func history(of key: RecordKey, under rules: MergeRules) throws -> History {
        let versions = try versions(of: key)
        return History(versions, heldBack: heldBack(try verdicts(on: versions)), under: rules)
    }

    /// - Throws: ``Failure`` that says what was probably meant.
    package func form(_ name: String) throws -> CompiledForm {
        guard let form = catalog[name] else { throw SheetError(.unknownForm, subject: name) }
        return form
    }
}

/// What a person was shown, as a short code: it is handed back with the decision, so that nothing is decided
/// that came in between.
package enum ShownCode {
    /// Eight hexadecimal digits over everything seen of the records, and over what is wished about them.
    package static func text(_ states: [RecordState], wish: [String] = []) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func take(_ word: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) {
                hash = (hash ^ (word >> UInt64(shift) & 0xff)) &* 0x0000_0100_0000_01b3
            }
        }
        for state in states {
            let entries = state.seen.vector.entries
            take(UInt64(entries.count))
            for entry in entries {
                take(entry.origin)
                take(entry.count)
            }
            take(UInt64(state.seen.dots.count))
            for dot in state.seen.dots {
                take(dot.origin)
                take(dot.sequence)
            }
        }
        for word in wish {
            take(UInt64(word.utf8.count))
            for byte in word.utf8 { take(UInt64(byte)) }
        }
        let digits = String((hash ^ hash >> 32) & 0xffff_ffff, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
