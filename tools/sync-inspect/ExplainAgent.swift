import Console
import SQLiteStore
import SyncCore
import SyncStore

/// At a branch: what was written here, and how far it has come.
extension Explainer {
    /// What the branch knows beside the record.
    private struct Surroundings {
        var origins: [OwnOrigin]
        var current: Set<OriginID>
        var sessions: [SessionEntry]
        var spoken: Set<Dot>
        var contact: ContactFacts
        var isServed: Bool
        var isFull: Bool
    }

    func explain(_ store: SQLiteAgentStore) throws -> ExplainReport {
        let around = try surroundings(store)
        let (versions, damaged) = try damages.attempt("version", Words("versions", zh: "版本"), ([], [])) {
            try store.readableVersions(of: key)
        }
        for dot in damaged {
            damages.note(
                "version", Words("version \(RecordText.text(dot))", zh: "版本 \(RecordText.text(dot))"),
                "its bytes do not read")
        }
        guard !versions.isEmpty || !damaged.isEmpty else { return report("agent", .unknown, []) }
        let state = try damages.attempt("record", Words("the record's state", zh: "记录的状态"), nil) {
            try store.record(key)
        }
        var verdicts: [Dot: [Verdict]] = [:]
        for version in versions {
            verdicts[version.dot] = try damages.attempt(
                "verdict", Words("what the centre said", zh: "中心判定"), []
            ) { try store.verdicts(of: version.dot) }
        }
        let history = History(versions, under: rules)
        let shown = try history.entries.map { entry in
            let own = around.origins.first { $0.id == entry.version.dot.origin }
            let heard = verdicts[entry.version.dot] ?? []
            return ExplainReport.Version(
                dot: RecordText.text(entry.version.dot), lane: own.map { "\($0.claim.lane)" },
                device: (own == nil
                    ? Words("another device or the centre", zh: "其他设备或汇总端")
                    : Words("this device", zh: "本机")).text(),
                steps: try beginning(entry.version, [])
                    + (own.map { try journey(entry.version, $0, heard, store, around) } ?? [
                        ExplainReport.Step("fed", at: nil, Words("came down the feed", zh: "由中心下发"))
                    ]),
                outcomes: FateWords.outcomes(entry, masking),
                fates: FateWords.lines(entry, masking, isBranch: true))
        }
        let standing = standing(versions, verdicts, state, store, around)
        return report("agent", standing, shown)
    }

    private func surroundings(_ store: SQLiteAgentStore) throws -> Surroundings {
        let current = try store.origins()
        let closed = try damages.attempt("origin", Words("closed origins", zh: "已关闭的来源"), []) {
            try store.closedOrigins()
        }
        return Surroundings(
            origins: closed + current, current: Set(current.map(\.id)),
            sessions: try damages.attempt("session_entry", Words("the sessions", zh: "会话记录"), []) {
                try store.sessions(of: nil, limit: SessionEntry.keptAtBranch)
            },
            spoken: try damages.attempt("verdict", Words("what was read out", zh: "电话收取的内容"), []) {
                try store.spoken()
            },
            contact: try damages.attempt("contact", Words("the last contact", zh: "最近联系"), ContactFacts()) {
                try store.contact()
            }, isServed: StoreFolder(folder).isServed,
            isFull: StoreRoom.state(of: folder, isHub: false) != .ample)
    }

    /// From the queue to the receipt.
    private func journey(
        _ version: Version, _ own: OwnOrigin, _ verdicts: [Verdict], _ store: SQLiteAgentStore,
        _ around: Surroundings
    ) throws -> [ExplainReport.Step] {
        let dot = version.dot
        let lane = own.claim.lane.words
        var steps = [
            ExplainReport.Step(
                "checked", at: version.authored,
                Words("checked by its form when it was entered", zh: "填写时已按表单校验")),
            ExplainReport.Step(
                "queued", at: version.authored,
                Words(
                    "queued in the \(lane.en) lane as number \(dot.sequence), sealed and durable",
                    zh: "进入\(lane.zh)通道排队，序号 \(dot.sequence)，已签封并落盘")),
        ]
        let receipted = try damages.attempt("receipt", Words("receipts", zh: "回执"), nil) {
            try store.receiptTime(of: dot)
        }
        let isReceipted = dot.sequence <= own.receipted
        steps += attempts(at: dot, since: version.authored, until: isReceipted, around)
        if around.spoken.contains(dot) {
            steps.append(
                ExplainReport.Step(
                    "taken_by_phone", at: nil,
                    Words("the centre has taken it by telephone", zh: "中心已通过电话收取")))
        }
        if isReceipted {
            let words =
                receipted == nil
                ? Words("the hub holds it; the receipt itself is not kept any more", zh: "汇总端已有；回执本身已不再保存")
                : Words("receipted: durable at the hub, by its clock", zh: "已获回执：汇总端已落盘（按其时钟）")
            steps.append(ExplainReport.Step("receipted", at: receipted, words))
            if dot.sequence <= own.backedUp {
                steps.append(
                    ExplainReport.Step(
                        "backed_up", at: nil, Words("in a backup of the hub's", zh: "已进入汇总端备份")))
            }
        }
        steps += verdicts.map { verdict in
            ExplainReport.Step(
                Explainer.code(verdict.kind), at: nil,
                Explainer.words(verdict, masking, form: version.key.form))
        }
        return steps
    }

