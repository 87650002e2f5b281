import Console
import Forms

/// A form as people read it.
struct FormText {
    private let form: FormDefinition

    init(_ form: FormDefinition) { self.form = form }

    static func unknown(_ name: String, _ forms: FormCatalog) -> Failure {
        let names = forms.definitions.map(\.form)
        let hint = Typo.hint(Output.printable(name), among: names)
        let list = names.joined(separator: ", ")
        return Failure(
            .noInput,
            Words(
                "there is no form \(Output.printable(name))\(hint.en); there are: \(list)",
                zh: "没有表单 \(Output.printable(name))\(hint.zh)；可用表单：\(list)"))
    }

    func lines() -> [Words] {
        var lines = [
            Words(
                "\(form.form), revision \(form.revision): \(form.labels.en)",
                zh: "\(form.form) 第 \(form.revision) 版：\(form.labels.zh)"), writers,
        ]
        lines += form.keys.map { key in
            Words(
                "  key \(key.name) (\(key.type.rawValue)): \(key.labels.en)",
                zh: "  键 \(key.name)（\(key.type.rawValue)）：\(key.labels.zh)")
        }
        lines += form.fields.map(line)
        lines += (form.rules ?? []).map { rule in
            Words("  rule \(rule.id) raises \(rule.raise)", zh: "  规则 \(rule.id) 生成 \(rule.raise)")
        }
        return lines
    }

    private var writers: Words {
        if form.writers.isEmpty { return Words("nobody writes it: switched off", zh: "无人填写：已停用") }
        let names = form.writers.map { $0 == "branch" ? "支部" : "中心" }.joined(separator: "、")
        return Words("written by: \(form.writers.joined(separator: ", "))", zh: "填写者：\(names)")
    }

    private func line(_ field: FieldDefinition) -> Words {
        var en: [String] = []
        var zh: [String] = []
        func say(_ english: String, _ chinese: String) {
            en.append(english)
            zh.append(chinese)
        }
        if field.required == true { say("required", "必填") }
        if field.requiredIf?.isEmpty == false { say("required in some cases", "特定情况下必填") }
        if field.hidden == true { say("hidden", "已隐藏") }
        if field.personal { say("personal", "个人信息") }
        if let choices = field.choices { say(choices.joined(separator: "/"), choices.joined(separator: "/")) }
        if let least = field.minimum { say("from \(least)", "不小于 \(least)") }
        if let most = field.maximum { say("to \(most)", "不大于 \(most)") }
        if let pattern = field.pattern { say("like \(pattern)", "格式 \(pattern)") }
        if let days = form.retentionDays?["\(field.retentionClass)"] {
            say("kept \(days) days", "保存 \(days) 天")
        }
        if let since = field.since, since > 1 { say("since revision \(since)", "自第 \(since) 版起") }
        let type = field.type.rawValue
        let english = en.isEmpty ? "" : "; " + en.joined(separator: ", ")
        let chinese = zh.isEmpty ? "" : "；" + zh.joined(separator: "，")
        return Words(
            "  \(field.name) (\(type)): \(field.labels.en)\(english)",
            zh: "  \(field.name)（\(type)）：\(field.labels.zh)\(chinese)")
    }
}
