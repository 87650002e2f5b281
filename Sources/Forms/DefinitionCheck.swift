import SyncCore

/// What is wrong with a definition, and where it stands in its file.
public struct DefinitionMistake: Error, Sendable, Hashable {
    public enum Code: String, Sendable, CaseIterable {
        case notJSON = "not_json"
        case unknownName = "unknown_name"
        case missing
        case twice
        case wrongType = "wrong_type"
        case notAllowed = "not_allowed"
        case badName = "bad_name"
        case outOfBounds = "out_of_bounds"
        case noSuchField = "no_such_field"
        case notForType = "not_for_type"
        case badPattern = "bad_pattern"
        case badBound = "bad_bound"
        case hiddenRequired = "hidden_required"
        case frozen
        case tooLarge = "too_large"
        /// Of these parts exactly one may stand there, or one does not go with the other.
        case clash
        case badCondition = "bad_condition"
        case badKeys = "bad_keys"
        case badGroup = "bad_group"
        case badComputed = "bad_computed"
        case notRaisable = "not_raisable"
        case noPost = "no_post"
        case refused
    }

    public var place: JSONNode.Place
    public var code: Code
    /// The field, name or word concerned.
    public var subject: String
    /// What may stand there, or what was meant.
    public var allowed: [String]

    /// Of a file that is so large that nothing in it is looked at.
    static func tooLarge(_ json: [UInt8]) -> DefinitionMistake {
        DefinitionMistake(
            .tooLarge, "\(json.count)", at: JSONNode.Place(line: 1, column: 1),
            allowed: ["\(Limits.valueBytes)"])
    }

    public init(_ code: Code, _ subject: String, at place: JSONNode.Place, allowed: [String] = []) {
        self.place = place
        self.code = code
        self.subject = subject
        self.allowed = allowed
    }
}

/// What a part of a definition may look like.
indirect enum DefinitionShape: Sendable {
    struct Member: Sendable {
        var name: String
        var shape: DefinitionShape
        var isRequired = false

        init(_ name: String, _ shape: DefinitionShape, isRequired: Bool = false) {
            self.name = name
            self.shape = shape
            self.isRequired = isRequired
        }
    }

    case text
    /// Of at most so many bytes.
    case shortText(Int)
    case number(ClosedRange<Int>)
    case boolean
    case word([String])
    case list(DefinitionShape, ClosedRange<Int>)
    case object([Member])
    case map(DefinitionShape)
    case anything

    /// A text in both languages.
    static let labels = DefinitionShape.object([
        Member("en", .text, isRequired: true), Member("zh", .text, isRequired: true),
    ])

    /// What people call it in a message.
    var name: String {
        switch self {
        case .text, .shortText, .word: "text"
        case .number: "number"
        case .boolean: "true or false"
        case .list: "list"
        case .object, .map: "object"
        case .anything: "value"
        }
    }
}

/// Collects what is wrong.
struct DefinitionCheck {
    private(set) var mistakes: [DefinitionMistake] = []

    mutating func add(
        _ code: DefinitionMistake.Code, _ subject: String, at place: JSONNode.Place, allowed: [String] = []
    ) {
        mistakes.append(DefinitionMistake(code, subject, at: place, allowed: allowed))
    }

    mutating func check(_ node: JSONNode, _ name: String, is shape: DefinitionShape) {
        switch (shape, node.content) {
        case (.anything, _), (.boolean, .boolean): break
        case (.text, .text(let text)):
            if text.isEmpty { add(.missing, name, at: node.place) }
        case (.shortText(let longest), .text(let text)):
            if text.isEmpty { add(.missing, name, at: node.place) }
            if text.utf8.count > longest {
                add(.outOfBounds, name, at: node.place, allowed: ["1", "\(longest)"])
            }
        case (.word(let words), .text(let text)):
            if !words.contains(where: { $0.utf8.elementsEqual(text.utf8) }) {
                add(.notAllowed, text, at: node.place, allowed: words)
            }
        case (.number(let range), .number(let text)):
            if Int(text).map({ range.contains($0) }) != true {
                add(
                    .outOfBounds, "\(name) \(text)", at: node.place,
                    allowed: ["\(range.lowerBound)", "\(range.upperBound)"])
            }
        case (.list(let item, let counts), .list(let items)):
            if !counts.contains(items.count) {
                add(
                    .outOfBounds, name, at: node.place,
                    allowed: ["\(counts.lowerBound)", "\(counts.upperBound)"])
            }
            for node in items { check(node, name, is: item) }
        case (.map(let value), .object(let members)):
            twice(members)
            for member in members { check(member.node, member.name, is: value) }
        case (.object(let wanted), .object(let members)):
            check(members, of: node, named: name, wanted)
        default: add(.wrongType, name, at: node.place, allowed: [shape.name])
        }
    }

    private mutating func check(
        _ members: [JSONNode.Member], of node: JSONNode, named name: String,
        _ wanted: [DefinitionShape.Member]
    ) {
        twice(members)
        for member in members {
            let known = wanted.first { $0.name.utf8.elementsEqual(member.name.utf8) }
            if let known {
                check(member.node, known.name, is: known.shape)
            } else {
                add(.unknownName, member.name, at: member.place, allowed: wanted.map(\.name))
            }
        }
        for member in wanted where member.isRequired && node[member.name] == nil {
            add(.missing, member.name, at: node.place)
        }
    }

    private mutating func twice(_ members: [JSONNode.Member]) {
        var seen: Set<[UInt8]> = []
        for member in members where !seen.insert(Array(member.name.utf8)).inserted {
            add(.twice, member.name, at: member.place)
        }
    }

    /// `a` to `z`, digits and one more sign between, beginning with a letter: what a table, a column and a
    /// command line take as it is.
    mutating func checkName(_ node: JSONNode?, sign: Character, longest: Int) {
        guard let node, let name = node.text, !name.isEmpty else { return }
        let isPlain = name.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("0"..."9").contains($0) || Character($0) == sign
        }
        let first = name.unicodeScalars.first.map { ("a"..."z").contains($0) } ?? false
        if !isPlain || !first || name.utf8.count > longest {
            add(.badName, name, at: node.place, allowed: ["a-z", "0-9", String(sign), "\(longest)"])
        }
    }
}
