import Console
import SQLiteStore
import SyncCore
import SyncStore

/// At the centre: what came, what was said of it, and who has it since.
extension Explainer {
    func explain(_ store: SQLiteHubStore) throws -> ExplainReport {
        let versions = try damages.attempt("segment", Words("versions", zh: "版本"), []) {
            try store.versions(of: key)
        }
        let held = try damages.attempt("quarantine", Words("what is held back", zh: "隔离的版本"), []) {
            try store.heldBack(limit: 1 << 20).filter { $0.key == key }
        }
        var all = versions
        for one in held where !all.contains(where: { $0.dot == one.dot }) {
            let found = try damages.attempt("segment", Words("a held-back version", zh: "隔离的版本"), nil) {
                try store.segment(of: one.dot.origin, holding: one.dot.sequence).map {
                    $0.version(at: Int(one.dot.sequence - $0.first))
                }
            }
            if let found { all.append(found) }
        }
        guard !all.isEmpty else { return report("hub", try unknown(at: store), []) }
        let state = try damages.attempt("record", Words("the record's row", zh: "记录所在的行"), nil) {
            try store.record(key)
        }
        var verdicts: [Dot: [Verdict]] = [:]
        for version in all { verdicts[version.dot] = try store.verdicts(on: version.dot) }
        let heldDots = Set(held.map(\.dot))
        let history = History(all, heldBack: heldDots, under: rules)
        let audience = try damages.attempt("replica", Words("who is fed", zh: "下发对象"), []) {
            try store.fedDevices(of: key)
        }
        let shown = try history.entries.map { entry in
            try version(entry, verdicts[entry.version.dot] ?? [], store, audience)
        }
        return report("hub", standing(state, heldDots, verdicts), shown)
    }

    /// What a hub does not know it may have known.
    private func unknown(at store: SQLiteHubStore) throws -> Standing {
        let time = try damages.attempt("audit", Words("the audit log", zh: "审计记录"), nil) {
            try store.lastPutBack()
        }
        guard let time else { return .unknown }
        var standing = Standing.unknown
        standing.cause = Words(
            "nothing is known of this record here; this store was put back to an earlier state at "
                + "\(times.text(time)), and what came after that state comes again from the branches",
            zh: "此处没有该记录；本数据曾于 \(times.text(time)) 恢复到较早的状态，此后的内容由各支部重新发送")
        standing.next = Words(
            "have the branch that entered it connect (`branch-agent sync`), then look again; "
                + "`sync-inspect branches` says who has not connected",
            zh: "请录入该记录的支部连接（branch-agent sync）后再看；用 sync-inspect branches 查看尚未连接的支部")
        return standing
    }

    private func version(
        _ entry: History.Entry, _ verdicts: [Verdict], _ store: SQLiteHubStore, _ audience: [FedDevice]
    ) throws -> ExplainReport.Version {
        let dot = entry.version.dot
        let device = try store.device(of: dot.origin)
        let place = try store.place(of: dot)
        var steps = beginning(entry.version, [])
        if let place {
            steps.append(
                ExplainReport.Step(
                    "arrived", at: place.arrived,
                    Words("came, at position \(place.position) of the log", zh: "到达，日志位置 \(place.position)")))
            steps += verdicts.map {
                ExplainReport.Step(
                    Explainer.code($0.kind), at: nil, Explainer.words($0, masking, form: key.form))
            }
            steps.append(
                ExplainReport.Step(
                    "receipted", at: nil,
                    place.isReceipted
                        ? Words("receipted: the hub has signed for it", zh: "已签发回执")
                        : Words("not receipted yet: its seal has not come", zh: "尚无回执：签封未到")))
            if place.isBackedUp {
                steps.append(ExplainReport.Step("backed_up", at: nil, Words("in a backup", zh: "已进入备份")))
            }
            steps += fed(place, by: device?.id, audience)
        }
        let lane = try store.lane(of: dot.origin)
        return ExplainReport.Version(
            dot: RecordText.text(dot), lane: lane.map { "\($0)" },
            device: DeviceWords.words(for: device, isHere: true).map { Masking.clean($0.text()) },
            steps: steps, outcomes: FateWords.outcomes(entry, masking), fates: FateWords.lines(entry, masking)
        )
    }

    private func fed(_ place: HeldPlace, by author: Int64?, _ audience: [FedDevice]) -> [ExplainReport.Step] {
        let others = audience.filter { $0.device.id != author && $0.device.state == .active }
        guard !others.isEmpty else { return [] }
        func names(_ list: [FedDevice]) -> String {
            let shown = list.prefix(12).map { Masking.clean("\($0.device.unit) #\($0.device.id)") }
            return shown.joined(separator: ", ") + (list.count > shown.count ? " …" : "")
        }
        let (have, lack) = (
            others.filter { $0.position >= place.position }, others.filter { $0.position < place.position }
        )
        var steps: [ExplainReport.Step] = []
        if !have.isEmpty {
            steps.append(
                ExplainReport.Step(
                    "fed", at: nil,
                    Words("fed to and confirmed by \(names(have))", zh: "已下发并确认：\(names(have))")))
        }
        if !lack.isEmpty {
            steps.append(
                ExplainReport.Step(
                    "feed_waits", at: nil,
                    Words("not confirmed yet by \(names(lack))", zh: "尚未确认收到：\(names(lack))")))
        }
        return steps
    }

    private func standing(
        _ state: RecordState?, _ held: Set<Dot>, _ verdicts: [Dot: [Verdict]]
    ) -> Standing {
        let reasons = held.sorted().flatMap { Explainer.heldBack(verdicts[$0] ?? []) }
        let effective = state?.effective(under: rules)
        if !held.isEmpty {
            var standing = Standing.quarantined(reasons)
            if effective?.exists == true {
                standing.cause = standing.cause.joined(
                    Words("; what else is known of the record counts", zh: "；该记录的其他版本照常计入"))
            }
            return standing
        }
        let record = "\(Masking.clean(key.form)) \(masking.text(key).joined(separator: " "))"
        if effective?.hasConflict == true { return .conflict(program: "aggregator", record) }
        if effective?.exists == false {
            return Standing(
                state: .deleted, cause: Words("it was deleted", zh: "已删除"), next: Standing.nothing)
        }
        let standing = Standing(
            state: .arrived, cause: Words("it is here and counts", zh: "已到达并计入"), next: Standing.nothing)
        return standing.noting(state?.siblings.flatMap { verdicts[$0.dot] ?? [] } ?? [])
    }
}
