package import Forms
package import SyncCore

/// A value on its way to a person: personal fields are masked, and nothing steers a terminal.
package struct Masking: Sendable {
    /// What stands for the record's existence among the names of its fields.
    package static let existence = Words("(existence)", zh: "（存在）")

    package static let mask = "***"

    package let forms: FormCatalog
    package let unmask: Bool

    package init(forms: FormCatalog, unmask: Bool) {
        self.forms = forms
        self.unmask = unmask
    }

    /// Nil for *not stated*. A field that no form at hand knows counts as personal.
    package func text(_ value: Value, field id: FieldID, of form: String) -> String? {
        if value == .notStated { return nil }
        let field = forms[form]?.field(id)
        guard unmask || field?.personal == false else { return Masking.mask }
        return Masking.clean(RecordText.text(value, as: field?.type))
    }

    package func name(of id: FieldID, in form: String) -> String {
        if id == RecordState.existence { return Masking.existence.en }
        return forms[form]?.field(id)?.name ?? "field \(id)"
    }

    /// A field as people read it: in Chinese by its label, with the name under which it is typed.
    package func shownName(of id: FieldID, in form: String) -> String {
        if id == RecordState.existence { return Masking.existence.text() }
        return Masking.shownName(of: id, in: forms[form]) ?? name(of: id, in: form)
    }

    package static func shownName(of id: FieldID, in form: FormDefinition?) -> String? {
        guard let field = form?.field(id) else { return nil }
        return Words(clean(field.name), zh: "\(clean(field.labels.zh))（\(clean(field.name))）").text()
    }

    /// Ids and days as they are; what may be free text, masked.
    package func text(_ key: RecordKey) -> [String] {
        let keys = forms[key.form]?.keys ?? []
        let isBuiltIn = FormCatalog.builtIn[key.form] != nil
        return key.values.enumerated().map { index, value in
            if case .integer = value, index >= keys.count { return RecordText.text(value) }
            let isKnown = index < keys.count && (keys[index].type != .text || isBuiltIn)
            guard isKnown || unmask else { return Masking.mask }
            return Masking.clean(RecordText.text(value, as: index < keys.count ? keys[index].type : nil))
        }
    }

    package func author(_ author: [UInt8]) -> String? {
        if author.isEmpty { return nil }
        return unmask ? Masking.clean(String(decoding: author, as: UTF8.self)) : Masking.mask
    }

    /// Control characters spelled out.
    package static func clean(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