    /// Sessions that could have brought it, oldest first; the last ones only where there are many.
    private func attempts(
        at dot: Dot, since authored: Milliseconds, until isReceipted: Bool, _ around: Surroundings
    ) -> [ExplainReport.Step] {
        let own = around.sessions.reversed().filter { ($0.ended ?? $0.began) >= authored }
        var steps: [ExplainReport.Step] = []
        for session in own {
            let reached = session.sent.values.contains {
                $0.origin == dot.origin && $0.through >= dot.sequence
            }
            let tries =
                session.tries > 1
                ? Words("\(session.tries) tries", zh: "尝试 \(session.tries) 次")
                : Words("tried", zh: "尝试发送")
            let sent =
                reached
                ? Words(", it was given to the link", zh: "，已交给链路")
                : Words(", it was not given to the link", zh: "，未交给链路")
            let end = SessionWords.ending(session, isRunning: around.isServed)
            steps.append(
                ExplainReport.Step(
                    "tried", at: session.began,
                    tries.joined(sent).joined(Words("; \(end.en)", zh: "；\(end.zh)"))))
            if reached, isReceipted, session.ending == SessionEntry.done { break }
        }
        guard steps.count > Explainer.attemptsShown else { return steps }
        let left = steps.count - Explainer.attemptsShown
        let more = ExplainReport.Step(
            "tried", at: nil,
            Words(
                "\(left) sessions before; `sync-inspect session` lists them",
                zh: "此前另有 \(left) 次会话；用 sync-inspect session 列出"))
        return [more] + steps.suffix(Explainer.attemptsShown)
    }

    private static let attemptsShown = 8

    private func standing(
        _ versions: [Version], _ verdicts: [Dot: [Verdict]], _ state: RecordState?,
        _ store: SQLiteAgentStore, _ around: Surroundings
    ) -> Standing {
        let own = versions.filter { version in around.origins.contains { $0.id == version.dot.origin } }
        let held = own.reversed().lazy.map { Explainer.heldBack(verdicts[$0.dot] ?? []) }
            .first { !$0.isEmpty }
        let record = "\(Masking.clean(key.form)) \(masking.text(key).joined(separator: " "))"
        let waiting = own.filter { version in
            around.origins.contains { $0.id == version.dot.origin && version.dot.sequence > $0.receipted }
        }
        if let held { return .quarantined(held) }
        if let first = waiting.min(by: { $0.authored < $1.authored }) {
            return waits(first, around, spoken: around.spoken.contains(first.dot))
        }
        let effective = state?.effective(under: rules)
        if effective?.hasConflict == true { return .conflict(program: "branch-agent", record) }
        if effective?.exists == false {
            return Standing(
                state: .deleted, cause: Words("it was deleted, and the hub knows", zh: "已删除，汇总端已知"),
                next: Standing.nothing)
        }
        if own.isEmpty {
            return Standing(
                state: .foreign,
                cause: Words("others wrote it; it came down the feed", zh: "由他人填写，经中心下发"),
                next: Standing.nothing)
        }
        let standing = Standing(
            state: .receipted,
            cause: Words(
                "it is at the centre, receipted, and counts here; the centre may hold another version",
                zh: "已到中心，有回执，在本机计入；中心可能另有其他版本"),
            next: Standing.nothing)
        return standing.noting(own.last.flatMap { verdicts[$0.dot] } ?? [])
    }

    private func waits(_ version: Version, _ around: Surroundings, spoken: Bool) -> Standing {
        let span = TimeText.span(now.subtractingClamped(version.authored))
        let since = times.text(version.authored)
        var cause = Words("it waits here since \(since) (\(span.en))", zh: "自 \(since) 起在本机待发（\(span.zh)）")
        if spoken { cause = cause.joined(Words(", taken by telephone", zh: "，中心已通过电话收取")) }
        let last = around.sessions.first
        if let failure = around.contact.lastFailure {
            cause = cause.joined(Words("; the last try failed", zh: "；最近一次未成功"))
            return Standing(
                state: spoken ? .takenByPhone : .waiting, cause: cause,
                next: FailureWords.words(for: failure))
        }
        if last == nil || (last?.began ?? 0) < version.authored {
            cause = cause.joined(Words("; nothing was tried since", zh: "；此后尚未尝试发送"))
        }
        let next =
            around.isFull
            ? Words("free some space here, then run `branch-agent sync`", zh: "先腾出磁盘空间，再运行 branch-agent sync")
            : Words(
                "run `branch-agent sync`, or keep `branch-agent serve` running",
                zh: "运行 branch-agent sync，或让 branch-agent serve 持续运行")
        return Standing(state: spoken ? .takenByPhone : .waiting, cause: cause, next: next)
    }
}
