import Foundation

/// What a run has to say: figures as they come, and what was left out.
final class Report {
    private enum Entry: Codable {
        case figure(Figure)
        case skipped(part: String, reason: String)
    }

    private let path: String?

    /// - Parameter path: a file that each entry is appended to, a line of JSON each.
    init(path: String?) { self.path = path }

    func add(_ figure: Figure, of part: String) throws {
        var figure = figure
        figure.part = part
        say(figure.line)
        try append(.figure(figure))
    }

    func skip(_ part: String, _ reason: String) throws {
        say("\(part): skipped: \(reason)")
        try append(.skipped(part: part, reason: reason))
    }

    /// At once, also into a pipe.
    private func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private func append(_ entry: Entry) throws {
        guard let path else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let line = try encoder.encode(entry) + Data("\n".utf8)
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw BenchError("\(path) cannot be written")
        }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: line)
    }

    /// The entries of a file as a Markdown table.
    ///
    /// - Parameter about: machine, date, commit.
    static func table(_ path: String, about: String) throws -> String {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let entries = try lines.map { try JSONDecoder().decode(Entry.self, from: Data($0.utf8)) }
        var text = about + "\n\nMedians, with the least and the most of n runs.\n\n"
        text += "| part | figure | measured | n | floor in the same run | ratio | asked |\n"
        text += "|---|---|---|---|---|---|---|\n"
        var skipped = ""
        for entry in entries {
            switch entry {
            case .figure(let figure):
                text += "| \(figure.part) | \(figure.name) | \(figure.valueText) | \(figure.n) "
                text += "| \(figure.floorText) | \(figure.ratioText) | \(figure.limitText) |\n"
            case .skipped(let part, let reason): skipped += "\nNot measured: \(part), because \(reason).\n"
            }
        }
        return text + skipped
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A part cannot be measured here: a program or a peer is missing.
struct Skipped: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
