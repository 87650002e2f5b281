public import Forms
public import SyncCore
public import SyncStore

/// Something that the centre publishes: a form, a board. It is a record of the form `definition`, so that it
/// travels, is kept and comes back like any other.
public struct PublishedDefinition: Sendable, Hashable {
    public enum Kind: String, Sendable { case form, board }

    public var kind: Kind
    public var name: String
    public var revision: Int64
    public var json: [UInt8]
    public var author: String
    public var at: Milliseconds

    public init(
        kind: Kind, name: String, revision: Int64, json: [UInt8], author: String = "", at: Milliseconds = 0
    ) {
        self.kind = kind
        self.name = name
        self.revision = revision
        self.json = json
        self.author = author
        self.at = at
    }
}

/// Forms that the centre published, beside those of the program.
extension SQLiteHubStore {
    /// What is published, by kind, name and revision.
    public func published() throws -> [PublishedDefinition] {
        try connection.read { try readPublished() }
    }

    /// All forms that the store works with.
    public func forms() throws -> FormCatalog {
        try connection.read { means.forms }
    }

    /// Publishes, in one transaction with its entry in the audit log. Who checks it is the caller.
    ///
    /// - Returns: what was held back for want of the form, and counts now.
    @discardableResult public func publish(
        _ definition: PublishedDefinition, clock: AuthoringClock
    ) throws -> Release {
        let key = RecordKey(
            form: BuiltIn.definition,
            values: [
                .text(Array(definition.kind.rawValue.utf8)), .text(Array(definition.name.utf8)),
                .integer(definition.revision),
            ])
        let revision = ownForms[BuiltIn.definition]?.revision ?? 1
        return try writing(.routine, clock: clock) { transaction in
            _ = try transaction.author(
                Draft(
                    lane: .routine, key: key, formRevision: revision, context: .empty,
                    assignments: [
                        Assignment(
                            field: BuiltIn.definitionText, retentionClass: 0, value: .text(definition.json)),
                        Assignment(
                            field: BuiltIn.definitionAuthor, retentionClass: 0,
                            value: .text(Array(definition.author.utf8))),
                    ]))
            try transaction.act(
                "published",
                detail: "\(definition.kind.rawValue) \(definition.name), revision \(definition.revision)")
            return definition.kind == .form ? try letIn(of: definition.name, transaction) : Release()
        }
    }

    private func readPublished() throws -> [PublishedDefinition] {
        guard let definition = ownForms[BuiltIn.definition],
            let number = try formNumbers()[Array(BuiltIn.definition.utf8)]
        else { return [] }
        let table = HubTable(number: number, definition: definition)
        guard try !columns(of: table).isEmpty else { return [] }
        var found: [PublishedDefinition] = []
        try eachRow(of: table, from: nil, to: .max) { numbers, row in
            let key = try recordKey(numbers, of: table).values
            let record = try effective(row, numbers: numbers, in: table)
            guard key.count == 3,
                let kind = key[0].string.flatMap({ PublishedDefinition.Kind(rawValue: $0) }),
                let name = key[1].string, let revision = key[2].integer,
                case .text(let json)? = record[BuiltIn.definitionText]
            else { return }
            found.append(
                PublishedDefinition(
                    kind: kind, name: name, revision: revision, json: json,
                    author: record[BuiltIn.definitionAuthor]?.string ?? "", at: record.firstCreated))
        }
        return found.sorted { left, right in
            let names = ([left.kind.rawValue, left.name], [right.kind.rawValue, right.name])
            if names.0 == names.1 { return left.revision < right.revision }
            return names.0.lexicographicallyPrecedes(names.1) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    /// The forms of the program and those that were published. A published one that does not go with the
    /// program's own of that name stands in its place: the records were written under it.
    func wholeCatalog() throws -> FormCatalog {
        var catalog = ownForms
        for published in try readPublished() where published.kind == .form {
            guard let form = try? FormCatalog.decode(published.json) else { continue }
            if let more = try? catalog.adding(form) {
                catalog = more
            } else if let own = ownForms[form.form], catalog[form.form] == own {
                catalog = FormCatalog(
                    catalog.definitions.map { $0 == own ? form : $0 }, earlier: catalog.earlier)
            }
        }
        return catalog
    }

    /// Takes the forms as they are now, and makes their tables.
    func takeForms() throws {
        let catalog = try wholeCatalog()
        guard catalog != means.forms else { return }
        means.forms = catalog
        checks = nil
        if isReading { try readTables() } else { try openTables() }
    }
}
