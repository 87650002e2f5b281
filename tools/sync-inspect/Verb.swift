import ArgumentParser
import Console
import Forms
import SyncCore

/// What a verb prints: text for people or, when asked for, JSON for scripts.
struct OutputOption: ParsableArguments {
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func show(_ report: some Encodable, _ lines: @autoclosure () -> [String]) throws {
        if json { try Output.json(report) } else { lines().forEach { Output.line($0) } }
    }
}

/// How many of something are listed; the others are counted.
struct LimitOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("At most so many.", zh: "最多列出的条数。")) var limit = 100

    func validate() throws {
        if limit < 0 { throw LimitOption.tooSmall(0) }
    }

    static func tooSmall(_ least: Int) -> ValidationError {
        ValidationError(
            Words("--limit is a number from \(least) on.", zh: "--limit 应为不小于 \(least) 的数。").text())
    }
}

/// The record that is meant.
struct RecordArguments: ParsableArguments {
    @Argument(help: ArgumentHelp("The form, such as check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @Argument(
        help: ArgumentHelp(
            "The key's values in the form's order, such as 2020-02-03 T001.",
            zh: "按表单顺序写出键值，例如 2020-02-03 T001。"))
    var key: [String]

    func key(_ forms: FormCatalog) throws -> RecordKey { try RecordKeyText.key(form, key, forms) }
}

/// What was found in a store, and what of it could not be read.
protocol StoreReport: Encodable {
    var damaged: [Damages.Entry] { get set }
}

/// A verb that looks into one store.
struct StoreOptions: ParsableArguments {
    @OptionGroup var store: DataOption
    @OptionGroup var output: OutputOption

    var folder: String { store.data }
    var json: Bool { output.json }

    /// Opens the store and shows what `look` finds in it; ends with the code for damage where there is any.
    func inspect<Report: StoreReport>(
        _ look: (StoreAtHand, Damages) throws -> Report, lines: (Report, TimeText) -> [String]
    ) async throws {
        try await Program.run {
            let opened = try StoreAtHand(folder)
            let damages = Damages()
            var report = try look(opened, damages)
            report.damaged = damages.entries
            try output.show(report, lines(report, opened.times()))
            if !json { damages.words.forEach { Output.remark($0) } }
            damages.end()
        }
    }
}
