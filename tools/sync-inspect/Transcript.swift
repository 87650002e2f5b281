import Console
import Foundation
import SyncCore
import SyncWire

/// A transcript's lines as `--transcript` writes them; `Protocol/TRANSCRIPT.md`.
struct Transcript {
    struct Line: Decodable {
        var transcript: Int?
        var side: String?
        var program: String?
        var began: Milliseconds?
        var masked: Bool?
        var connection: UInt64?
        var ms: Int64?
        var from: String?
        var event: String?
        var words: String?
        var preamble: String?
        var offset: UInt64?
        var header: String?
        var wire: String?
        var payload: String?
        var broken: String?
        var cut: Int?
    }

    var head: Line
    var lines: [Line]
    /// Lines that do not read, by number from 1 on.
    var unreadable: [Int] = []

    /// - Throws: ``Failure`` when this is no transcript.
    init(_ path: String) throws {
        let text = try Files.read(path).split(separator: 0x0a, omittingEmptySubsequences: true)
        let decoder = JSONDecoder()
        guard let first = text.first, let head = try? decoder.decode(Line.self, from: Data(first)),
            head.transcript == 1
        else {
            throw Failure(
                .noInput,
                Words(
                    "\(Masking.clean(path)) is no transcript; `branch-agent sync --transcript FILE` and "
                        + "`aggregator serve --transcript FILE` write them",
                    zh: "\(Masking.clean(path)) 不是会话转录文件；请用 branch-agent sync --transcript 或 "
                        + "aggregator serve --transcript 生成"))
        }
        self.head = head
        lines = []
        for (number, line) in text.enumerated().dropFirst() {
            if let line = try? decoder.decode(Line.self, from: Data(line)) {
                lines.append(line)
            } else {
                unreadable.append(number + 1)
            }
        }
    }
}
