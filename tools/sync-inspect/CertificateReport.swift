import Console
import SyncCore
import SyncTransport

/// What a certificate that nothing is left to send says, once it has been found to hold.
struct CertificateReport: Encodable {
    struct Journal: Encodable {
        var lane: String
        var origin: String
        var versions: UInt64
        /// Versions that the hub said it holds and has not signed for.
        var unsigned: UInt64
    }

    var kind = "certificate"
    /// SHA-256 of their keys.
    var hub: String
    var device: String
    /// By the device's clock, UTC.
    var made: String
    var journals: [Journal]
    /// What the file says beside what is signed: the branch's own word.
    var unit: String
    /// Records of which the hub held a version back then.
    var quarantined: UInt64

    /// - Parameter file: what is not signed in it is shown as that.
    /// - Throws: `Failure`, when something in it does not hold, or it is for another hub.
    init(_ certificate: Certificate, in file: CertificateFile, hub pinned: Digest) throws {
        unit = Output.printable(file.unit)
        quarantined = file.quarantined ?? 0
        guard certificate.hub.identity(.sha256) == pinned else {
            throw Failure(
                .otherHub,
                Words(
                    "this certificate is for another hub than the one named with --hub; compare the "
                        + "fingerprint with the centre's",
                    zh: "此证明针对另一个汇总端，而非 --hub 所指；请与中心核对指纹"))
        }
        if let defect = certificate.defects(hashing: .sha256, verifying: .p256).first {
            throw CertificateReport.failure(for: defect)
        }
        hub = pinned.description
        device = Hashing.sha256(certificate.device).description
        made = RecordText.time(certificate.at)
        journals = certificate.journals.map { journal in
            Journal(
                lane: "\(journal.claim.lane)",
                origin: RecordText.origin(certificate.origin(of: journal, hashing: .sha256)),
                versions: journal.sequence, unsigned: journal.unsigned)
        }
    }

    func lines() -> [String] {
        let versions = journals.reduce(0) { $0 + $1.versions }
        let unsigned = journals.reduce(0) { $0 + $1.unsigned }
        var lines = [
            Words(
                "what is signed in it holds: device \(device.prefix(16)) had nothing left to send at \(made) "
                    + "by its clock; its \(versions) entries were receipted by the hub whose key has the "
                    + "fingerprint \(hub)",
                zh: "其中经签名的内容无误：设备 \(device.prefix(16)) 在 \(made)（按其时钟）已无待发送内容；"
                    + "其 \(versions) 条内容已由密钥指纹为 \(hub) 的汇总端签收"
            ).text()
        ]
        if unsigned > 0 {
            lines.append(
                Words(
                    "\(unsigned) of them the hub held without signing for them: the store had been restored "
                        + "or copied",
                    zh: "其中 \(unsigned) 条汇总端已有但未签收：该数据曾被恢复或复制"
                ).text())
        }
        let unit = unit.isEmpty ? "-" : unit
        lines.append(
            Words(
                "the branch's own word, which nobody has signed: unit \(unit); the centre held versions of "
                    + "\(quarantined) records back then (ask there: `aggregator devices`)",
                zh: "以下为支部自述，未经签名：单位 \(unit)；当时中心隔离的记录 \(quarantined) 条（请向中心核对：aggregator devices）"
            ).text())
        return lines
    }

    private static func failure(for defect: Certificate.Defect) -> Failure {
        switch defect {
        case .signature:
            Failure(
                .forgedSeal,
                Words(
                    "the device has not signed this certificate: it was altered, or made by somebody else",
                    zh: "该设备没有签过这份证明：它被改动过，或由他人制作"))
        case .receipt(let origin):
            Failure(
                .forgedReceipt,
                Words(
                    "the receipt for journal \(RecordText.origin(origin)) was altered: the hub has not "
                        + "signed what it says",
                    zh: "日志 \(RecordText.origin(origin)) 的回执被改动：汇总端没有签过这样的内容"))
        case .otherJournal(let origin):
            Failure(
                .altered,
                Words(
                    "the receipt for journal \(RecordText.origin(origin)) is not for this journal, or not "
                        + "for what it holds",
                    zh: "日志 \(RecordText.origin(origin)) 的回执与该日志或其内容不符"))
        }
    }
}
