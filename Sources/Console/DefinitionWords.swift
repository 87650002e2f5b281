package import Forms

/// What is wrong with a definition, for people: where, why, and what to do next.
package enum DefinitionWords {
    /// `FILE:LINE:COLUMN: why; what next`.
    package static func line(_ mistake: DefinitionMistake, in file: String) -> Words {
        let place = "\(Output.printable(file)):\(mistake.place.line):\(mistake.place.column): "
        let words = words(mistake)
        let code = mistake.code.rawValue
        return Words("\(place)\(words.en) [\(code)]", zh: "\(place)\(words.zh)〔\(code)〕")
    }

    private static func words(_ mistake: DefinitionMistake) -> Words {
        let subject = Output.printable(mistake.subject)
        let allowed = mistake.allowed.map(Output.printable)
        let list = allowed.joined(separator: ", ")
        let hint = Typo.hint(subject, among: allowed)
        switch mistake.code {
        case .notJSON:
            return Words(
                "this is not JSON from here on; look for a missing comma, quote or bracket",
                zh: "从此处起不是有效的 JSON；请检查是否缺少逗号、引号或括号")
        case .unknownName:
            return Words(
                "\(subject) means nothing here\(hint.en); there may be: \(list)",
                zh: "此处没有 \(subject) 这一项\(hint.zh)；可用：\(list)")
        case .missing: return Words("\(subject) is missing; add it", zh: "缺少 \(subject)；请补上")
        case .twice:
            return Words(
                "\(subject) stands there twice; rename or remove one of them", zh: "\(subject) 重复；请改名或删除其一")
        case .wrongType:
            return Words("\(subject) must be a \(list); write it so", zh: "\(subject) 应为 \(list)；请改写")
        case .notAllowed:
            return Words(
                "\(subject) cannot stand here\(hint.en); write one of: \(list)",
                zh: "此处不能写 \(subject)\(hint.zh)；请写其一：\(list)")
        case .outOfBounds:
            return Words(
                "\(subject) is out of bounds; from \(allowed.first ?? "") to \(allowed.last ?? "") can be",
                zh: "\(subject) 超出范围；可为 \(allowed.first ?? "") 至 \(allowed.last ?? "")")
        default: return more(mistake, subject, list, hint)
        }
    }

    private static func more(
        _ mistake: DefinitionMistake, _ subject: String, _ list: String, _ hint: Words
    ) -> Words {
        switch mistake.code {
        case .badName:
            Words(
                "\(subject) cannot be a name: begin with a letter and use only \(list) characters at most",
                zh: "\(subject) 不能作名称：须以字母开头，且只用（最后一项为最大长度）\(list)")
        case .noSuchField:
            Words(
                "there is no field \(subject)\(hint.en); there are: \(list)",
                zh: "没有字段 \(subject)\(hint.zh)；现有：\(list)")
        case .notForType:
            Words(
                "\(subject) is only for fields of the types \(list); remove it, or change the type",
                zh: "\(subject) 只用于类型 \(list)；请删除或更改类型")
        case .badPattern:
            Words(
                "\(subject) is no pattern: characters, classes such as [a-z] or \\d, counts such as {2,4}, "
                    + "^ and $; without groups and alternatives",
                zh: "\(subject) 不是有效的格式：可用字符、字符类（方括号）、次数（如 {2,4}）以及 ^ 和 $；不可用分组和选择")
        case .badBound:
            Words(
                "\(subject) is neither a number nor the name of a setting; write one of both",
                zh: "\(subject) 既不是数字也不是设置名；请改写")
        case .hiddenRequired:
            Words(
                "\(subject) is hidden and required: nobody could fill it in; take one of both away",
                zh: "\(subject) 既隐藏又必填，无人能填写；请去掉其一")
        case .frozen:
            Words(
                "\(subject) is frozen for the form's life (keys, and ids, names, types, policies, groups and "
                    + "retention of fields; revisions only go up): leave it as it was and raise the "
                    + "revision, or make a form of its own",
                zh: "\(subject) 在表单存续期间不可更改（键，以及字段的编号、名称、类型、合并规则、合并组和保存期限；修订号只能提高）："
                    + "请恢复原样并提高修订号，或另建表单")
        case .tooLarge:
            Words(
                "\(subject) bytes are more than the \(list) that a definition may have; shorten it",
                zh: "\(subject) 字节，超过定义的上限 \(list) 字节；请缩短")
        default:
            Words(
                "\(subject) does not go with the rest of the definition (\(list)); correct it",
                zh: "\(subject) 与定义的其他部分不符（\(list)）；请更正")
        }
    }
}
