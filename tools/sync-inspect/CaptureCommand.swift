import ArgumentParser
import Console
import Forms

struct CaptureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "capture",
        Words(
            "Show a transcript frame by frame: place, sizes, "
                + "meaning, timing, and the first thing that is wrong.",
            zh: "逐帧显示会话转录：位置、大小、含义、时间和首个问题。"),
        discussion: Words(
            "`branch-agent sync|serve --transcript FILE` and `aggregator serve --transcript FILE` write "
                + "transcripts. Ends with 0 when nothing is wrong, with 1 when something is.",
            zh: "会话转录由 branch-agent sync 或 serve、aggregator serve 加 --transcript 生成。无误时退出码为 0，有问题为 1。"),
        example: "sync-inspect capture session.transcript --hexdump")

    @Argument(help: ArgumentHelp("The transcript.", zh: "会话转录文件。"))
    var file: String
    @Flag(name: .long, help: ArgumentHelp("Say of every byte what it is.", zh: "注明每个字节的含义。"))
    var hexdump = false
    @Flag(name: .long, help: ArgumentHelp("Show personal fields as they are.", zh: "显示个人信息原文。")) var unmask =
        false
    @OptionGroup var output: OutputOption

    func run() async throws {
        try await Program.run {
            let report = CaptureReport(
                try Transcript(file), masking: Masking(forms: .builtIn, unmask: unmask), isDumped: hexdump)
            try output.show(report, report.lines())
            if report.problem != nil { Program.end(.someRefused) }
        }
    }
}
