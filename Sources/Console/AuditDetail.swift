import SyncCore

/// The details of the audit log are kept as they were written, in English; here they are told in Chinese.
package enum AuditDetail {
    /// What stands there, for people.
    package static func words(_ detail: String, of event: String) -> Words {
        let text = Output.printable(detail)
        return Words(text, zh: chinese(text))
    }

    private static func chinese(_ detail: String) -> String {
        detail.split(separator: "; ", omittingEmptySubsequences: false).map { part(String($0)) }
            .joined(separator: "；")
    }

    /// A part as a template says it; as it stands where none fits.
    private static func part(_ part: String) -> String {
        if let code = part.split(separator: " ").first.flatMap({ UInt16($0) }), code >= 100 {
            return RefusalWords.words(for: Refuse(RefusalCode(rawValue: code), words: "")).zh
        }
        for (pattern, zh) in templates {
            guard let found = captures(of: pattern, in: part) else { continue }
            var text = zh
            for (index, capture) in found.enumerated() {
                text = text.replacing("{\(index + 1)}", with: choice(capture))
            }
            return text
        }
        return part
    }

    /// Words that may stand in a gap.
    private static func choice(_ word: String) -> String {
        switch word {
        case "active": "已生效"
        case "pending": "待确认"
        case "all that was handed over": "全部交出的内容"
        case "held before it was revoked": "撤销前已收到的内容"
        default: word
        }
    }

    /// `_` is a gap. The first that fits counts.
    private static let templates: [(String, String)] = [
        ("_: _ rows taken, _ unchanged, _ refused", "{1}：接受 {2} 行，未变 {3} 行，拒绝 {4} 行"),
        ("_ of _, unmasked: _", "{2} 共 {1} 条，未遮盖：{3}"),
        ("_, unmasked: _", "{1}，未遮盖：{2}"),
        ("brief _", "{1} 简报"),
        ("_: _ trimmed, _ removed", "{1}：清空 {2} 条，删除 {3} 条"),
        ("codes _, revoked _", "作废加入码 {1} 个，撤销设备 {2} 台"),
        ("_ entries, _: _", "{1} 条，{2}：{3}"),
        ("_ versions: _", "{1} 个版本：{2}"),
        ("_ origins", "{1} 个来源"),
        ("from _", "来自 {1}"),
        ("key _", "密钥 {1}"),
        ("replica _", "副本 {1}"),
        ("_ more like it", "另有 {1} 次相同"),
        ("_ more before it", "此前另有 {1} 次"),
        ("_, trusted", "{1}，免确认"),
        ("_, held already", "{1}，此前已收到"),
        ("refused: no device of this hub wrote it", "拒绝：并非本汇总端的设备所写"),
        ("transcript of sessions", "会话转录"),
        ("secrets of connections logged", "记录连接密钥"),
        ("new epoch", "新纪元"),
        ("_ lines could not be read", "{1} 行无法识别"),
        ("_ devices that they name were revoked", "其中写明的 {1} 台设备已撤销"),
        ("_ were not in revocations.jsonl", "{1} 条不在 revocations.jsonl 中"),
        ("form _, revision _", "表单 {1} 第 {2} 版"),
        ("board _, revision _", "看板 {1} 第 {2} 版"),
        ("_ by _", "{1}，处置人 {2}"),
        ("_ records: _", "{1} 条记录：{2}"),
        ("_ record: _", "{1} 条记录：{2}"),
        ("_ of _", "{2} 共 {1} 条"),
        ("active", "已生效"),
        ("pending", "待确认"),
    ]

    /// What stands in the gaps; nil where the text is another.
    private static func captures(of pattern: String, in text: String) -> [String]? {
        let literals = pattern.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard let first = literals.first, text.hasPrefix(first) else { return nil }
        var rest = text.dropFirst(first.count)
        var found: [String] = []
        for (index, literal) in literals.enumerated().dropFirst() {
            if literal.isEmpty, index == literals.count - 1 {
                found.append(String(rest))
                rest = ""
                continue
            }
            let isLast = index == literals.count - 1
            guard
                let range = isLast
                    ? (rest.hasSuffix(literal)
                        ? rest.index(rest.endIndex, offsetBy: -literal.count)..<rest.endIndex : nil)
                    : rest.firstRange(of: literal)
            else { return nil }
            found.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return rest.isEmpty && found.allSatisfy { !$0.isEmpty } ? found : nil
    }
}
