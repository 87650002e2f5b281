import Foundation

/// JSON with its members in the order in which they were written down, and no floating point.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Int64)
    case string(String)
    case array([JSON])
    case object([(key: String, value: JSON)])

    /// Pretty, in the order given: what fits stays on one line.
    var text: String { rendered(indent: 0, width: 108) + "\n" }

    /// One line with sorted members: equal for equal content, byte by byte.
    private var comparable: [UInt8] { Array(sorted.rendered(indent: 0, width: .max).utf8) }

    private var sorted: JSON {
        switch self {
        case .array(let items): .array(items.map(\.sorted))
        case .object(let members):
            .object(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.sorted) })
        default: self
        }
    }

    private func rendered(indent: Int, width: Int) -> String {
        let flat = flatText
        if flat.utf8.count <= width { return flat }
        let space = String(repeating: " ", count: indent + 2)
        let end = String(repeating: " ", count: indent)
        switch self {
        case .array(let items) where !items.isEmpty:
            let lines = items.map { space + $0.rendered(indent: indent + 2, width: width - 2) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(end)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map { member in
                let name = JSON.quoted(member.key) + ": "
                return space + name
                    + member.value.rendered(indent: indent + 2, width: width - 2 - name.utf8.count)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(end)}"
        default: return flat
        }
    }

    private var flatText: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let number): "\(number)"
        case .string(let string): JSON.quoted(string)
        case .array(let items): "[" + items.map(\.flatText).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { JSON.quoted($0.key) + ": " + $0.value.flatText }.joined(separator: ", ") + "}"
        }
    }

    /// Control characters and combining marks are escaped, so that no editor changes them.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            byte >= 0x20 && byte != 0x22 && byte != 0x5c && byte != 0x7f && byte != 0xcc && byte != 0xcd
        }
        if isPlain { return "\"" + text + "\"" }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: result += "\\\""
            case 0x5c: result += "\\\\"
            case 0..<0x20, 0x7f, 0x300...0x36f:
                result += "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst()
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    // MARK: - Looking inside

    subscript(key: String) -> JSON {
        guard case .object(let members) = self else { return .null }
        return members.first { $0.key == key }?.value ?? .null
    }

    var items: [JSON] {
        if case .array(let items) = self { return items }
        return []
    }

    var members: [(key: String, value: JSON)] {
        if case .object(let members) = self { return members }
        return []
    }

    var string: String {
        if case .string(let string) = self { return string }
        return ""
    }

    var number: Int64 {
        if case .number(let number) = self { return number }
        return 0
    }

    var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    var isTrue: Bool {
        if case .bool(true) = self { return true }
        return false
    }
}

extension JSON: Equatable {
    static func == (left: JSON, right: JSON) -> Bool { left.comparable == right.comparable }
}

extension JSON: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else if let string = try? container.decode(String.self) {
            self = .string(string)
        } else if let items = try? container.decode([JSON].self) {
            self = .array(items)
        } else {
            let members = try container.decode([String: JSON].self)
            self = .object(members.keys.sorted().map { (key: $0, value: members[$0] ?? .null) })
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: JSON...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
    init(nilLiteral: ()) { self = .null }
}
