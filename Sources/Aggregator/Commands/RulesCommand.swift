import ArgumentParser
import Console
import Forms
import SyncCore
import SyncStore

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "rules",
        Words(
            "Evaluate all rules now, once; `serve` does so by itself.",
            zh: "立即执行一次全部规则；serve 运行时会自动执行。"),
        example: "aggregator rules --data DIR")

    struct Fired: Encodable {
        var rule: String
        var alert: String
        var form: String
        var key: String
        var step: Int64?
        var turn: String?
        var at: String
        /// Taken back: a clock that ran ahead had raised it.
        var isWithdrawn: Bool

        init(_ event: RuleEvent) {
            rule = Masking.clean(event.rule)
            alert = RaisedRow.name(of: event.key)
            form = Masking.clean(event.key.form)
            key = Masking.clean(RecordText.text(event.key))
            at = RecordText.time(event.at)
            isWithdrawn = event.action == .withdrawn
            if case .turn(let step, let person) = event.action {
                (self.step, turn) = (step, person.map(Masking.clean))
            }
        }

        var words: Words {
            let name = "\(alert)  \(form) \(key)"
            if isWithdrawn {
                return Words(
                    "withdrawn, its time has not come: \(name)", zh: "已撤回（时间未到）：\(name)")
            }
            guard let step else { return Words("raised: \(name)", zh: "触发：\(name)") }
            let whose = turn ?? "-"
            return Words(
                "step \(step + 1), the turn of \(whose): \(name)",
                zh: "第 \(step + 1) 步，轮到 \(whose)：\(name)")
        }
    }

    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            var rules = HubRules()
            let fired = try rules.lookAll(at: hub, now: HubFolder.milliseconds()).map(Fired.init)
            if json { return try Output.json(fired) }
            if fired.isEmpty { Output.line(Words("nothing is due", zh: "没有到期的规则")) }
            fired.forEach { Output.line($0.words) }
        }
    }
}
