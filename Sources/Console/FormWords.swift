import Forms

/// Why a form definition is not taken, and what to do.
enum FormWords {
    static func failure(for error: FormDefinitionError) -> Failure {
        let form = Output.printable(error.form)
        let subject = Output.printable(error.subject)
        guard error.code == .frozen else {
            return Failure(
                .usage,
                Words(
                    "the form \(form) cannot be used: \(subject) [\(error.code.rawValue)]; correct the "
                        + "definition",
                    zh: "表单 \(form) 无法使用：\(subject)〔\(error.code.rawValue)〕；请更正其定义"))
        }
        return Failure(
            .usage,
            Words(
                "this revision of the form \(form) changes \(subject), which is frozen for the form's life: "
                    + "keys, and the ids, names, types, merge policies, groups and retention of its fields. "
                    + "Make it a form of its own, or leave that as it was and raise the revision",
                zh: "表单 \(form) 的此修订版改动了 \(subject)，而键、字段编号、名称、类型、合并规则、合并组和保存期限"
                    + "在表单存续期间不可更改。请另建表单，或恢复原样并提高修订号"))
    }
}
