public import SyncCore

/// A record's state as stores keep it where there is more to keep than one version in force.
public enum RecordStateCodec {
    private static let form: UInt8 = 1
    /// With names of versions that were written again.
    private static let aliasedForm: UInt8 = 2

    public static func encode(_ state: RecordState) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(state.aliases.isEmpty ? form : aliasedForm)
        writer.put(varint: UInt64(state.formRevision))
        writer.put(zigzag: state.firstCreated)
        put(state.seen, into: &writer)
        writer.put(count: state.covers.count)
        for cover in state.covers {
            writer.put(count: cover.fields.count)
            for field in cover.fields { writer.put(varint: UInt64(field)) }
            put(cover.context, into: &writer)
        }
        if !state.aliases.isEmpty {
            writer.put(count: state.aliases.count)
            for group in state.aliases {
                put(group.first, into: &writer)
                writer.put(word: group.print)
                writer.put(count: group.dots.count)
                for dot in group.dots { put(dot, into: &writer) }
            }
        }
        writer.put(count: state.siblings.count)
        for sibling in state.siblings { put(sibling.dot, into: &writer) }
        RowsEncoder.encode(VersionColumns(state.siblings), into: &writer)
        return writer.bytes
    }

    /// - Throws: ``WireError`` when the bytes are not what ``encode(_:)`` writes.
    public static func decode(_ bytes: [UInt8]) throws(WireError) -> RecordState {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> RecordState in
            var reader = ByteReader(buffer)
            let state = try decode(&reader)
            try reader.end(.state)
            return state
        }
    }

    private static func decode(_ reader: inout ByteReader) throws(WireError) -> RecordState {
        let form = try reader.byte(.state)
        guard form == RecordStateCodec.form || form == aliasedForm else {
            throw reader.error(.unknownEncoding, .state)
        }
        let revision = try reader.varint32(.state)
        let firstCreated = try reader.zigzag(.state)
        let seen = try context(&reader)
        let coverCount = try reader.count(upTo: Limits.groupFields + 1, ofAtLeast: 3, .state)
        var covers: [RecordState.Cover] = []
        for _ in 0..<coverCount {
            let fieldCount = try reader.count(upTo: Limits.groupFields + 1, ofAtLeast: 1, .state)
            var fields: [FieldID] = []
            for _ in 0..<fieldCount {
                guard let field = FieldID(exactly: try reader.varint(.state)),
                    fields.last ?? 0 < field || fields.isEmpty
                else { throw reader.error(.notCanonical, .state) }
                fields.append(field)
            }
            covers.append(RecordState.Cover(fields: fields, context: try context(&reader)))
        }
        let aliases = form == aliasedForm ? try self.aliases(&reader) : []
        let count = try reader.count(upTo: Limits.batchVersions, ofAtLeast: 9, .state)
        var dots: [Dot] = []
        for _ in 0..<count { dots.append(try dot(&reader)) }
        let rows = try RowsDecoder.decode(&reader)
        guard rows.count == count else { throw reader.error(.notCanonical, .state) }
        let siblings = dots.enumerated().map { rows.version(at: $0.offset, dot: $0.element) }
        return RecordState(
            siblings: siblings, covers: covers, seen: seen, firstCreated: firstCreated,
            formRevision: revision,
            aliases: aliases)
    }

    /// A branch's own store bounds nothing that it has written itself, so that only the bytes left do.
    private static func aliases(_ reader: inout ByteReader) throws(WireError) -> [RecordState.Aliases] {
        let count = try reader.count(upTo: reader.remaining / 27, ofAtLeast: 27, .state)
        guard count > 0 else { throw reader.error(.notCanonical, .state) }
        var groups: [RecordState.Aliases] = []
        var all: [Dot] = []
        for _ in 0..<count {
            let first = try dot(&reader)
            let print = try reader.word(.state)
            let dotCount = try reader.count(upTo: reader.remaining / 9, ofAtLeast: 9, .state)
            var dots: [Dot] = []
            for _ in 0..<dotCount { dots.append(try dot(&reader)) }
            guard let group = RecordState.Aliases(first: first, print: print, canonical: dots),
                groups.last.map({ $0 < group }) ?? true
            else { throw reader.error(.notCanonical, .state) }
            groups.append(group)
            all += dots
        }
        all.sort()
        guard zip(all, all.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw reader.error(.notCanonical, .state)
        }
        return groups
    }

    private static func put(_ dot: Dot, into writer: inout ByteWriter) {
        writer.put(word: dot.origin)
        writer.put(varint: dot.sequence)
    }

    private static func dot(_ reader: inout ByteReader) throws(WireError) -> Dot {
        Dot(origin: try reader.word(.state), sequence: try reader.varint(.state))
    }

    private static func put(_ context: Context, into writer: inout ByteWriter) {
        writer.put(count: context.vector.entries.count)
        for entry in context.vector.entries {
            put(Dot(origin: entry.origin, sequence: entry.count), into: &writer)
        }
        writer.put(count: context.dots.count)
        for dot in context.dots { put(dot, into: &writer) }
    }

    /// A state may have seen more than one version's context may name, so only the bytes left bound it.
    private static func context(_ reader: inout ByteReader) throws(WireError) -> Context {
        let entryCount = try reader.count(upTo: reader.remaining / 9, ofAtLeast: 9, .state)
        var entries: [VersionVector.Entry] = []
        for _ in 0..<entryCount {
            let dot = try dot(&reader)
            entries.append(VersionVector.Entry(origin: dot.origin, count: dot.sequence))
        }
        let dotCount = try reader.count(upTo: reader.remaining / 9, ofAtLeast: 9, .state)
        var dots: [Dot] = []
        for _ in 0..<dotCount { dots.append(try dot(&reader)) }
        guard let vector = VersionVector(canonical: entries),
            let context = Context(canonical: vector, dots: dots)
        else { throw reader.error(.notCanonical, .state) }
        return context
    }
}
