import ArgumentParser
import Console
import SyncCore

struct VectorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "vector",
        Words(
            "Compare or merge two version vectors, written {id:count, ...}. Needs no store.",
            zh: "比较或合并两个版本向量，写作 {编号:计数, ...}。不需要数据。"),
        example: "sync-inspect vector compare '{42:1}' '{42:2}'",
        subcommands: [VectorCompareCommand.self, VectorMergeCommand.self])
}

/// The two vectors on the command line.
struct VectorPair: ParsableArguments {
    @Argument(help: ArgumentHelp("The first vector, such as '{42:1, 43:7}'.", zh: "第一个向量，例如 '{42:1, 43:7}'。"))
    var first: String
    @Argument(help: ArgumentHelp("The second vector.", zh: "第二个向量。"))
    var second: String

    /// Reads both; what was not canonical is said on standard error.
    func read() throws -> (first: VersionVector, second: VersionVector) {
        (
            try VectorPair.read(first, Words("the first vector", zh: "第一个向量")),
            try VectorPair.read(second, Words("the second vector", zh: "第二个向量"))
        )
    }

    private static func read(_ text: String, _ name: Words) throws -> VersionVector {
        do {
            let parsed = try VectorText(text)
            for note in parsed.notes {
                Output.remark(
                    Words("note: \(name.en): \(note.en)", zh: "注意：\(name.zh)：\(note.zh)"))
            }
            return parsed.vector
        } catch let error as VectorTextError {
            throw Failure(
                .usage,
                Words(
                    "\(name.en), character \(error.place): \(error.words.en); write it as {id:count, ...}",
                    zh: "\(name.zh)，第 \(error.place) 个字符：\(error.words.zh)；请写成 {编号:计数, ...}"))
        }
    }
}

struct VectorCompareCommand: AsyncParsableCommand {
    struct Report: Encodable { var result: String }

    static let configuration = CommandConfiguration(
        "compare",
        Words(
            "How the first vector lies to the second: equal, greater, lesser or concurrent.",
            zh: "第一个向量与第二个的关系：相等、包含、被包含或互不包含。"))

    @OptionGroup var vectors: VectorPair
    @OptionGroup var output: OutputOption

    func run() async throws {
        try await Program.run {
            let (first, second) = try vectors.read()
            let relation = first.compare(second)
            if output.json { return try Output.json(Report(result: relation.rawValue)) }
            Output.line(VectorCompareCommand.words(for: relation))
        }
    }

    static func words(for relation: VersionVector.Relation) -> Words {
        switch relation {
        case .equal: Words("equal", zh: "equal（相等）")
        case .greater: Words("greater", zh: "greater（前者包含后者）")
        case .lesser: Words("lesser", zh: "lesser（后者包含前者）")
        case .concurrent: Words("concurrent", zh: "concurrent（互不包含）")
        }
    }
}

struct VectorMergeCommand: AsyncParsableCommand {
    struct Report: Encodable { var result: [[UInt64]] }

    static let configuration = CommandConfiguration(
        "merge", Words("The least vector that covers both.", zh: "同时覆盖两者的最小向量。"))

    @OptionGroup var vectors: VectorPair
    @OptionGroup var output: OutputOption

    func run() async throws {
        try await Program.run {
            let (first, second) = try vectors.read()
            let merged = first.merged(with: second)
            guard output.json else { return Output.line(VectorText.text(merged)) }
            try Output.json(Report(result: merged.entries.map { [$0.origin, $0.count] }))
        }
    }
}
