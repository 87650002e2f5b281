package import Forms
package import SyncCore

/// A record's key as people type it.
package enum RecordKeyText {
    /// Reads the key's values by the form: in the form's order, or each as `name=value`.
    ///
    /// - Throws: ``Failure`` with `.usage` that names the form's keys.
    package static func key(_ form: String, _ texts: [String], _ forms: FormCatalog) throws -> RecordKey {
        guard let definition = forms[form] else { throw SheetError(.unknownForm, subject: form) }
        guard texts.count == definition.keys.count else {
            let names = definition.keys.map { $0.name.uppercased() }.joined(separator: " ")
            throw Failure(
                .usage,
                Words(
                    "a record of \(form) is named by \(definition.keys.count) values; write "
                        + "`\(form) \(names)`",
                    zh: "\(form) 的记录由 \(definition.keys.count) 个值确定；请写 \(form) \(names)"))
        }
        var values: [Value] = []
        for (text, key) in zip(ordered(texts, by: definition), definition.keys) {
            guard let value = value(CellText.trimmed(Array(text.utf8)[...]), as: key.type) else {
                throw Failure(
                    .usage,
                    Words(
                        "\(key.name) cannot be \(Masking.clean(text)); it is a \(key.type.rawValue)"
                            + (key.type == .date ? " such as 2020-02-03" : ""),
                        zh: "\(key.labels.zh)（\(key.name)）不能是 \(Masking.clean(text))"
                            + (key.type == .date ? "；请写成 2020-02-03 的样式" : "；类型为 \(key.type.rawValue)")))
            }
            values.append(value)
        }
        return RecordKey(form: form, values: values)
    }

    private static func ordered(_ texts: [String], by form: FormDefinition) -> [String] {
        let named = form.keys.compactMap { key in
            texts.first { $0.utf8.starts(with: "\(key.name)=".utf8) }.map { $0.dropFirst(key.name.count + 1) }
        }
        return named.count == texts.count ? named.map { String($0) } : texts
    }

    private static func value(_ text: ArraySlice<UInt8>, as type: FieldType) -> Value? {
        switch type.kind {
        case .integer where type == .date: CellText.date(text).map { .integer(Int64($0)) }
        case .integer where type == .boolean: CellText.boolean(text).map { .boolean($0) }
        case .integer: Int64(String(decoding: text, as: UTF8.self)).map { .integer($0) }
        case .text: text.isEmpty ? nil : .text(Array(text))
        case .decimal, .list: nil
        }
    }
}
