import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "quarantine",
        Words(
            "What the centre holds back: which record, why, who can mend it, and how.",
            zh: "被中心隔离的内容：哪条记录、原因、由谁处理、如何处理。"),
        example: "sync-inspect quarantine --data DIR")

    @OptionGroup var options: StoreOptions
    @OptionGroup var most: LimitOption

    func run() async throws {
        try await options.inspect { opened, damages in
            try QuarantineReport(opened, limit: most.limit, damages)
        } lines: { report, _ in
            report.lines()
        }
    }
}

struct QuarantineReport: StoreReport {
    struct Held: Encodable {
        var dot: String
        var form: String
        var key: [String]
        /// At a hub.
        var device: Int64?
        var unit: String?
        var reason: String
        /// Name of the field; absent for the whole record.
        var field: String?
        /// What the reason means.
        var words: String
        /// `branch`, `centre` or `helper`.
        var mender: Mender
        var next: String
    }

    var store: String
    var count: Int
    var held: [Held]
    var damaged: [Damages.Entry]

    init(_ opened: StoreAtHand, limit: Int, _ damages: Damages) throws {
        let masking = Masking(forms: try opened.forms(), unmask: false)
        store = opened.kind
        switch opened {
        case .agent(let agent):
            let found = try damages.attempt("verdict", Words("what the centre said", zh: "中心判定"), []) {
                try agent.verdicts([.quarantined], limit: .max)
            }
            count = found.count
            held = found.prefix(limit).map {
                Held($0.verdict, $0.verdict.dot, $0.key, form: $0.key.form, device: nil, unit: nil, masking)
            }
        case .hub(let hub):
            let units = Dictionary(
                try hub.devices().map { ($0.id, $0.unit) }, uniquingKeysWith: { first, _ in first })
            count = try hub.heldBackCount()
            let found = try damages.attempt("quarantine", Words("what is held back", zh: "隔离的版本"), []) {
                try hub.heldBack(limit: limit)
            }
            held = try found.map { one in
                let verdict = try hub.verdicts(on: one.dot).last { $0.kind == .quarantined }
                return Held(
                    verdict, one.dot, one.key, form: one.form, device: one.device,
                    unit: one.device.flatMap { units[$0] }, masking)
            }
        }
        damaged = damages.entries
    }

    func lines() -> [String] {
        guard count > 0 else { return [Words("nothing is held back", zh: "没有被隔离的内容").text()] }
        var lines = [
            Words(
                "\(count) versions are held back: kept and receipted, and they do not count",
                zh: "隔离中的版本 \(count) 条：已保存并有回执，但不计入"
            ).text()
        ]
        for one in held {
            let place = one.unit.map {
                Words(" (\($0), device \(one.device ?? 0))", zh: "（\($0)，设备 \(one.device ?? 0)）")
            }
            let field = one.field.map { Words(", field \($0)", zh: "，字段 \($0)") }
            lines.append("")
            lines.append(
                "\(one.form) \(one.key.joined(separator: " "))  \(one.dot)\(place?.text() ?? "")")
            lines.append(
                Words("  why: \(one.words) [\(one.reason)]", zh: "  原因：\(one.words)〔\(one.reason)〕")
                    .joined(field ?? Words("", zh: "")).text())
            let who = one.mender.words
            lines.append(
                Words("  \(who.en) can mend it: \(one.next)", zh: "  由\(who.zh)处理：\(one.next)").text())
        }
        if count > held.count {
            lines.append(
                Words(
                    "and \(count - held.count) more; --limit lists more of them",
                    zh: "另有 \(count - held.count) 条；用 --limit 可列出更多"
                ).text())
        }
        return lines
    }
}

extension QuarantineReport.Held {
    fileprivate init(
        _ verdict: Verdict?, _ dot: Dot, _ key: RecordKey?, form: String, device: Int64?, unit: String?,
        _ masking: Masking
    ) {
        let reason = verdict?.reason ?? "unknown"
        let field = verdict?.field ?? 0
        self.init(
            dot: RecordText.text(dot), form: Masking.clean(form), key: key.map(masking.text) ?? ["?"],
            device: device, unit: unit.map(Masking.clean), reason: Masking.clean(reason),
            field: field == 0 ? nil : masking.name(of: field, in: form),
            words: ReasonWords.words(for: reason).text(), mender: Mender(of: reason),
            next: Mender.step(for: reason).text())
    }
}
