import Console

/// The report as people read it: what was compared, what differs, what to do next.
extension ReconcileReport {
    func lines(verbose: Bool) -> [String] {
        var lines = [summary.text()]
        if verbose { lines += countTable.lines() }
        if !differences.isEmpty { lines += differenceTable.lines() }
        if atLeastMore > 0 {
            lines.append(
                Words(
                    "and at least \(atLeastMore) more; --limit names more of them",
                    zh: "另有至少 \(atLeastMore) 条；用 --limit 可列出更多"
                ).text())
        }
        lines += remarks.map { $0.text() }
        lines += advice.map { $0.text() }
        if let wire {
            lines.append(
                Words(
                    "\(wire.questions) questions, \(wire.bytesUp + wire.bytesDown) bytes on the wire "
                        + "(\(wire.bytesUp) up, \(wire.bytesDown) down)",
                    zh: "共问 \(wire.questions) 次，传输 \(wire.bytesUp + wire.bytesDown) 字节（上行 \(wire.bytesUp)，下行 "
                        + "\(wire.bytesDown)）"
                ).text())
        }
        return lines
    }

    private var summary: Words {
        let counts = Words(
            "\(recordsHere) records here, \(recordsThere) there",
            zh: "本端 \(recordsHere) 条，对端 \(recordsThere) 条")
        if agrees {
            return Words(
                "both ends hold the same: \(counts.en)", zh: "两端一致：\(counts.zh)")
        }
        if differences.isEmpty && atLeastMore == 0 {
            return Words(
                "no difference was found, but not all could be compared: \(counts.en)",
                zh: "未发现差异，但未能全部比较：\(counts.zh)")
        }
        let atLeast = atLeastMore > 0
        let total = UInt64(differences.count) + atLeastMore
        return Words(
            "the two ends differ in \(atLeast ? "at least " : "")\(total) "
                + "\(total == 1 ? "record" : "records"): \(counts.en)",
            zh: "两端有\(atLeast ? "至少 " : " ")\(total) 条记录不一致：\(counts.zh)")
    }

    private var differenceTable: TextTable {
        var table = TextTable(
            [
                Words("what", zh: "差异"), Words("form", zh: "表单"), Words("record", zh: "记录"),
                Words("unit", zh: "单位"),
            ].map { $0.text() })
        for record in differences {
            let name =
                record.key.isEmpty
                ? Words("hash \(record.hash)", zh: "摘要 \(record.hash)").text()
                    + (record.day.map { " " + $0 } ?? "")
                : record.key.joined(separator: " ")
            table.add([ReconcileReport.words(record).text(), record.form, name, record.unit])
        }
        return table
    }

    private static func words(_ record: Record) -> Words {
        switch record.what {
        case "hub_lacks": Words("the hub lacks it", zh: "汇总端缺少")
        case "branch_lacks": Words("the branch lacks it", zh: "支部缺少")
        case "lacked_here": Words("lacking here", zh: "本端缺少")
        case "lacked_in_file": Words("lacking in the file", zh: "文件中缺少")
        default:
            record.isAltered
                ? Words("altered in the hub's table", zh: "汇总端表中被改动") : Words("differs", zh: "内容不同")
        }
    }

    private var countTable: TextTable {
        let isByUnit = counts.contains { $0.unit != nil }
        var head = [Words("form", zh: "表单"), Words("from", zh: "起"), Words("to", zh: "止")]
        if isByUnit { head.append(Words("unit", zh: "单位")) }
        head += [Words("here", zh: "本端"), Words("there", zh: "对端"), Words("same", zh: "一致")]
        var table = TextTable(head.map { $0.text() })
        for count in counts {
            let same = (count.agrees ? Words("yes", zh: "是") : Words("no", zh: "否")).text()
            table.add(
                [count.form, count.from ?? "", count.to ?? ""] + (isByUnit ? [count.unit ?? ""] : [])
                    + ["\(count.here)", "\(count.there)", same])
        }
        return table
    }

    /// What is no difference.
    private var remarks: [Words] {
        var remarks: [Words] = []
        if onTheWay.up > 0 && !isOfOneHub {
            remarks.append(
                Words(
                    "on their way to the hub: \(onTheWay.up) records that wait at the branch",
                    zh: "正送往汇总端：支部待发的 \(onTheWay.up) 条记录"))
        }
        if onTheWay.down > 0 && !isOfOneHub {
            remarks.append(
                Words(
                    "on their way to the branch: \(onTheWay.down) records; its feed stands at "
                        + "\(positions.feed), the hub's log at \(positions.hub)",
                    zh: "正送往支部：\(onTheWay.down) 条记录；支部已收到位置 \(positions.feed)，汇总端日志在 \(positions.hub)"))
        }
        if isOfOneHub && onTheWay.up + onTheWay.down > 0 {
            remarks.append(
                Words(
                    "\(onTheWay.up + onTheWay.down) records changed since the file was made; they are not "
                        + "compared",
                    zh: "文件生成后有 \(onTheWay.up + onTheWay.down) 条记录变动；未作比较"))
        }
        if heldBack > 0 {
            remarks.append(
                Words(
                    "held back by the centre and not compared: \(heldBack) records; "
                        + "`sync-inspect queue --all` "
                        + "says why",
                    zh: "被中心隔离、未比较：\(heldBack) 条记录；用 sync-inspect queue --all 查看原因"))
        }
        if outside > 0 {
            remarks.append(
                Words(
                    "outside this branch's scope and not compared: \(outside) records",
                    zh: "不在本支部范围内、未比较：\(outside) 条记录"))
        }
        if elsewhere > 0 {
            remarks.append(
                Words(
                    "alike at both ends and counted under different units: \(elsewhere) "
                        + "records; the register "
                        + "differs",
                    zh: "两端内容相同但归属单位不同：\(elsewhere) 条记录；登记册不一致"))
        }
        if holes > 0 {
            remarks.append(
                Words(
                    "the hub was put back once to before \(holes) entries of which this branch had let "
                        + "values "
                        + "go that may be kept no longer. Those values are gone at both ends; all the "
                        + "rest of "
                        + "these entries the branch sends again by itself",
                    zh: "汇总端曾恢复到较早的状态，缺少本支部的 \(holes) 条内容，其中超过保存期限的值本支部已删除。"
                        + "这些值两端均已不存；其余内容由支部自动重新发送"))
        }
        return remarks
    }

