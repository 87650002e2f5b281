/// What the canonical bytes of a version say by themselves: everything but the values of its fields.
public struct CanonicalVersion: Sendable, Hashable {
    /// Without assignments.
    public var version: Version
    /// The salted hashes of its classes, ascending.
    public var classes: [KeptHashes.ClassHash]

    /// Reads what digest(n) is the SHA-256 of; nil unless the bytes are canonical and used up exactly.
    public init?(_ bytes: [UInt8]) {
        var reader = CanonicalReader(bytes)
        guard reader.take(Canonical.versionMark.count).map({ Array($0) == Canonical.versionMark }) == true,
            let origin = reader.word(), let sequence = reader.word(), let raw = reader.byte(),
            raw & ~VersionFlags.digested.rawValue == 0
        else { return nil }
        let flags = VersionFlags(rawValue: raw)
        var authoredDot: Dot?
        if flags.contains(.hasAuthoredDot) {
            guard let origin = reader.word(), let sequence = reader.word() else { return nil }
            authoredDot = Dot(origin: origin, sequence: sequence)
        }
        guard let context = reader.context(), let name = reader.counted(upTo: Limits.formNameBytes),
            let form = String(validating: name, as: UTF8.self),
            let revision = reader.varint().flatMap(UInt32.init(exactly:)),
            let authored = reader.time(), let stated = reader.time(), let created = reader.time(),
            let author = reader.counted(upTo: Limits.authorBytes), let key = reader.key(),
            let classes = reader.classes(), reader.isAtEnd
        else { return nil }
        self.classes = classes
        version = Version(
            dot: Dot(origin: origin, sequence: sequence), key: RecordKey(form: form, values: key),
            formRevision: revision, context: context, isDelete: flags.contains(.delete),
            clockTrusted: !flags.contains(.clockUntrusted), authored: authored, stated: stated,
            firstCreated: created, author: author, authoredDot: authoredDot, assignments: [])
    }

    /// Reads what a class hash is made of: salt, count, fields with their values; nil unless it is canonical.
    public static func assignments(of part: VersionPreimage.Class) -> [Assignment]? {
        var reader = CanonicalReader(part.bytes)
        guard reader.take(Token16.size) != nil, let count = reader.varint(), count > 0,
            count <= UInt64(Limits.groupFields)
        else { return nil }
        var assignments: [Assignment] = []
        for _ in 0..<count {
            guard let field = reader.varint().flatMap(FieldID.init(exactly:)),
                field > assignments.last?.field ?? 0, let value = reader.value()
            else { return nil }
            assignments.append(
                Assignment(field: field, retentionClass: part.retentionClass, value: value))
        }
        return reader.isAtEnd ? assignments : nil
    }
}

/// A cursor over canonical bytes that came from outside.
private struct CanonicalReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func byte() -> UInt8? { take(1)?.first }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - offset else { return nil }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    mutating func word() -> UInt64? { take(8)?.reduce(0) { $0 << 8 | UInt64($1) } }
    mutating func varint() -> UInt64? { Canonical.readVarint(bytes[...], at: &offset) }

    mutating func time() -> Milliseconds? {
        guard let time = varint().map(Canonical.unzigzag), time >= -Limits.time, time <= Limits.time else {
            return nil
        }
        return time
    }

    mutating func counted(upTo limit: Int) -> [UInt8]? {
        guard let count = varint(), count <= UInt64(limit) else { return nil }
        return take(Int(count)).map(Array.init)
    }

    mutating func value() -> Value? { Canonical.decode(bytes[...], at: &offset) }

    mutating func context() -> Context? {
        guard let entries = varint(), entries <= UInt64(Limits.contextEntries) else { return nil }
        var vector: [VersionVector.Entry] = []
        for _ in 0..<entries {
            guard let origin = word(), let count = varint() else { return nil }
            vector.append(VersionVector.Entry(origin: origin, count: count))
        }
        guard let count = varint(), count <= UInt64(Limits.contextDots) else { return nil }
        var dots: [Dot] = []
        for _ in 0..<count {
            guard let origin = word(), let sequence = varint() else { return nil }
            dots.append(Dot(origin: origin, sequence: sequence))
        }
        return VersionVector(canonical: vector).flatMap { Context(canonical: $0, dots: dots) }
    }

    mutating func key() -> [Value]? {
        guard let count = varint(), count <= UInt64(Limits.groupKeys) else { return nil }
        var values: [Value] = []
        for _ in 0..<count {
            guard let value = value() else { return nil }
            values.append(value)
        }
        return values
    }

    mutating func classes() -> [KeptHashes.ClassHash]? {
        guard let count = byte() else { return nil }
        var classes: [KeptHashes.ClassHash] = []
        for _ in 0..<count {
            guard let kind = byte(), kind > classes.last?.retentionClass ?? 0 || classes.isEmpty,
                let hash = take(Digest.size).flatMap({ Digest(bytes: $0) })
            else { return nil }
            classes.append(KeptHashes.ClassHash(retentionClass: kind, hash: hash))
        }
        return classes
    }
}
