import Console
import Forms
import SyncCore
import SyncTransport

/// What a proof proves.
struct ProofReport: Encodable {
    struct Entry: Encodable {
        var dot: String
        var form: String
        var key: [String]
        var authored: String
        var stated: String
        var clockTrusted: Bool
        var author: String?
        var delete: Bool
        /// Field names with values; absent values are not stated.
        var values: [String: String]
        /// SHA-256 of the key of the device that sealed it.
        var device: String
        /// When the hub held it durably, by its clock.
        var receipted: String
        fileprivate var local: [String] = []

        private enum CodingKeys: String, CodingKey {
            case dot, form, key, authored, stated, clockTrusted, author, delete, values, device, receipted
        }
    }

    var kind = "proof"
    var hub: String
    var entries: [Entry]
    private var zone: String

    private enum CodingKeys: String, CodingKey { case kind, hub, entries }

    init(_ proven: [ProvenVersion], of proof: Proof, masking: Masking, times: TimeText) {
        hub = proof.hubKeys.identity(.sha256).description
        zone = times.name
        entries = proven.map { proven in
            let version = proven.version
            let form = version.key.form
            var values: [String: String] = [:]
            for assignment in version.assignments {
                values[masking.name(of: assignment.field, in: form)] = masking.text(
                    assignment.value, field: assignment.field, of: form)
            }
            return Entry(
                dot: RecordText.text(version.dot), form: Masking.clean(form), key: masking.text(version.key),
                authored: RecordText.time(version.authored), stated: RecordText.time(version.stated),
                clockTrusted: version.clockTrusted, author: masking.author(version.author),
                delete: version.isDelete, values: values, device: proven.device.description,
                receipted: RecordText.time(proven.receipt.time),
                local: [version.authored, version.stated, proven.receipt.time].map(times.text))
        }
    }

    func lines() -> [String] {
        var lines = [
            Words(
                "everything in it holds; the hub whose key has the fingerprint \(hub) has signed for it",
                zh: "全部无误；由密钥指纹为 \(hub) 的汇总端签收"
            ).text(),
            Words("times: \(zone)", zh: "时间：\(zone)").text(),
        ]
        for entry in entries {
            let doubt =
                entry.clockTrusted
                ? Words("", zh: "") : Words(" by a clock that was not trusted", zh: "（当时时钟不可信）")
            lines.append("")
            lines.append("\(entry.form) \(entry.key.joined(separator: " "))  \(entry.dot)")
            lines.append(
                Words(
                    "  written \(entry.local[0])\(doubt.en), as of \(entry.local[1]); the hub had it by "
                        + "\(entry.local[2])",
                    zh: "  写入 \(entry.local[0])\(doubt.zh)，所述时间 \(entry.local[1])；汇总端最迟于 "
                        + "\(entry.local[2]) 已收到"
                ).text())
            lines.append(
                Words("  device \(entry.device.prefix(16))", zh: "  设备 \(entry.device.prefix(16))")
                    .joined(
                        Words(
                            entry.author.map { ", by \($0)" } ?? "",
                            zh: entry.author.map { "，填写人 \($0)" } ?? "")
                    )
                    .text())
            if entry.delete { lines.append(Words("  deleted", zh: "  删除").text()) }
            for name in entry.values.keys.sorted() { lines.append("  \(name): \(entry.values[name] ?? "")") }
        }
        return lines
    }
}
