public import SyncCore

/// Names the content of a sheet's row or of a version, whoever brought it: equal rows have equal prints.
public enum RowPrint {
    private static let mark: [UInt8] = Array("rollcall row v1".utf8)

    /// SHA-256 over form, key, assignments ascending by field, stated and first-created time. A field that is
    /// not stated counts like one that is left alone, so that a sheet without some column prints the same.
    ///
    /// - Parameter stated: nil when the row says no time, so that importing it again finds it.
    public static func digest(
        of key: RecordKey, _ assignments: [Assignment], stated: Milliseconds?, firstCreated: Milliseconds?,
        hashing: Hashing
    ) -> Digest {
        var bytes = mark
        var form = Canonical.encode(.text(key.form))
        form.append(contentsOf: Canonical.encode(key: key.values))
        bytes.append(contentsOf: form)
        for time in [stated, firstCreated] {
            bytes.append(contentsOf: Canonical.encode(time.map { .integer($0) } ?? .notStated))
        }
        for assignment in assignments where assignment.value != .notStated {
            bytes.append(contentsOf: Canonical.encode(.integer(Int64(assignment.field))))
            bytes.append(contentsOf: Canonical.encode(assignment.value))
        }
        return hashing(bytes)
    }
}
