import Console
import Forms
import SyncCore

/// What `report` says.
enum ReportWords {
    static func title(_ draft: ReportDraft) -> Words {
        let unit = Output.printable(draft.unit)
        return !draft.against.isEmpty
            ? Words(
                "report of \(unit) for \(draft.day): there is something to report",
                zh: "\(unit) \(draft.day) 报告：有情况")
            : Words(
                "zero report of \(unit) for \(draft.day): nothing to report",
                zh: "\(unit) \(draft.day) 零报告：无情况")
    }

    static func missing(_ people: [String]) -> Words {
        let names = people.map(Output.printable).joined(separator: " ")
        return Words("  not heard from: \(names)", zh: "  尚未打卡：\(names)")
    }

    static func code(_ draft: ReportDraft) -> Words {
        Words("code of what is shown: \(draft.code)", zh: "所显示内容的代码：\(draft.code)")
    }

    static let question = Words("Sign this? [y/N]", zh: "确认签报吗？[y/N]")

    static func notSigned(_ code: String, again: String) -> Failure {
        Failure(
            .usage,
            Words(
                "nothing was saved yet: to sign what was shown, run it again with --shown \(code): \(again)",
                zh: "尚未保存：如确认所显示的内容，请加 --shown \(code) 重新运行：\(again)"))
    }

    static func saved(_ draft: ReportDraft) -> Words {
        let unit = Output.printable(draft.unit)
        let digest = draft.digest.description.prefix(12)
        return Words(
            "saved the report of \(unit) for \(draft.day), counted from \(draft.counted) check-ins "
                + "(\(digest)); it leaves with the next sync",
            zh: "已保存 \(unit) \(draft.day) 的报告，计入 \(draft.counted) 条打卡（\(digest)）；下次同步时发送")
    }

    static func becameWrong(_ report: ReportDraft.Name) -> Words {
        let unit = Output.printable(report.unit)
        return Words(
            "the report of \(unit) for \(report.day) no longer says what is counted now: see then and now "
                + "with `branch-agent report --then --day \(report.day)`, and report again",
            zh: "\(unit) \(report.day) 的报告与现在的汇总不符：请用 branch-agent report --then --day \(report.day) "
                + "对照当时与现在，并重新报告")
    }

    static func unchanged(_ draft: ReportDraft) -> Words {
        let unit = Output.printable(draft.unit)
        return Words(
            "unchanged: the report of \(unit) for \(draft.day) says this already",
            zh: "未变：\(unit) \(draft.day) 的报告已是此内容")
    }

    /// What is written otherwise than it is counted, and what it stands against.
    static func otherwise(_ differences: [CountCheck.Difference], _ against: [String]) -> Words {
        let counts = differences.map { difference in
            Words(
                "\(difference.field)=\(difference.says), and \(difference.counted) are counted here",
                zh: "\(difference.field)=\(difference.says)，本机汇总为 \(difference.counted)")
        }
        let names = against.prefix(5).map(Output.printable).joined(separator: ", ")
        let others =
            against.isEmpty
            ? [] : [Words("it says there is nothing beside \(names)", zh: "声明无情况，但 \(names) 中有情况")]
        let all = counts + others
        return Words(
            all.map(\.en).joined(separator: "; "), zh: all.map(\.zh).joined(separator: "；"))
    }

    static func differs(_ check: CountCheck) -> Failure {
        let (unit, day) = (Output.printable(check.unit), CivilDay.text(check.day))
        let what = otherwise(check.differences, check.against)
        return Failure(
            .usage,
            Words(
                "\(what.en). Nothing was saved. `branch-agent report --day \(day) --unit \(unit)` counts and "
                    + "shows; leave the counts out, or correct the check-ins; what a paper says and is to "
                    + "stand is kept with --as-stated, and the centre lists it as a discrepancy",
                zh: "\(what.zh)。未保存任何内容。可用 branch-agent report --day \(day) --unit \(unit) 汇总并查看；"
                    + "或不填人数，或更正打卡；若须按纸质报告原样保存，请加 --as-stated，中心会将其列为不符"))
    }

