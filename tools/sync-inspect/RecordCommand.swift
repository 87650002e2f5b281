import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "record",
        Words(
            "The history of one record: all versions held here, what became of each field, by which rule.",
            zh: "一条记录的历史：此处的所有版本，以及各字段按何规则成为现状。"),
        example: "sync-inspect record check-in 2020-02-03 T001 --data DIR")

    @OptionGroup var record: RecordArguments
    @OptionGroup var options: StoreOptions
    @Flag(name: .long, help: ArgumentHelp("Show personal fields as they are.", zh: "显示个人信息原文。")) var unmask =
        false

    func run() async throws {
        try await options.inspect { opened, damages in
            let forms = try opened.forms()
            let key = try record.key(forms)
            let (state, versions, around) = try opened.record(key, damages)
            return RecordLook(
                record: RecordReport(
                    key, state, versions, around, forms: forms,
                    masking: try opened.masking(forms, unmask: unmask), times: opened.times()))
        } lines: { look, _ in
            look.record.lines()
        }
    }
}

/// A record, and what of it could not be read.
struct RecordLook: StoreReport {
    var record: RecordReport
    var damaged: [Damages.Entry] = []

    private enum CodingKeys: String, CodingKey { case damaged }

    func encode(to encoder: any Encoder) throws {
        try record.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(damaged, forKey: .damaged)
    }
}
