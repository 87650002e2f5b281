/// A JSON text with the place of everything in it, so that a mistake can be shown where it stands.
public struct JSONNode: Sendable, Hashable {
    /// From 1; columns count characters.
    public struct Place: Sendable, Hashable {
        public var line: Int
        public var column: Int

        public init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    public struct Member: Sendable, Hashable {
        public var name: String
        public var place: Place
        public var node: JSONNode
    }

    public indirect enum Content: Sendable, Hashable {
        case object([Member])
        case list([JSONNode])
        case text(String)
        /// As it is written.
        case number(String)
        case boolean(Bool)
        case null
    }

    public var place: Place
    public var content: Content

    /// Objects and lists within one another.
    public static let depthLimit = 32

    /// What cannot be read as JSON, and where.
    public struct Unreadable: Error, Sendable, Hashable {
        public var place: Place
    }

    /// - Throws: ``Unreadable``.
    public init(parsing bytes: [UInt8]) throws(Unreadable) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Unreadable(place: Place(line: 1, column: 1))
        }
        var parser = JSONParser(Array(text.unicodeScalars))
        self = try parser.whole()
    }

    init(place: Place, content: Content) {
        self.place = place
        self.content = content
    }

    public subscript(name: String) -> JSONNode? {
        members.first { $0.name.utf8.elementsEqual(name.utf8) }?.node
    }

    public var members: [Member] {
        if case .object(let members) = content { members } else { [] }
    }

    public var items: [JSONNode] {
        if case .list(let items) = content { items } else { [] }
    }

    public var text: String? {
        if case .text(let text) = content { text } else { nil }
    }

    public var integer: Int? {
        if case .number(let text) = content { Int(text) } else { nil }
    }

    /// Where a text stands as a value, or else as a name, the first time.
    public func place(of wanted: String) -> Place? {
        if let text, text.utf8.elementsEqual(wanted.utf8) { return place }
        for item in items { if let found = item.place(of: wanted) { return found } }
        for member in members { if let found = member.node.place(of: wanted) { return found } }
        return members.first { $0.name.utf8.elementsEqual(wanted.utf8) }?.place
    }
}

private struct JSONParser {
    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var place = JSONNode.Place(line: 1, column: 1)

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func whole() throws(JSONNode.Unreadable) -> JSONNode {
        if peek == "\u{feff}" { advance() }
        let node = try value(depth: 0)
        skipBlanks()
        guard at == scalars.count else { throw unreadable }
        return node
    }

    private var unreadable: JSONNode.Unreadable { JSONNode.Unreadable(place: place) }
    private var peek: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func advance() {
        if scalars[at] == "\n" {
            place = JSONNode.Place(line: place.line + 1, column: 1)
        } else {
            place.column += 1
        }
        at += 1
    }

    private mutating func skipBlanks() {
        while let next = peek, next == " " || next == "\n" || next == "\r" || next == "\t" { advance() }
    }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard peek == wanted else { return false }
        advance()
        return true
    }

    private mutating func word(_ word: String) throws(JSONNode.Unreadable) {
        for scalar in word.unicodeScalars {
            guard take(scalar) else { throw unreadable }
        }
    }

    private mutating func value(depth: Int) throws(JSONNode.Unreadable) -> JSONNode {
        skipBlanks()
        let start = place
        guard depth < JSONNode.depthLimit, let first = peek else { throw unreadable }
        let content: JSONNode.Content
        switch first {
        case "{": content = .object(try object(depth: depth + 1))
        case "[": content = .list(try list(depth: depth + 1))
        case "\"": content = .text(try string())
        case "t":
            try word("true")
            content = .boolean(true)
        case "f":
            try word("false")
            content = .boolean(false)
        case "n":
            try word("null")
            content = .null
        default: content = .number(try number())
        }
        return JSONNode(place: start, content: content)
    }

    private mutating func object(depth: Int) throws(JSONNode.Unreadable) -> [JSONNode.Member] {
        var members: [JSONNode.Member] = []
        _ = take("{")
        skipBlanks()
        if take("}") { return members }
        while true {
            skipBlanks()
            let start = place
            guard peek == "\"" else { throw unreadable }
            let name = try string()
            skipBlanks()
            guard take(":") else { throw unreadable }
            members.append(JSONNode.Member(name: name, place: start, node: try value(depth: depth)))
            skipBlanks()
            if take("}") { return members }
            guard take(",") else { throw unreadable }
        }
    }

    private mutating func list(depth: Int) throws(JSONNode.Unreadable) -> [JSONNode] {
        var items: [JSONNode] = []
        _ = take("[")
        skipBlanks()
        if take("]") { return items }
        while true {
            items.append(try value(depth: depth))
            skipBlanks()
            if take("]") { return items }
            guard take(",") else { throw unreadable }
        }
    }

    private mutating func number() throws(JSONNode.Unreadable) -> String {
        var text = ""
        while let next = peek, "+-.0123456789eE".unicodeScalars.contains(next) {
            text.unicodeScalars.append(next)
            advance()
        }
        guard text.contains(where: \.isNumber) else { throw unreadable }
        return text
    }

    private mutating func string() throws(JSONNode.Unreadable) -> String {
        _ = take("\"")
        var text = String.UnicodeScalarView()
        while let next = peek {
            guard next.value >= 0x20 else { throw unreadable }
            advance()
            if next == "\"" { return String(text) }
            guard next == "\\" else {
                text.append(next)
                continue
            }
            text.append(try escaped())
        }
        throw unreadable
    }

    private mutating func escaped() throws(JSONNode.Unreadable) -> Unicode.Scalar {
        guard let kind = peek else { throw unreadable }
        advance()
        switch kind {
        case "\"", "\\", "/": return kind
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            var code = try hexadecimal()
            if (0xd800..<0xdc00).contains(code) {
                guard take("\\"), take("u") else { throw unreadable }
                let low = try hexadecimal()
                guard (0xdc00..<0xe000).contains(low) else { throw unreadable }
                code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw unreadable }
            return scalar
        default: throw unreadable
        }
    }

    private mutating func hexadecimal() throws(JSONNode.Unreadable) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let next = peek, let digit = Character(next).hexDigitValue else { throw unreadable }
            code = code << 4 | UInt32(digit)
            advance()
        }
        return code
    }
}
