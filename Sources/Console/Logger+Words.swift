public import Logging

extension Logger {
    /// Logs what a person reads at the terminal in their language.
    ///
    /// - Parameters:
    ///   - event: what scripts look for, the same in every language, as `more` is.
    public func say(
        _ level: Level, _ event: String, _ words: Words, _ more: [String: String] = [:],
        file: String = #fileID
    ) {
        var metadata: Metadata = ["event": .string(event)]
        for (name, value) in more { metadata[name] = .string(value) }
        log(level: level, "\(words.text())", metadata: metadata, file: file)
    }
}
