import ArgumentParser
import Console
import Foundation

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import the register from a sheet: units, people, register-changes or excused.")

    @Argument(help: "units, people, register-changes or excused.")
    var kind: String
    @Argument(help: "The sheet, CSV.")
    var file: String
    @OptionGroup var store: DataOption
    @Flag(name: .long) var json = false

    func run() async throws {
        try await Program.run {
            guard let kind = RegisterSheet(rawValue: kind) else {
                throw Failure(
                    .usage,
                    Words(
                        "import takes units, people, register-changes or excused, not \(kind)",
                        zh: "可导入 units、people、register-changes、excused，不能导入 \(kind)"))
            }
            let bytes = try Files.read(file)
            let sheet = try RegisterImport(kind, bytes: bytes)
            let result = try sheet.run(
                on: try store.folder.open(), now: HubFolder.milliseconds(),
                progress: ProgressBar(Words("importing", zh: "正在导入")))
            try show(result)
            if result.rejected > 0 { Program.end(.someRefused) }
        }
    }

    private func show(_ result: RegisterResult) throws {
        if json { return try Output.json(result) }
        Output.line(
            Words(
                "\(file): \(result.records) rows: \(result.accepted) taken, \(result.unchanged) unchanged, "
                    + "\(result.rejected) refused, \(result.blank) blank",
                zh: "\(file)：共 \(result.records) 行：接受 \(result.accepted)，未变 \(result.unchanged)，"
                    + "拒绝 \(result.rejected)，空行 \(result.blank)"))
        for error in result.errors {
            Output.remark(
                Words(
                    "  line \(error.line) (row \(error.record)), \(error.column): \(error.reason):"
                        + " \(error.message)",
                    zh:
                        "  第 \(error.line) 行（第 \(error.record) "
                        + "条），\(error.column)：\(error.reason)：\(error.message)"
                ))
        }
    }
}
