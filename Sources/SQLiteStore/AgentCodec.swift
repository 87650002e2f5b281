import SyncCore
import SyncStore
import SyncWire

/// How values of a branch's store lie in its blobs. A blob that does not read back is a broken file, not an
/// input.
enum AgentCodec {
    static func version(_ body: [UInt8], dot: Dot) throws -> Version {
        let columns: VersionColumns
        do { columns = try RowsCodec.decode(body) } catch {
            throw StoreError(.corrupt, "a version: \(error)")
        }
        guard columns.count == 1 else { throw StoreError(.corrupt, "a version that is not one row") }
        return columns.version(at: 0, dot: dot)
    }

    /// Of a version that another wrote, as it was fed: finds what a disk or a hand has changed. It proves
    /// nothing: whoever changes the version on purpose can change this as well.
    static func checkSum(_ dot: Dot, _ body: [UInt8]) -> UInt32 {
        Checksum.crc32(HubBytes.bigEndian(dot.origin) + HubBytes.bigEndian(dot.sequence) + body)
    }

    static func body(_ columns: VersionColumns) -> [UInt8] { RowsCodec.encode(columns) }

    static func state(_ bytes: [UInt8]) throws -> RecordState {
        do {
            return try RecordStateCodec.decode(bytes)
        } catch {
            throw StoreError(.corrupt, "a record's state: \(error)")
        }
    }

    /// Per assignment: field (two bytes, the high one first), class, canonical value.
    static func bytes(_ assignments: [Assignment]) -> [UInt8] {
        assignments.flatMap { assignment in
            [
                UInt8(truncatingIfNeeded: assignment.field >> 8), UInt8(truncatingIfNeeded: assignment.field),
                assignment.retentionClass,
            ] + Canonical.encode(assignment.value)
        }
    }

    static func assignments(_ bytes: [UInt8]) throws -> [Assignment] {
        var offset = 0
        var assignments: [Assignment] = []
        while offset < bytes.count {
            guard bytes.count - offset > 3 else { throw StoreError(.corrupt, "import memory") }
            let field = FieldID(bytes[offset]) << 8 | FieldID(bytes[offset + 1])
            let retentionClass = bytes[offset + 2]
            offset += 3
            guard let value = Canonical.decode(bytes[...], at: &offset) else {
                throw StoreError(.corrupt, "import memory")
            }
            assignments.append(Assignment(field: field, retentionClass: retentionClass, value: value))
        }
        return assignments
    }

    static func digest(_ bytes: [UInt8]) throws -> Digest {
        guard let digest = Digest(bytes: bytes) else { throw StoreError(.corrupt, "a digest") }
        return digest
    }

    static func token(_ bytes: [UInt8]) throws -> Token16 {
        guard let token = Token16(bytes: bytes) else { throw StoreError(.corrupt, "a token") }
        return token
    }
}
