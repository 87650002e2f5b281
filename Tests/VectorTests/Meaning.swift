import SyncCore

@testable import SyncWire

/// Values as the vector files tell them.
enum Meaning {
    static func origin(_ origin: OriginID) -> JSON { .hex(Bytes.word(origin)) }
    static func number(_ number: UInt64) -> JSON { .string("\(number)") }
    static func dot(_ dot: Dot) -> JSON { [origin(dot.origin), number(dot.sequence)] }
    static func text(_ bytes: [UInt8]) -> JSON { .string(String(decoding: bytes, as: UTF8.self)) }
    static func digest(_ digest: Digest) -> JSON { .hex(digest.bytes) }
    static func token(_ token: Token16) -> JSON { .hex(token.bytes) }

    static func value(_ value: Value) -> JSON {
        switch value {
        case .notStated: nil
        case .integer(let number): ["integer": .string("\(number)")]
        case .decimal(let unscaled, let scale):
            ["decimal": .string("\(unscaled)"), "scale": .number(Int64(scale))]
        case .text(let bytes): ["text": text(bytes)]
        case .list(let items): ["list": .array(items.map(text))]
        }
    }

    static func vector(_ vector: VersionVector) -> JSON {
        .array(vector.entries.map { [origin($0.origin), number($0.count)] })
    }

    static func context(_ context: Context) -> JSON {
        ["vector": vector(context.vector), "dots": .array(context.dots.map(dot))]
    }

    /// What is as usual (no author, no flags, the empty context, no authored dot) is left out.
    static func version(_ version: Version, named: Bool, afterHole: Bool = false) -> JSON {
        var members: [(key: String, value: JSON)] = []
        if named { members.append((key: "dot", value: dot(version.dot))) }
        members.append((key: "form", value: .string(version.key.form)))
        members.append((key: "revision", value: .number(Int64(version.formRevision))))
        members.append((key: "key", value: .array(version.key.values.map(value))))
        members.append((key: "authored", value: .number(version.authored)))
        members.append((key: "stated", value: .number(version.stated)))
        members.append((key: "firstCreated", value: .number(version.firstCreated)))
        if !version.author.isEmpty { members.append((key: "author", value: text(version.author))) }
        var flags: [JSON] = []
        if version.isDelete { flags.append("delete") }
        if !version.clockTrusted { flags.append("clock untrusted") }
        if afterHole { flags.append("after hole") }
        if !flags.isEmpty { members.append((key: "flags", value: .array(flags))) }
        if let first = version.authoredDot { members.append((key: "authoredDot", value: dot(first))) }
        if !version.context.isEmpty { members.append((key: "context", value: context(version.context))) }
        let fields = version.assignments.map { assignment -> JSON in
            [
                "field": .number(Int64(assignment.field)), "class": .number(Int64(assignment.retentionClass)),
                "value": value(assignment.value),
            ]
        }
        members.append((key: "fields", value: .array(fields)))
        return .object(members)
    }

    /// All rows; many that say the same are told once.
    static func rows(_ rows: VersionColumns, dots: [Dot]? = nil) -> JSON {
        func told(_ row: Int) -> JSON {
            version(
                rows.version(at: row, dot: dots?[row] ?? Dot(origin: 1, sequence: 1)), named: dots != nil,
                afterHole: rows.flags[row] & VersionFlags.afterHole.rawValue != 0)
        }
        guard rows.count > 16, dots == nil, isUniform(rows) else {
            return .array((0..<rows.count).map(told))
        }
        return ["count": .number(Int64(rows.count)), "each": told(0)]
    }

    private static func isUniform(_ rows: VersionColumns) -> Bool {
        func same<Element: Equatable>(_ values: [Element]) -> Bool {
            values.isEmpty || values == Array(repeating: values[0], count: values.count)
        }
        func same(_ columns: [Column]) -> Bool {
            columns.allSatisfy { same($0.presence) && same($0.integers) && same($0.index) }
        }
        return same(rows.authored) && same(rows.stated) && same(rows.firstCreated) && same(rows.flags)
            && same(rows.author) && same(rows.context) && rows.authoredDots.isEmpty
            && rows.groups.count == 1 && rows.groups.allSatisfy { same($0.keys) && same($0.fields) }
    }
}

/// The same backwards, for what is written from its meaning.
enum Reading {
    static func origin(_ json: JSON) -> OriginID { UInt64(json.string, radix: 16) ?? 0 }
    static func number(_ json: JSON) -> UInt64 { UInt64(json.string) ?? 0 }
    static func dot(_ json: JSON) -> Dot {
        Dot(origin: origin(json.items[0]), sequence: number(json.items[1]))
    }
    static func text(_ json: JSON) -> [UInt8] { Array(json.string.utf8) }

    static func value(_ json: JSON) -> Value {
        for (key, content) in json.members {
            switch key {
            case "integer": return .integer(Int64(content.string) ?? 0)
            case "decimal":
                return .decimal(
                    unscaled: Int64(content.string) ?? 0, scale: UInt8(clamping: json["scale"].number))
            case "text": return .text(text(content))
            case "list": return .list(content.items.map(text))
            default: continue
            }
        }
        return .notStated
    }

    static func entries(_ json: JSON) -> [VersionVector.Entry] {
        json.items.map { VersionVector.Entry(origin: origin($0.items[0]), count: number($0.items[1])) }
    }

    static func context(_ json: JSON) -> Context {
        VersionVector(canonical: entries(json["vector"])).flatMap {
            Context(canonical: $0, dots: json["dots"].items.map(dot))
        } ?? .empty
    }

    private static func flags(_ json: JSON) -> [String] { json["flags"].items.map(\.string) }

    static func version(_ json: JSON) -> Version {
        Version(
            dot: json["dot"].isNull ? Dot(origin: 1, sequence: 1) : dot(json["dot"]),
            key: RecordKey(form: json["form"].string, values: json["key"].items.map(value)),
            formRevision: UInt32(clamping: json["revision"].number), context: context(json["context"]),
            isDelete: flags(json).contains("delete"),
            clockTrusted: !flags(json).contains("clock untrusted"), authored: json["authored"].number,
            stated: json["stated"].number, firstCreated: json["firstCreated"].number,
            author: text(json["author"]),
            authoredDot: json["authoredDot"].isNull ? nil : dot(json["authoredDot"]),
            assignments: json["fields"].items.map {
                Assignment(
                    field: FieldID(clamping: $0["field"].number),
                    retentionClass: UInt8(clamping: $0["class"].number), value: value($0["value"]))
            })
    }

    static func rows(_ json: JSON) -> VersionColumns {
        var told = json.items
        if told.isEmpty { told = Array(repeating: json["each"], count: Int(json["count"].number)) }
        return VersionColumns(told.map(version)) { flags(told[$0]).contains("after hole") }
    }
}