    /// Units and people that have moved since the branch heard of the hub look like losses at either end.
    private func unfetched(_ kinds: Set<String>) -> [Words] {
        let isLost = !kinds.isDisjoint(with: ["hub_lacks", "branch_lacks"])
        guard isLost, !isOfOneHub, positions.feed < positions.hub else { return [] }
        return [
            Words(
                "since the branch last heard of the hub, units or people may have moved: what has come or "
                    + "gone by that looks like a loss at either end. Run `branch-agent sync` and compare "
                    + "again before anything else",
                zh: "支部上次同步之后，单位或人员可能已变更归属：因此而增减的记录看起来像是某一端丢失。"
                    + "请先运行 branch-agent sync 再比较，然后再作其他处理")
        ]
    }

    /// What to do about each kind of difference; nothing is done here.
    private var advice: [Words] {
        let kinds = Set(differences.map(\.what))
        var advice: [Words] = []
        if let forked = journals.first(where: { !$0.agrees }) {
            advice.append(
                Words(
                    "the \(forked.lane) journal \(forked.origin) is another at the hub than "
                        + "at the branch: the "
                        + "store was restored or copied. Run `branch-agent sync`; it says what to do",
                    zh: "支部与汇总端的\(forked.lane)日志 \(forked.origin) 不同：数据曾被恢复或复制。请运行 branch-agent "
                        + "sync，它会说明如何处理"))
        }
        advice += unfetched(kinds)
        if kinds.contains("hub_lacks") {
            // After a hole the hub's journal does not have all that it once acknowledged.
            advice.append(
                holes > 0
                    ? Words(
                        "what the hub lacks it had acknowledged before it was put back. Run `branch-agent "
                            + "sync` and compare again; what it lacks still is only here: tell whoever keeps "
                            + "the hub which records these are, and enter them again",
                        zh: "汇总端缺少的记录在其恢复之前已有回执。请运行 branch-agent sync 后再比较；"
                            + "若仍缺少，则只有本支部还有：请告知汇总端管理员，并重新录入")
                    : Words(
                        "what the hub lacks it has acknowledged, and its journal has it: its tables do "
                            + "not. Tell "
                            + "whoever keeps the hub which records these are; its tables are to be "
                            + "made anew from "
                            + "the journal, or from a backup. Nothing has to be entered again",
                        zh: "汇总端缺少的记录已有回执，其日志中仍有，只是表中没有。请把这些记录告知汇总端管理员，由其从日志或备份重建表。无需重新录入"))
        }
        if kinds.contains("branch_lacks") {
            advice.append(
                Words(
                    "what the branch lacks is safe at the hub. Run `branch-agent sync` and "
                        + "compare again; if it "
                        + "is lacking still, this store has lost it: once nothing is queued, join anew in an "
                        + "empty folder, and everything is fed again",
                    zh: "支部缺少的记录在汇总端完好。请运行 branch-agent sync 后再比较；若仍缺少，则本地数据已丢失：确认没有待发内容后，"
                        + "用空目录重新加入，即可重新下发全部内容"))
        }
        if kinds.contains("differs") {
            advice.append(
                Words(
                    "look at a record that differs at both ends: `sync-inspect record FORM KEY --data DIR` "
                        + "shows its versions. One that was altered in the hub's table is to be "
                        + "made anew there "
                        + "from its versions; otherwise write a correction at the branch",
                    zh: "对内容不同的记录，请在两端运行 sync-inspect record 表单 键 --data DIR 查看其版本。"
                        + "汇总端表中被改动的，应由汇总端按版本重建；否则请在支部更正"))
        }
        if kinds.contains("lacked_here") || kinds.contains("lacked_in_file") {
            advice.append(
                Words(
                    "one of the two stores has lost records that the other has; its tables "
                        + "are to be made anew "
                        + "from the journal, or from a backup",
                    zh: "两份数据中的一份丢失了记录；应从日志或备份重建其表"))
        }
        let registers = ["unit", "placement", "person", "membership"]
        if differences.contains(where: { registers.contains($0.form) }), differences.count > 1 {
            advice.append(
                Words(
                    "the register itself differs: mend units, persons and memberships first, the other "
                        + "differences may only follow from that",
                    zh: "登记册本身不一致：请先处理单位、人员和所在支部，其他差异可能只是由此引起"))
        }
        return advice
    }
}
