import Console
import Forms
import SyncCore
import SyncWire

/// What a batch holds and what each part of it takes; no field's value.
struct BatchReport: Encodable {
    struct Problem: Encodable {
        var code: String
        var part: String
        /// Of the byte behind which reading failed, from the beginning of what was given; inside a compressed
        /// frame, of its inflated payload and 16 more.
        var offset: Int
        var message: String

        init(_ code: String, _ part: String, _ offset: Int, _ words: Words) {
            self.code = code
            self.part = part
            self.offset = offset
            message = words.text()
        }

        init(_ error: WireError, base: Int) {
            let offset = error.offset + base
            self.init(
                "\(error.code)", "\(error.part)", offset,
                Words(
                    "\(error.code) in \(error.part) at byte \(offset)",
                    zh: "第 \(offset) 字节处出错，位置 \(error.part)，代码 \(error.code)"))
        }
    }

    struct SealPlace: Encodable {
        var sequence: UInt64
        var bytes: Int
    }

    /// The salt itself is not for showing.
    struct Salt: Encodable {
        var day: String
        var retentionClass: UInt8
    }

    struct Group: Encodable {
        var form: String
        var revision: UInt32
        var versions: Int
        var keys: Int
        var fields: Int
    }

    struct Part: Encodable {
        var name: String
        var form: String?
        var encoding: String
        var offset: Int
        var bytes: Int
    }

    struct Row: Encodable {
        var dot: String
        var form: String
        var key: [String]
        var authored: String
        var delete: Bool
        var context: Int
        var assigns: [String]
    }

    var kind: String
    var bytes: Int
    /// Of a frame: bytes of its inflated payload.
    var inflated: Int?
    var origin: String?
    var first: UInt64?
    var last: UInt64?
    var headBefore: String?
    var headAfter: String?
    var seals: [SealPlace] = []
    var salts: [Salt] = []
    var count = 0
    var rowsBytes = 0
    var groups: [Group] = []
    var parts: [Part] = []
    var versions: [Row] = []
    /// The first thing that is wrong.
    var problem: Problem?
    /// Every byte, when asked for.
    var hexdump: [Hexdump.Stretch]?

    init(kind: BatchForm, bytes: Int) {
        self.kind = kind.rawValue
        self.bytes = bytes
    }

    /// A stretch of a store's journal.
    init(stored batch: VersionBatch, masking: Masking, limit: Int) {
        kind = "stored"
        bytes = MessageCodec.encode(.batch(batch)).payload.count
        fill(batch, masking, limit: limit)
    }

    /// - Parameter bytes: what was given, of the kind that was found.
    mutating func dump(_ bytes: [UInt8], _ masking: Masking) {
        switch BatchForm(rawValue: kind) {
        case .frame:
            hexdump = Hexdump.header(Array(bytes.prefix(FrameHeader.size)))
            var reader = FrameReader()
            reader.append(bytes)
            guard let frame = try? reader.next() else { return }
            let isInStream = bytes[1] & FrameHeader.inStream != 0
            hexdump? += Hexdump.payload(
                type: bytes[0], MessageCodec.encode(frame.message).payload,
                at: isInStream ? 0 : FrameHeader.size, masking)
        case .payload: hexdump = Hexdump.payload(type: MessageType.batch, bytes, at: 0, masking)
        case .rows: hexdump = Hexdump.rows(bytes, masking)
        case nil: break
        }
    }

    mutating func fill(_ batch: VersionBatch, _ masking: Masking, limit: Int) {
        origin = RecordText.origin(batch.origin)
        first = batch.first
        last = batch.last
        headBefore = batch.before.description
        headAfter = batch.after.description
        seals = batch.seals.map { SealPlace(sequence: $0.sequence, bytes: $0.signature.count) }
        salts = batch.salts.map {
            Salt(
                day: RecordText.text(.integer(Int64($0.day)), as: .date), retentionClass: $0.retentionClass)
        }
        let encoded = batch.encodedRows.isEmpty ? RowsCodec.encode(batch.rows) : batch.encodedRows
        fill(batch.rows, encoded: encoded, origin: batch.origin, first: batch.first, masking, limit: limit)
    }

