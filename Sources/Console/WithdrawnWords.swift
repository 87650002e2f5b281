package import Forms
package import SyncCore

/// A hub's rules take back what they raised by a clock that ran ahead, or of what had not all come.
package enum WithdrawnWords {
    /// Nil for a version that is no such delete.
    package static func words(of version: Version, _ forms: FormCatalog) -> Words? {
        guard version.isDelete, version.author.isEmpty, let form = forms[version.key.form],
            let raised = RaisedForm(form)
        else { return nil }
        let rule = raised.rule(of: version.key)
        guard let watch = (form.watches ?? []).first(where: { $0.id.utf8.elementsEqual(rule.utf8) }) else {
            return nil
        }
        if watch.differs != nil {
            return Words(
                "withdrawn by the hub: the numbers agree with the check-ins of the time of the report",
                zh: "由汇总端撤回：数字与报告时的打卡已相符")
        }
        if watch.beside != nil {
            return Words(
                "withdrawn by the hub: one of the records has been corrected, and they agree",
                zh: "由汇总端撤回：其中一方已更正，不再矛盾")
        }
        if watch.gap != nil {
            return Words(
                "withdrawn by the hub: the roster names somebody now, or the hub's clock had run ahead",
                zh: "由汇总端撤回：值班表已排有人，或汇总端时钟曾过快")
        }
        guard watch.missing != nil else { return nil }
        return Words(
            "withdrawn by the hub: its clock had run ahead, and the rule is judged again when its time comes",
            zh: "由汇总端撤回：其时钟曾过快，到时会重新判断该规则")
    }
}
