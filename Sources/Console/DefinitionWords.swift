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

    /// What a part of a definition is called in Chinese.
    private static func shape(_ name: String) -> String {
        switch name {
        case "text": "文字（加引号）"
        case "number": "整数（不加引号）"
        case "true or false": "是（true）或否（false），不加引号"
        case "list": "列表（用方括号）"
        case "object": "对象（用花括号）"
        default: "值"
        }
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
            return Words(
                "\(subject) must be a \(list); write it so",
                zh: "\(subject) 应为\(allowed.map(shape).joined(separator: "、"))；请改写")
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
        default: last(mistake, subject, list)
        }
    }

    private static func last(_ mistake: DefinitionMistake, _ subject: String, _ list: String) -> Words {
        switch mistake.code {
        case .clash:
            Words(
                "\(subject): of these exactly one can stand here: \(list); take the others away",
                zh: "\(subject)：以下各项只能保留一项：\(list)；请去掉其余")
        case .badCondition:
            Words(
                "\(subject): the condition does not fit the field; isTrue is for boolean fields, atLeast (a "
                    + "number or the name of a setting) for numbers, equals for texts and choices",
                zh: "\(subject)：条件与字段类型不符；isTrue 用于 boolean 字段，atLeast（数字或设置名）用于数字，equals 用于文本和选项")
        case .badKeys:
            Words(
                "\(subject): the keys do not fit; keys that it needs: \(list)",
                zh: "\(subject)：键不符合要求；所需的键：\(list)")
        case .badGroup:
            Words(
                "\(subject) cannot be in this merge group: its fields exist, stand in one group only, and "
                    + "have the policy latest, one retention class and one revision that brought them",
                zh: "\(subject) 不能列入此合并组：组内字段须存在、只属一组，且合并规则均为 latest，保存类别和引入修订号相同")
        case .badComputed:
            Words(
                "\(subject) cannot be computed so: only integer fields are, of people (\(list)); conditions "
                    + "go with checked-in and late alone",
                zh: "\(subject) 不能这样计算：只有 integer 字段可以计算，people 可为 \(list)；条件只能与 checked-in 或 late 同用")
        case .notRaisable:
            Words(
                "\(subject): what is raised needs the fields facts (multi-choice), status (choice: open, "
                    + "taken, closed) and taken_by (person), and a text key rule; add them",
                zh: "\(subject)：被触发的表单须有字段 facts（multi-choice）、status（choice：open、taken、closed）、"
                    + "taken_by（person），以及文本键 rule；请补上")
        case .noPost:
            Words(
                "\(subject): no form says who holds such a post; give a form a post, with a role or "
                    + "without as is asked here",
                zh: "\(subject)：没有表单说明谁担任此岗位；请在表单中加 post，是否带 role 须与此处一致")
        default:
            Words(
                "\(subject) does not go with the rest of the definition (\(list)); correct it",
                zh: "\(subject) 与定义的其他部分不符（\(list)）；请更正")
        }
    }
}