    mutating func fill(
        _ rows: VersionColumns, encoded: [UInt8], origin: OriginID?, first: UInt64, _ masking: Masking,
        limit: Int
    ) {
        count = rows.count
        rowsBytes = encoded.count
        groups = rows.groups.map {
            Group(
                form: Masking.clean($0.form), revision: $0.revision, versions: $0.rows.count,
                keys: $0.keys.count, fields: $0.fields.count)
        }
        let layout = (try? RowsLayout.parts(of: encoded)) ?? []
        parts = layout.map { part in
            let form = part.group.map { rows.groups[$0].form }
            return Part(
                name: part.name, form: form.map(Masking.clean), encoding: part.encoding,
                offset: part.offset, bytes: part.size)
        }
        versions = (0..<min(limit, rows.count)).map { row in
            let dot = Dot(origin: origin ?? 0, sequence: first + UInt64(row))
            let version = rows.version(at: row, dot: dot)
            return Row(
                dot: origin == nil ? "row \(row + 1)" : RecordText.text(dot),
                form: Masking.clean(version.key.form), key: masking.text(version.key),
                authored: RecordText.time(version.authored), delete: version.isDelete,
                context: version.context.vector.entries.count + version.context.dots.count,
                assigns: version.assignments.map { masking.name(of: $0.field, in: version.key.form) })
        }
    }
}

/// The report as people read it.
extension BatchReport {
    func lines() -> [String] {
        var lines = head().map { $0.text() }
        if let problem {
            lines.append(
                Words(
                    "the first thing that is wrong: \(problem.message); are the bytes whole? --as says what "
                        + "they are", zh: "首个错误：\(problem.message)；请检查字节是否完整，并用 --as 指明种类"
                ).text())
        }
        for group in groups {
            lines.append(
                Words(
                    "form \(group.form) revision \(group.revision): versions \(group.versions), "
                        + "\(group.keys) keys, "
                        + "\(group.fields) field columns",
                    zh: "表单 \(group.form) 第 \(group.revision) 版：\(group.versions) 个版本，\(group.keys) 个键，"
                        + "\(group.fields) 个字段列"
                ).text())
        }
        if !parts.isEmpty { lines += [""] + partTable().lines() }
        if !versions.isEmpty { lines += [""] + versionTable().lines() }
        if let hexdump { lines += [""] + Hexdump.lines(hexdump) }
        if count > versions.count {
            lines.append(
                Words(
                    "and \(count - versions.count) more; --limit lists more of them",
                    zh: "另有 \(count - versions.count) 个；用 --limit 可列出更多"
                ).text())
        }
        return lines
    }

    private func head() -> [Words] {
        var lines: [Words] = []
        let inflated = inflated.map { $0 == bytes - 16 ? "" : ", \($0) inflated" } ?? ""
        lines.append(
            Words(
                "\(kind) of \(bytes) bytes\(inflated): versions \(count), rows of \(rowsBytes) bytes",
                zh: "\(kind)，\(bytes) 字节\(inflated)：\(count) 个版本，行数据 \(rowsBytes) 字节"))
        guard let origin, let first, let last, let headBefore, let headAfter else { return lines }
        lines.append(
            Words(
                "origin \(origin), sequences \(first) to \(last)", zh: "来源 \(origin)，序号 \(first) 至 \(last)"))
        lines.append(Words("head before \(headBefore)", zh: "之前的链头 \(headBefore)"))
        lines.append(Words("head after  \(headAfter)", zh: "之后的链头 \(headAfter)"))
        let sealed = seals.isEmpty ? "-" : seals.map { "\($0.sequence)" }.joined(separator: ", ")
        let salted =
            salts.isEmpty
            ? "-" : salts.map { "\($0.day)/\($0.retentionClass)" }.joined(separator: ", ")
        lines.append(Words("seals at \(sealed)", zh: "签封于 \(sealed)"))
        lines.append(Words("salts (day/class) \(salted)", zh: "盐（日期/类别）\(salted)"))
        return lines
    }

    private func partTable() -> TextTable {
        var table = TextTable(
            [
                Words("at", zh: "位置"), Words("bytes", zh: "字节"), Words("part", zh: "部分"),
                Words("encoding", zh: "编码"), Words("form", zh: "表单"),
            ].map { $0.text() })
        for part in parts {
            table.add(["\(part.offset)", "\(part.bytes)", part.name, part.encoding, part.form ?? ""])
        }
        return table
    }

    private func versionTable() -> TextTable {
        var table = TextTable(
            [
                Words("dot", zh: "版本"), Words("form", zh: "表单"), Words("key", zh: "记录"),
                Words("authored (UTC)", zh: "写入时间（UTC）"), Words("assigns", zh: "设置"),
            ].map { $0.text() })
        for row in versions {
            let assigns = row.delete ? Words("delete", zh: "删除").text() : row.assigns.joined(separator: " ")
            table.add([row.dot, row.form, row.key.joined(separator: " "), row.authored, assigns])
        }
        return table
    }
}
