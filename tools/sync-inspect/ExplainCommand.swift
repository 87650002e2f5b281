import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "explain",
        Words(
            "One record's life: written, checked, queued, tried, receipted, fed, replaced; where it stands "
                + "now, why, and what to do.",
            zh: "一条记录的经历：填写、校验、排队、各次发送、回执、下发、取代；现状、原因和下一步。"),
        example: "sync-inspect explain check-in 2020-02-03 T001 --data DIR")

    @OptionGroup var record: RecordArguments
    @OptionGroup var options: StoreOptions

    func run() async throws {
        try await options.inspect { opened, damages in
            let forms = try opened.forms()
            let explainer = Explainer(
                folder: options.folder, key: try record.key(forms), forms: forms,
                masking: Masking(forms: forms, unmask: false), damages: damages, now: Now.milliseconds(),
                times: opened.times())
            return switch opened {
            case .agent(let agent): try explainer.explain(agent)
            case .hub(let hub): try explainer.explain(hub)
            }
        } lines: { report, times in
            report.lines(times)
        }
    }
}

/// Looks a record's life up.
struct Explainer {
    let folder: String
    let key: RecordKey
    let forms: FormCatalog
    let masking: Masking
    let damages: Damages
    let now: Milliseconds
    let times: TimeText

    var rules: MergeRules { forms[key.form]?.mergeRules ?? .latest }

    func report(
        _ store: String, _ standing: Standing, _ versions: [ExplainReport.Version]
    ) -> ExplainReport {
        ExplainReport(
            store: store, form: Masking.clean(key.form), key: masking.text(key), state: standing.state,
            cause: standing.cause.text(), next: standing.next.text(), versions: versions, damaged: [])
    }

    /// What both stores tell of a version: who wrote it when, and what the check of its form found.
    func beginning(_ version: Version, _ verdicts: [Verdict]) -> [ExplainReport.Step] {
        var written = Words(
            "written, about \(times.text(version.stated))", zh: "填写，所述时间 \(times.text(version.stated))")
        if version.isDelete { written = Words("deleted", zh: "删除") }
        if let words = WithdrawnWords.words(of: version, forms) { written = words }
        if !version.clockTrusted {
            written = written.joined(
                Words(
                    "; the clock of that machine was not trusted then", zh: "；当时该机时钟不可信"))
        }
        if let first = version.authoredDot {
            written = written.joined(
                Words(
                    "; first as \(RecordText.text(first)), written "
                        + "again after a store was restored or copied",
                    zh: "；原名 \(RecordText.text(first))，因数据曾被恢复或复制而重写"))
        }
        var steps = [ExplainReport.Step("written", at: version.authored, written)]
        steps += verdicts.map { verdict in
            ExplainReport.Step(
                Explainer.code(verdict.kind), at: nil,
                Explainer.words(verdict, masking, form: version.key.form))
        }
        return steps
    }

    static func code(_ kind: Verdict.Kind) -> String {
        switch kind {
        case .quarantined: "quarantined"
        case .noted: "noted"
        case .released: "released"
        case .heldAlready: "held_already"
        }
    }

    static func words(_ verdict: Verdict, _ masking: Masking, form: String) -> Words {
        let reason = ReasonWords.words(for: verdict.reason)
        let place =
            verdict.field == 0
            ? Words("", zh: "")
            : Words(
                " (field \(masking.name(of: verdict.field, in: form)))",
                zh: "（字段 \(masking.shownName(of: verdict.field, in: form))）")
        switch verdict.kind {
        case .quarantined:
            return Words("the centre has quarantined it", zh: "中心已隔离").joined(place)
                .joined(Words(": \(reason.en)", zh: "：\(reason.zh)"))
        case .released: return Words("the centre has released it", zh: "中心已解除隔离")
        case .noted, .heldAlready:
            return Words("the centre notes", zh: "中心备注").joined(place)
                .joined(Words(": \(reason.en)", zh: "：\(reason.zh)"))
        }
    }

    /// The reasons for which a version is held back now; empty when it counts.
    static func heldBack(_ verdicts: [Verdict]) -> [String] {
        var reasons: [String] = []
        for verdict in verdicts {
            if verdict.kind == .quarantined { reasons.append(verdict.reason) }
            if verdict.kind == .released { reasons = [] }
        }
        return reasons
    }
}

/// Where a record stands.
struct Standing {
    var state: ExplainReport.State
    var cause: Words
    var next: Words

    static let nothing = Words("nothing", zh: "无需处理")

    static let unknown = Standing(
        state: .unknown,
        cause: Words(
            "nothing is known of this record here: it was never entered here, and never came",
            zh: "此处没有该记录：本机未录入过，也未收到过"),
        next: Words(
            "check form, day and id; look at the other end with the same verb",
            zh: "核对表单、日期和编号；在另一端用同一命令查看"))

    static func quarantined(_ reasons: [String]) -> Standing {
        let reason = reasons.first ?? "unknown"
        let words = ReasonWords.words(for: reason)
        let who = Mender(of: reason).words
        return Standing(
            state: .quarantined,
            cause: Words(
                "the centre holds it back, so it does not count: \(words.en) [\(reason)]",
                zh: "中心已隔离，不计入：\(words.zh)〔\(reason)〕"),
            next: Words(
                "\(who.en) can mend it: \(Mender.step(for: reason).en)",
                zh: "由\(who.zh)处理：\(Mender.step(for: reason).zh)"))
    }

    /// With what the centre notes about the latest version: the reason says what to do.
    func noting(_ verdicts: [Verdict]) -> Standing {
        var reasons: [String] = []
        for verdict in verdicts where verdict.kind == .noted && !reasons.contains(verdict.reason) {
            reasons.append(verdict.reason)
        }
        guard !reasons.isEmpty else { return self }
        var standing = self
        let codes = reasons.map(Masking.clean).joined(separator: ", ")
        standing.cause = cause.joined(Words("; the centre notes [\(codes)]", zh: "；中心备注〔\(codes)〕"))
        let words = reasons.map(ReasonWords.words)
        standing.next = Words(
            words.map(\.en).joined(separator: "; "), zh: words.map(\.zh).joined(separator: "；"))
        return standing
    }

    static func conflict(program: String, _ record: String) -> Standing {
        Standing(
            state: .conflict,
            cause: Words(
                "people who had not seen each other's wrote different things; the latest stands meanwhile",
                zh: "互不知情的人填写了不同内容；裁定前以最新的为准"),
            next: Words(
                "somebody decides: `\(program) conflicts show \(record)`",
                zh: "由人裁定：\(program) conflicts show \(record)"))
    }
}
