package import Forms
package import SyncCore

/// Somebody who held a post of a unit at the time of a record.
package struct Responsible: Encodable, Hashable, Sendable {
    package var unit: String
    package var role: String
    package var person: String

    /// `secretary T00001`, and where it is another unit's post, which.
    package func text(of own: String?) -> String {
        let place = own.map { $0.utf8.elementsEqual(unit.utf8) } ?? false ? "" : " (\(unit))"
        return "\(role) \(person)\(place)"
    }

    package static func line(_ people: [Responsible], of unit: String?) -> Words {
        let names = people.map { $0.text(of: unit) }.joined(separator: "; ")
        return Words("responsible then: \(names)", zh: "当时责任人：\(names)")
    }
}

/// Who was responsible for what, by the appointments.
package struct ResponsibleBook {
    private let posts: Posts
    private let tree: DatedTree
    private let zone: LocalZone

    /// - Parameter each: goes through a form's records that exist.
    package init(
        _ catalog: CompiledCatalog,
        each: (String, (RecordKey, EffectiveRecord) throws -> Void) throws -> Void
    ) rethrows {
        posts = try PostBook.posts(catalog, each: each)
        zone = catalog.zone
        tree = try DatedTree(each: each)
    }

    /// The unit and those above it at a moment, the nearest first; each once.
    package func chain(from unit: String?, at time: Milliseconds) -> [String] {
        guard let unit, !unit.isEmpty else { return [] }
        return tree.chain(from: unit, on: zone.day(of: time))
    }

    /// Whether `unit` is `other` or lies below it on a day.
    package func isWithin(_ unit: String, _ other: String, on day: Int32) -> Bool {
        tree.isWithin(unit, other, on: day)
    }

    /// Those of the unit itself, or else of the nearest one above it then that has any.
    ///
    /// - Parameters:
    ///   - day: the record's; nil where it has none.
    ///   - created: when it was made.
    package func people(of unit: String?, day: Int32?, created: Milliseconds) -> [Responsible] {
        let noon: Milliseconds = 43_200_000
        let time =
            day.flatMap { CivilDay.accepted.contains($0) ? zone.midnight(of: $0) + noon : nil } ?? created
        let found = chain(from: unit, at: time).lazy.map { posts.responsible(of: $0, at: time) }.first {
            !$0.isEmpty
        }
        return (found ?? []).map {
            Responsible(
                unit: Masking.clean($0.unit), role: Masking.clean($0.role), person: Masking.clean($0.person))
        }
    }
}
