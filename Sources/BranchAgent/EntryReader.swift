import Console
import Forms
import SyncCore
import SyncStore

/// Reads what a person typed as `field=value ...`.
enum EntryReader {
    /// What was typed, checked; ends the program when it is refused.
    static func row(
        _ fields: [String], _ compiled: CompiledForm, _ context: AgentContext, clock: AuthoringClock,
        moment: AuthoringMoment
    ) throws -> SheetRow {
        let pairs = try SheetEntry.withDay(try pairs(fields), form: compiled, clock: clock, moment: moment)
        switch try SheetEntry.read(
            pairs, form: compiled, now: moment.time, isClockTrusted: moment.isTrusted,
            isKnown: {
                try context.store.record($0)?.effective(under: compiled.mergeRules).exists ?? false
            })
        {
        case .success(let row): return row
        case .failure(let refused):
            for error in refused.errors {
                let words = SheetMessages.words(for: error, form: compiled, settings: context.settings)
                let column = error.column.isEmpty ? compiled.definition.form : error.column
                Output.remark(
                    Words(
                        "refused, nothing was saved: \(Output.printable(column)): \(words.en)",
                        zh: "拒绝，未保存任何内容：\(Output.printable(column))：\(words.zh)"))
            }
            Program.end(.someRefused)
        }
    }

    private static func pairs(_ fields: [String]) throws -> [(name: String, value: String)] {
        try fields.map { field in
            guard let equals = field.firstIndex(of: "=") else {
                throw Failure(
                    .usage,
                    Words(
                        "write field=value, such as temperature=36.5, not \(Output.printable(field))",
                        zh: "请写 字段=值，例如 temperature=36.5，而不是 \(Output.printable(field))"))
            }
            return (String(field[..<equals]), String(field[field.index(after: equals)...]))
        }
    }
}
