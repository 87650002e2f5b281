import Console
import SyncCore
import SyncStore

/// What there is to say of how far rules have been evaluated.
enum RuleMarkWords {
    /// So long it is said that the clock has gone back, milliseconds.
    private static let remembered: Milliseconds = 7 * 86_400_000

    static func lines(_ marks: RuleMarks, _ times: TimeText, now: Milliseconds) -> [Words] {
        var lines: [Words] = []
        if marks.isAhead(of: now) {
            let ahead = times.text(marks.through)
            lines.append(
                Words(
                    "RULES: they were evaluated by a clock that showed \(ahead), which lies ahead of this "
                        + "machine's; `aggregator rules` judges again what falls due",
                    zh: "规则：曾按显示为 \(ahead) 的时钟执行，快于本机当前时间；请运行 aggregator rules 重新判断"))
        }
        if let back = marks.wentBack, now - back.to < remembered {
            let (from, to) = (times.text(back.from), times.text(back.to))
            lines.append(
                Words(
                    "RULES: this machine's clock went back from \(from) to \(to); what rules had raised "
                        + "for moments still to come was withdrawn, what fell due is judged again, and "
                        + "nothing is raised twice. Look through `aggregator alerts list`",
                    zh: "规则：本机时钟曾从 \(from) 拨回到 \(to)；时间未到的事项已撤回，到期事项会重新判断，不会重复触发。"
                        + "请查看 aggregator alerts list"))
        }
        if let held = marks.held, now < held.until {
            let (from, until) = (times.text(held.from), times.text(held.until))
            lines.append(
                Words(
                    "RULES: the store was put back; cut-offs since \(from) are judged at \(until), so that "
                        + "branches can send again what it lacks",
                    zh: "规则：数据已恢复；自 \(from) 起的截止事项将在 \(until) 判断，以便各支部补发缺少的内容"))
        }
        return lines
    }
}
