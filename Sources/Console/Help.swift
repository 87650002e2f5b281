public import ArgumentParser

extension ArgumentHelp {
    /// What `--help` says of an option, in the language of this process.
    public init(_ en: String, zh: String) { self.init(Words(en, zh: zh).text()) }
}

extension CommandConfiguration {
    /// A verb with what `--help` says of it, in the language of this process.
    ///
    /// - Parameter example: a whole command line, the same in every language.
    public init(
        _ name: String, _ abstract: Words, discussion: Words? = nil, example: String? = nil,
        version: String = "", subcommands: [any ParsableCommand.Type] = []
    ) {
        let parts = [
            discussion?.text(), example.map { Words("Example: \($0)", zh: "示例：\($0)").text() },
        ]
        self.init(
            commandName: name, abstract: abstract.text(),
            discussion: parts.compactMap { $0 }.joined(separator: "\n\n"), version: version,
            subcommands: subcommands)
    }
}
