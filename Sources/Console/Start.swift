public import ArgumentParser
import Foundation

/// How a program begins: reads the command line, and tells a person what is wrong with it.
public enum Start {
    /// Runs the command that the command line names; does not return when it was mistyped.
    public static func run<Root: AsyncParsableCommand>(_ root: Root.Type) async {
        // A reader that has seen enough ends no program: see Output.
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let failure = mistypedVerb(arguments, of: root) { Program.end(failure) }
        do {
            let command = try root.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            let code = root.exitCode(for: error)
            let text = ParserWords.text(root.fullMessage(for: error), in: .current)
            if code == .success { Output.line(text) } else { Output.remark(Words(text, zh: text)) }
            exit(code.rawValue)
        }
    }

    /// The parser would complain about the options behind a verb that does not exist.
    static func mistypedVerb(
        _ arguments: [String], of root: any ParsableCommand.Type
    ) -> Failure? {
        let program = root.configuration.commandName ?? ""
        let verbs = root.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let first = arguments.first, !verbs.isEmpty else { return nil }
        let list = verbs.joined(separator: ", ")
        if first.hasPrefix("-") {
            if ["-h", "--help", "-help", "--version"].contains(first)
                || first.hasPrefix("--generate-completion-script") || first.hasPrefix("--experimental")
            {
                return nil
            }
            return Failure(
                .usage,
                Words(
                    "the command comes first, such as `\(program) \(verbs[0])`, then its options. The "
                        + "commands are \(list)",
                    zh: "命令须写在最前面，例如 \(program) \(verbs[0])，其后才是选项。可用命令：\(list)"))
        }
        guard first != "help", !verbs.contains(first) else { return nil }
        let close = Typo.hint(first, among: verbs)
        return Failure(
            .usage,
            Words("there is no command \(Output.printable(first))", zh: "没有命令 \(Output.printable(first))")
                .joined(close)
                .joined(
                    Words(
                        ". The commands are \(list); `\(program) --help` says what they do",
                        zh: "。可用命令：\(list)；用 \(program) --help 查看说明")))
    }
}

/// What was probably meant.
package enum Typo {
    /// "; did you mean X?", or nothing.
    package static func hint(_ text: String, among known: [String]) -> Words {
        guard let close = closest(to: text, among: known) else { return Words("", zh: "") }
        return Words("; did you mean \(close)?", zh: "；是否想写 \(close)？")
    }

    /// The one of `known` that differs least, when that is little.
    package static func closest(to text: String, among known: [String]) -> String? {
        let wanted = Array(text.lowercased().unicodeScalars.prefix(64))
        let measured = known.map {
            (word: $0, distance: distance(wanted, Array($0.lowercased().unicodeScalars)))
        }
        guard let best = measured.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, wanted.count / 3) ? best.word : nil
    }

    /// Letters to change, add, take away or swap with the next.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var line = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var next = [row + 1]
            for (column, other) in right.enumerated() {
                var least = min(line[column + 1] + 1, next[column] + 1)
                least = min(least, line[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    least = min(least, before[column - 1] + 1)
                }
                next.append(least)
            }
            (before, line) = (line, next)
        }
        return line[right.count]
    }
}
