public import SyncCore

/// The forms a program knows: the built-in ones, and what the centre published.
public struct FormCatalog: Sendable {
    public let definitions: [FormDefinition]

    public init(_ definitions: [FormDefinition]) {
        self.definitions = definitions
    }

    public subscript(form: String) -> FormDefinition? {
        definitions.first { $0.form.utf8.elementsEqual(form.utf8) }
    }
}