    static func counted(_ check: CountCheck) -> Words {
        let counts = check.counts.map { "\($0.field.name)=\($0.count)" }.joined(separator: " ")
        return Words(
            "counted from \(check.counted) check-ins here: \(counts)",
            zh: "由本机 \(check.counted) 条打卡汇总：\(counts)")
    }

    static func isCounted(_ field: String) -> Failure {
        Failure(
            .usage,
            Words(
                "\(Output.printable(field)) is counted from the check-ins: leave it out, or correct the "
                    + "check-ins; nothing was saved",
                zh: "\(Output.printable(field)) 由打卡记录汇总得出：请勿填写，或更正打卡；未保存任何内容"))
    }

    static func nobodyThere(_ unit: String, _ day: String) -> Failure {
        let unit = Output.printable(unit)
        return Failure(
            .noInput,
            Words(
                "this branch knows nobody on the register of \(unit) for \(day), so there is nothing to "
                    + "count from; nothing was saved. Is it another branch's unit?",
                zh: "本支部没有 \(unit) \(day) 的登记人员，无从汇总；未保存任何内容。是否为其他支部的单位？"))
    }

    static func thenAndNow(_ report: ReportReport) -> Words {
        let unit = Output.printable(report.unit)
        let kind = Output.printable(report.kind)
        if report.isAsTyped {
            return Words(
                "report of \(unit) for \(report.day) (\(kind)): it was typed in, not signed with "
                    + "`report`, and does not say which check-ins stand behind it; as stated / counted now:",
                zh: "\(unit) \(report.day) 的报告（\(kind)）：系直接录入，未经 report 签报，未记明所依据的打卡；"
                    + "所填 / 现在汇总：")
        }
        return report.isUnchanged
            ? Words(
                "report of \(unit) for \(report.day) (\(kind)): the same check-ins are here now; then / now:",
                zh: "\(unit) \(report.day) 的报告（\(kind)）：打卡记录未变；当时 / 现在：")
            : Words(
                "report of \(unit) for \(report.day) (\(kind)): check-ins have come or changed since; "
                    + "then / now:",
                zh: "\(unit) \(report.day) 的报告（\(kind)）：此后打卡记录有变化；当时 / 现在：")
    }

    static func anothersUnit(_ unit: String, own: String) -> Failure {
        let (unit, own) = (Output.printable(unit), Output.printable(own))
        return Failure(
            .noInput,
            Words(
                "\(unit) is neither \(own), this branch's own unit, nor below it: what it has to report is "
                    + "counted there; nothing was saved",
                zh: "\(unit) 既不是本支部 \(own)，也不是其下级单位：其报告须由该单位汇总；未保存任何内容"))
    }

    static func noSuchUnit(_ unit: String) -> Failure {
        let unit = Output.printable(unit)
        return Failure(
            .noInput,
            Words(
                "this branch's register has no unit \(unit) yet; sync first, or look at the unit's id",
                zh: "本支部登记册中没有单位 \(unit)；请先同步，或核对单位代码"))
    }

    static func notReported(_ unit: String, _ day: String) -> Failure {
        let unit = Output.printable(unit)
        return Failure(
            .noInput,
            Words(
                "\(unit) has no report for \(day) here yet", zh: "本机尚无 \(unit) \(day) 的报告"))
    }

    static func notZero(_ draft: ReportDraft) -> Failure {
        let names = draft.against.map(Output.printable).joined(separator: ", ")
        return Failure(
            .usage,
            Words(
                "a zero report would be false: there is something in \(names). Leave --zero out, or correct "
                    + "the check-in first; nothing was saved",
                zh: "零报告与记录不符：\(names) 中有情况。请去掉 --zero，或先更正打卡；未保存任何内容"))
    }

    static func sayZero(_ draft: ReportDraft) -> Failure {
        Failure(
            .usage,
            Words(
                "nothing to report is found in \(draft.counted) check-ins of \(draft.day): state it with "
                    + "--zero. Nothing was saved, and who says nothing has not reported",
                zh: "\(draft.day) 的 \(draft.counted) 条打卡中没有情况：请用 --zero 明确声明。未保存任何内容；不报不等于零报告"))
    }
}
