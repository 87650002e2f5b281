import ArgumentParser
import Foundation

/// Measures parts, or makes a table of what was measured before.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        discussion: "Parts:\n" + Part.all.map { "  \($0.name): \($0.words)" }.joined(separator: "\n"))

    @Argument(help: "What to measure; all parts when none is named.")
    var parts: [String] = []

    @Option(help: "A file that figures are appended to, a line of JSON each.")
    var json: String?

    @Option(help: "How often each figure is measured.")
    var runs = 5

    @Option(help: "The core that hubs are pinned to.")
    var hubCore: Int?

    @Option(help: "The folder of a college for the part 'bytes', in the form of make-college's.")
    var college: String?

    @Option(help: "Simple check-ins for the part 'bytes', JSON lines.")
    var checkIns: String?

    @Option(help: "Measure nothing; write the figures of this file as a Markdown table.")
    var table: String?

    @Option(help: "What the table says of the machine and the commit.")
    var about = ""

    @Flag(help: "List the parts' names.")
    var list = false

    func validate() throws {
        for part in parts where !Part.all.contains(where: { $0.name == part }) {
            throw ValidationError("there is no part '\(part)'")
        }
        guard runs > 0 else { throw ValidationError("--runs is at least 1") }
    }

    func run() async throws {
        if list { return print(Part.all.map(\.name).joined(separator: "\n")) }
        if let table { return print(try Report.table(table, about: about)) }
        let report = Report(path: json)
        for part in Part.all where parts.isEmpty || parts.contains(part.name) {
            do {
                try await part.run(
                    Bench(
                        part: part.name, runs: runs, hubCore: hubCore, report: report, college: college,
                        checkIns: checkIns))
            } catch let skipped as Skipped {
                try report.skip(part.name, skipped.reason)
            }
        }
    }
}
