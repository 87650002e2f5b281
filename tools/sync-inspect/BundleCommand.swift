import ArgumentParser
import Console
import Foundation

struct BundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "bundle",
        Words(
            "Write a file for whoever helps: checks, queue, "
                + "sessions, counts; no names, phones, places or texts. "
                + "It lists what is in it.",
            zh: "生成一份给技术人员的诊断文件：检查结果、待发、会话、计数；不含姓名、电话、地点和文字内容，并列出其中有什么。"),
        example: "sync-inspect bundle --data DIR -o help.json --offline")

    @OptionGroup var store: DataOption
    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", zh: "要写入的文件。"))
    var output: String
    @Flag(name: .long, help: ArgumentHelp("Do not try the hub's address.", zh: "不连接汇总端。"))
    var offline = false
    @OptionGroup var printing: OutputOption

    /// What a bundle holds, by place.
    struct Content: Encodable {
        var path: String
        var kind: String
        var values: Int
    }

    struct Listing: Encodable {
        var file: String
        var contents: [Content]
    }

    func run() async throws {
        try await Program.run {
            let parts = await BundleMaker(path: store.data, now: Now.milliseconds()).parts(isOffline: offline)
            let listing = Listing(file: output, contents: BundleCommand.contents(parts))
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
            let inside = BundleFile(contents: listing.contents, parts: .map(parts))
            try Files.write(Array(try encoder.encode(inside)) + [0x0a], to: output)
            try printing.show(listing, BundleCommand.lines(listing))
            if printing.json { return }
            Output.remark(
                Words(
                    "\(output) holds this and nothing else: numbers, times, and words of the program's own",
                    zh: "\(output) 只含以上内容：数字、时间和程序自身的词"))
        }
    }

    static func lines(_ listing: Listing) -> [String] {
        let head = [Words("place", zh: "位置"), Words("holds", zh: "内容"), Words("values", zh: "个数")]
        var table = TextTable(head.map { $0.text() })
        for content in listing.contents {
            table.add([content.path, words(content.kind).text(), "\(content.values)"])
        }
        return table.lines()
    }

    private struct BundleFile: Encodable {
        var contents: [Content]
        var parts: BundleValue
    }

    static func contents(_ parts: [String: BundleValue]) -> [Content] {
        var found: [String: (kind: String, count: Int)] = [:]
        BundleValue.map(parts).contents("", &found)
        return found.sorted { $0.key < $1.key }.map {
            Content(path: $0.key, kind: $0.value.kind, values: $0.value.count)
        }
    }

    private static func words(_ kind: String) -> Words {
        switch kind {
        case "number": Words("number", zh: "数字")
        case "flag": Words("yes or no", zh: "是或否")
        case "time": Words("time", zh: "时间")
        default: Words("word of the program's own", zh: "程序自身的词")
        }
    }
}
