import Foundation

/// What the argument parser says, in the person's language. It knows English only; what is not in this list
/// stays as it is.
enum ParserWords {
    static func text(_ message: String, in language: Language) -> String {
        guard language == .chinese else { return message }
        return message.split(separator: "\n", omittingEmptySubsequences: false).map { line(String($0)) }
            .joined(separator: "\n")
    }

    private static let headings = [
        ("OVERVIEW: ", "概述："), ("OVERVIEW:", "概述："), ("USAGE: ", "用法："), ("Usage: ", "用法："),
        ("ARGUMENTS:", "参数："),
        ("OPTIONS:", "选项："), ("SUBCOMMANDS:", "命令："), ("Help:  ", "说明：  "),
    ]
    private static let phrases = [
        ("Show help information.", "显示帮助。"), ("Show the version.", "显示版本。"),
        ("Show subcommand help information.", "显示某个命令的帮助。"), ("<subcommand>", "<命令>"),
        ("(default: ", "（默认值："), ("(values: ", "（可选值："),
    ]

    private static func line(_ line: String) -> String {
        if line.hasPrefix("Error: ") { return "错误：" + error(String(line.dropFirst(7))) }
        if let rest = between(line, "  See '", "' for more information.") {
            return "  用“\(rest)”查看详细说明。"
        }
        if let rest = between(line, "  See '", "' for detailed help.") { return "  用“\(rest)”查看详细说明。" }
        for (english, chinese) in headings where line.hasPrefix(english) {
            return chinese + phrased(String(line.dropFirst(english.count)))
        }
        return phrased(line)
    }

    private static func phrased(_ line: String) -> String {
        phrases.reduce(line) { line, phrase in
            guard line.contains(phrase.0) else { return line }
            let replaced = line.replacing(phrase.0, with: phrase.1)
            return phrase.1.hasPrefix("（") ? replaced.replacing(")", with: "）") : replaced
        }
    }

    private static func error(_ text: String) -> String {
        if let name = between(text, "Missing expected argument '", "'") { return "缺少“\(name)”" }
        if let name = between(text, "Missing value for '", "'") { return "“\(name)”后面缺少值" }
        if let names = between(text, "Unknown option '", "'?") {
            let parts = names.components(separatedBy: "'. Did you mean '")
            if parts.count == 2 { return "没有选项“\(parts[0])”；是否想写“\(parts[1])”？" }
        }
        if let name = between(text, "Unknown option '", "'") { return "没有选项“\(name)”" }
        if let name = between(text, "Unexpected argument '", "'") { return "多余的参数“\(name)”" }
        if let cut = text.range(of: " unexpected arguments: ") {
            return "多余的参数：\(text[cut.upperBound...])"
        }
        if let rest = between(text, "The value '", "") {
            let parts = rest.components(separatedBy: "' is invalid for '")
            guard parts.count == 2, let end = parts[1].range(of: "'") else { return text }
            let choices = parts[1][end.upperBound...]
                .replacing(". Please provide one of ", with: "；可选：").replacing(" and ", with: "、")
                .replacing(" or ", with: "、").trimmingCharacters(in: ["."])
            return "“\(parts[0])”不能用作“\(parts[1][..<end.lowerBound])”的值\(choices)"
        }
        return text
    }

    /// What stands between a beginning and an end of the text; nil when it has another shape.
    private static func between(_ text: String, _ start: String, _ end: String) -> String? {
        guard text.hasPrefix(start) else { return nil }
        let rest = text.dropFirst(start.count).drop { $0 == "\n" }
        let trimmed = rest.hasSuffix(".") && !end.hasSuffix(".") ? rest.dropLast() : rest
        guard trimmed.hasSuffix(end) else { return nil }
        return String(trimmed.dropLast(end.count))
    }
}
