import Foundation
import Synchronization

/// Standard output and standard error as the programs use them: results on the one, remarks on the other.
public enum Output {
    /// Prints a line. Where the reader has gone (`| head -1`), it is dropped without a word.
    public static func line(_ text: String) {
        write(text + "\n", to: 1)
    }

    public static func line(_ words: Words) { line(words.text()) }

    public static func remark(_ words: Words) { write(words.text() + "\n", to: 2) }

    /// What is asked stands in the same line.
    public static func prompt(_ words: Words) { write(words.text(), to: 2) }

    /// Prints `value` as JSON, sorted keys, one line.
    public static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// A text from elsewhere without control characters: no line breaks, no terminal commands.
    public static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control })
        )
    }

    public static var isTerminal: Bool { isatty(2) == 1 }

    /// On a terminal; what cannot be drawn is left out.
    static func draw(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { unsafeWrite(2, $0) }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { unsafeWrite(descriptor, $0) }
            if count <= 0 {
                if count < 0 && errno == EINTR { continue }
                // What is done is done whoever reads of it, and the exit code must still say how it ended.
                if count < 0 && errno == EPIPE { return }
                end(after: errno, on: descriptor)
            }
            bytes = bytes.dropFirst(count)
        }
    }

    /// What could not be written must not look like a complete output.
    private static func end(after reason: Int32, on descriptor: Int32) -> Never {
        let isFull = reason == ENOSPC || reason == EDQUOT
        if descriptor != 2 {
            let why = String(cString: strerror(reason))
            let reason =
                isFull
                ? Words("the disk is full; free some space", zh: "磁盘已满；请腾出空间")
                : Words("\(why); check where it goes", zh: "\(why)；请检查输出位置")
            remark(
                Words(
                    "the output could not be written, what stands there is not complete: \(reason.en)",
                    zh: "无法写出结果，已写出的部分不完整：\(reason.zh)"))
        }
        exit((isFull ? ExitStatus.diskFull : .software).rawValue)
    }

    private static func unsafeWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Foundation.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// A progress bar on standard error, drawn only when a person is watching and at most ten times a second.
public final class ProgressBar: Sendable {
    private struct State {
        var drawn = Date.distantPast
        var isDrawn = false
    }

    private let label: Words
    private let state = Mutex(State())

    public init(_ label: Words) { self.label = label }

    public func show(_ done: Int, of total: Int) {
        guard Output.isTerminal, total > 0 else { return }
        let now = Date()
        let isDue = state.withLock { state in
            guard done == total || now.timeIntervalSince(state.drawn) > 0.1 else { return false }
            state = State(drawn: now, isDrawn: true)
            return true
        }
        guard isDue else { return }
        let filled = min(24, done * 24 / total)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        Output.draw("\r\(label.text()) \(bar) \(done)/\(total)")
    }

    /// Clears the line.
    public func finish() {
        let wasDrawn = state.withLock { state in
            defer { state.isDrawn = false }
            return state.isDrawn
        }
        if wasDrawn { Output.draw("\r\u{1b}[K") }
    }
}

/// Columns of text, padded to the widest cell; Chinese characters count as two.
public struct TextTable {
    private var rows: [[String]]

    public init(_ head: [String]) { rows = [head] }

    public mutating func add(_ cells: [String]) { rows.append(cells) }

    public func lines() -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.count > column ? TextTable.width($0[column]) : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index + 1 == row.count
                    ? cell : cell + String(repeating: " ", count: widths[index] - TextTable.width(cell))
            }.joined(separator: "  ")
        }
    }

    static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + (isWide($1) ? 2 : 1) }
    }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60,
            0xffe0...0xffe6, 0x20000...0x3fffd:
            true
        default: false
        }
    }
}
