package import Forms
package import SyncCore
package import SyncStore

/// Checks what a person decides by the form's own checks, before it is written.
package enum DecisionCheck {
    /// The edits with their times. A day that is long past is decided under the time that the answers stated.
    ///
    /// - Throws: ``Failure`` with the reason, the first one that holds.
    package static func checked(
        _ edits: [RecordEdit], of key: RecordKey, onto state: RecordState, _ form: CompiledForm,
        at moment: AuthoringMoment
    ) throws -> [RecordEdit] {
        try edits.map { edit in
            var edit = edit
            var refused = refusal(of: edit, key, state, form, moment)
            if refused?.reason == Reason.dateOutOfPeriod, edit.stated == nil {
                edit.stated = state.siblings.map(\.stated).max()
                refused = refusal(of: edit, key, state, form, moment)
            }
            guard let refused else { return edit }
            let name = form.definition.field(refused.field)?.name ?? form.definition.form
            throw Failure(
                .someRefused,
                Words("refused, nothing was saved: \(name): ", zh: "拒绝，未保存任何内容：\(name)：")
                    .joined(ReasonWords.words(for: refused.reason)))
        }
    }

    private static func refusal(
        of edit: RecordEdit, _ key: RecordKey, _ state: RecordState, _ form: CompiledForm,
        _ moment: AuthoringMoment
    ) -> Finding? {
        let stated = edit.stated ?? moment.time
        let version = Version(
            dot: Dot(origin: 1, sequence: 1), key: key, formRevision: form.definition.revision,
            context: edit.context, isDelete: edit.isDelete, clockTrusted: moment.isTrusted,
            authored: moment.time, stated: stated, firstCreated: min(stated, state.firstCreated),
            assignments: edit.assignments)
        return form.findings(of: version).first(where: \.isRefusal)
    }

    /// Reads `FIELD=VALUE`.
    ///
    /// - Throws: ``Failure`` that names the field.
    package static func assignment(_ text: String, _ form: CompiledForm) throws -> Assignment {
        guard let equals = text.firstIndex(of: "=") else {
            throw Failure(
                .usage,
                Words(
                    "write FIELD=VALUE, such as temperature=36.5, not \(Output.printable(text))",
                    zh: "请写 字段=值，例如 temperature=36.5，而不是 \(Output.printable(text))"))
        }
        let name = String(text[..<equals])
        guard let field = form.definition.field(named: name) else {
            let known = form.definition.fields.map(\.name)
            let hint = Typo.hint(name, among: known)
            throw Failure(
                .usage,
                Words(
                    "\(form.definition.form) has no field \(Output.printable(name))\(hint.en)",
                    zh: "\(form.definition.form) 没有字段 \(Output.printable(name))\(hint.zh)"))
        }
        let cell = Array(text[text.index(after: equals)...].utf8)
        switch CellValue.read(cell[...], as: field.type, scale: field.scale ?? 0, zone: form.zone) {
        case .success(let value):
            return Assignment(field: field.id, retentionClass: field.retentionClass, value: value)
        case .failure(let unreadable):
            throw Failure(
                .someRefused,
                Words("refused, nothing was saved: \(name): ", zh: "拒绝，未保存任何内容：\(name)：")
                    .joined(ReasonWords.words(for: unreadable.reason(of: field))))
        }
    }
}
