import ArgumentParser
import Console
import Forms
import Foundation
import SyncCore
import SyncTransport
import SyncWire

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "verify",
        Words(
            "Check that nothing was altered: in a store, in a branch's and the hub's beside each other, in a "
                + "proof of submission, or in a certificate that nothing is left to send.",
            zh: "核验内容未被改动：一份数据、支部与汇总端两份数据、一份提交证明，或一份无待发送内容的证明。"),
        discussion: Words(
            "Recomputes every journal from what is stored, checks what the devices have sealed and the hub "
                + "has receipted, and names the first entry that does not hold. Ends with 0 when everything "
                + "holds, with 7 when something was altered, dropped, inserted or put elsewhere, with 8 "
                + "for a seal that the device has not signed, with 9 for a receipt that the hub has not "
                + "signed, with 10 for another hub than the one named.",
            zh: "由已存内容重新计算每份日志，核对设备签封和汇总端回执，并指出第一处不符。全部无误时退出码为 0；"
                + "有内容被改动、删除、插入或调换为 7；签封不是该设备所签为 8；回执不是该汇总端所签为 9；属于另一个汇总端为 10。"),
        example: "sync-inspect verify --data DIR; sync-inspect verify sent.proof --hub FINGERPRINT")

    @Argument(
        help: ArgumentHelp(
            "The folder of a store, two of them, a proof, or a certificate.",
            zh: "一个或两个数据目录，或一份证明文件。"))
    var paths: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The folder of a store, as the other verbs take it; twice for two of them.",
            zh: "数据目录，与其他命令相同；两份数据写两次。"))
    var data: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The fingerprint of the hub's key (SHA-256, 64 hexadecimal digits), from somebody you trust.",
            zh: "汇总端密钥的指纹（SHA-256，64 位十六进制数字），应取自可信来源。"))
    var hub: String?
    @OptionGroup var output: OutputOption
    @Flag(name: .long, help: ArgumentHelp("Show personal fields as they are.", zh: "显示个人信息原文。")) var unmask =
        false

    func validate() throws {
        if !(1...2).contains((data + paths).count) {
            throw ValidationError(
                Words("Name one store, two stores, or one proof.", zh: "请指定一份数据、两份数据或一份证明。").text())
        }
    }

    func run() async throws {
        try await Program.run {
            let paths = data + paths
            let pinned = try hub.map { try VerifyCommand.fingerprint($0) }
            let folders = paths.filter(VerifyCommand.isFolder)
            if paths.count == 1, folders.isEmpty, data.isEmpty {
                return try evidence(at: paths[0], try Files.read(paths[0]), pinned)
            }
            var report = VerifyReport()
            let looks = try paths.map { try StoreLook($0) }
            let maskings = try looks.map { try $0.store.masking(.builtIn, unmask: unmask) }
            for look in looks { try report.take(look, pinned: pinned) }
            if looks.count == 2 { try report.compare(looks[0], looks[1]) }
            report.finish(maskings.first ?? Masking(forms: .builtIn, unmask: false))
            try output.show(report, report.lines())
            if let status = report.status { Program.end(status) }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func fingerprint(_ text: String) throws -> Digest {
        let digits = text.filter { $0 != ":" && $0 != " " }
        guard let digest = Hex.decode(digits).flatMap({ Digest(bytes: $0) }) else {
            throw Failure(
                .usage,
                Words(
                    "--hub is 64 hexadecimal digits; `aggregator status` shows them",
                    zh: "--hub 应为 64 位十六进制数字；aggregator status 会显示"))
        }
        return digest
    }

    private func evidence(at path: String, _ bytes: [UInt8], _ pinned: Digest?) throws {
        guard let pinned else {
            throw Failure(
                .usage,
                Words(
                    "name the hub with --hub FINGERPRINT: without it anybody could have made this file",
                    zh: "请用 --hub 指定汇总端的指纹：否则任何人都可伪造此文件"))
        }
        if let file = CertificateFile.read(bytes) {
            guard let certificate = file.certificate(hashing: .sha256) else {
                throw VerifyWords.failure(for: ProofDefect(.malformed))
            }
            let report = try CertificateReport(certificate, in: file, hub: pinned)
            try output.show(report, report.lines())
            return
        }
        guard ProofFile.isOne(bytes) else {
            throw Failure(
                .noInput,
                Words(
                    "\(path) is no proof and no certificate; `branch-agent proof` and `branch-agent retire` "
                        + "write them",
                    zh: "\(path) 不是证明文件；请用 branch-agent proof 或 branch-agent retire 生成"))
        }
        let report: ProofReport
        do {
            let proof = try ProofFile.decode(bytes)
            let proven = try proof.check(hub: pinned, hashing: .sha256, verifying: .p256)
            report = ProofReport(
                proven, of: proof, masking: Masking(forms: .builtIn, unmask: unmask),
                times: TimeText(zone: "Asia/Shanghai"))
        } catch let defect as ProofDefect {
            throw VerifyWords.failure(for: defect)
        } catch is WireError {
            throw VerifyWords.failure(for: ProofDefect(.malformed))
        }
        try output.show(report, report.lines())
    }
}

/// What is wrong with evidence, in words.
enum VerifyWords {
    static func failure(for defect: ProofDefect) -> Failure {
        let place = defect.dot.map { RecordText.text($0) } ?? ""
        switch defect.kind {
        case .otherHub:
            return Failure(
                .otherHub,
                Words(
                    "the receipts in this proof are another hub's than the one named with --hub; compare the "
                        + "fingerprint with the centre's",
                    zh: "此证明中的回执属于另一个汇总端，而非 --hub 所指；请与中心核对指纹"))
        case .hubKeys:
            return Failure(
                .forgedReceipt,
                Words(
                    "this proof shows keys that the hub has not blessed; what they signed proves nothing",
                    zh: "此证明所示的密钥未经汇总端认可；其签名不能证明任何内容"))
        case .receipt:
            return Failure(
                .forgedReceipt,
                Words(
                    "the receipt for \(place) was altered: the hub has not signed what it says",
                    zh: "\(place) 的回执被改动：汇总端没有签过这样的内容"))
        case .seal:
            return Failure(
                .forgedSeal,
                Words(
                    "the seal at \(place) is forged: the device has not signed this journal",
                    zh: "\(place) 的签封是伪造的：该设备没有签过这样的内容"))
        case .version:
            return altered(
                Words(
                    "version \(place) is not the one that was submitted",
                    zh: "版本 \(place) 与提交时不同"))
        case .value:
            return altered(
                Words(
                    "the values shown of version \(place) are not those that were submitted",
                    zh: "所示版本 \(place) 的内容与提交时不同"))
        case .chain:
            return altered(
                Words(
                    "the versions up to \(place) are not those that were receipted: one of them was changed, "
                        + "left out or put in",
                    zh: "截至 \(place) 的版本与回执所述不符：其中有版本被改动、删除或插入"))
        case .malformed:
            return altered(
                Words(
                    "this proof was damaged or cut short; ask for it again", zh: "此证明已损坏或不完整；请重新索取"))
        }
    }

    private static func altered(_ words: Words) -> Failure { Failure(.altered, words) }
}
