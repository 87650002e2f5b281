package import Forms
import SyncCore

extension AgentTables {
    /// Form definitions (JSON) that came down the feed: those that the centre published as records of the
    /// form `definition`, a form's revisions in their order.
    package func allForms() throws -> [[UInt8]] {
        var published: [(revision: Int64, json: [UInt8])] = []
        try eachRecord(of: Array(BuiltIn.definition.utf8)) { key, state in
            let record = state.effective(under: .latest)
            guard record.exists, let values = Canonical.decode(key: key), values.count == 3,
                values[0].string == "form", let revision = values[2].integer,
                case .text(let json)? = record[BuiltIn.definitionText]
            else { return }
            published.append((revision, json))
        }
        return try forms() + published.sorted { $0.revision < $1.revision }.map(\.json)
    }

    /// The program's own forms and those that came down; what is no revision of the form that it names is
    /// left out.
    package func catalog() throws -> FormCatalog {
        try allForms().compactMap { try? FormCatalog.decode($0) }
            .reduce(.builtIn) { catalog, form in (try? catalog.adding(form)) ?? catalog }
    }
}
