import Foundation

/// The language of what people read.
public enum Language: Sendable, Hashable {
    case english
    case chinese

    /// From LC_ALL, LC_MESSAGES and LANG, the first that is set.
    public static let current = Language(environment: ProcessInfo.processInfo.environment)

    public init(environment: [String: String]) {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty }
        self = (locale ?? "").hasPrefix("zh") ? .chinese : .english
    }
}

/// A text in both languages.
public struct Words: Sendable, Hashable {
    public var en: String
    public var zh: String

    public init(_ en: String, zh: String) {
        self.en = en
        self.zh = zh
    }

    public func text(_ language: Language = .current) -> String {
        language == .chinese ? zh : en
    }
}

extension Words {
    /// This text and another behind it.
    public func joined(_ other: Words) -> Words { Words(en + other.en, zh: zh + other.zh) }
}
