import ArgumentParser
import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

/// What the bytes given to `batch` are.
enum BatchForm: String, ExpressibleByArgument, CaseIterable {
    case frame, payload, rows
}

struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Decode one batch: a frame, its payload or a rows part; or a stretch of a store's journal.")

    @Argument(help: "A file, or hexadecimal digits.") var input: String?
    @Option(name: .customLong("as"), help: "What the bytes are; guessed when not given.")
    var form: BatchForm?
    @Option(name: .long, help: "Instead of bytes: the folder of a store.") var data: String?
    @Option(name: .long, help: "With --data: the origin, sixteen hexadecimal digits.") var origin: String?
    @Option(name: .long, help: "With --data: the sequence to begin at.") var first: UInt64 = 1
    @Option(name: .long, help: "So many versions are listed.") var limit: Int?
    @Flag(name: .long, help: "For scripts.") var json = false

    func validate() throws {
        if (input == nil) == (data == nil) {
            throw ValidationError("Name a file or give hexadecimal digits, or name a store with --data.")
        }
        if let limit, limit < 0 { throw ValidationError("--limit is a number from 0 on.") }
        if first < 1 { throw ValidationError("Sequences begin at 1.") }
        if let origin, BatchCommand.origin(origin) == nil {
            throw ValidationError("--origin is up to sixteen hexadecimal digits.")
        }
    }

    static func origin(_ text: String) -> OriginID? {
        let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
        guard digits.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }) else { return nil }
        return OriginID(digits, radix: 16)
    }

    func run() async throws {
        try await Program.run {
            if let data {
                try show(store: StoreAtHand(data))
            } else if let input {
                let report = BatchReading.read(try BatchCommand.bytes(input), as: form, limit: most)
                try show(report)
                if report.problem != nil { Program.end(.noInput) }
            }
        }
    }

    private var most: Int { limit ?? (json ? .max : 20) }

    private func show(_ report: BatchReport) throws {
        if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
    }

    private func show(store: StoreAtHand) throws {
        guard let origin = origin.flatMap({ BatchCommand.origin($0) }) else {
            let report = try JournalList(store)
            if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
            return
        }
        guard let batch = try StoredBatch.read(store, origin: origin, first: first) else {
            throw Failure(
                .noInput,
                Words(
                    "this store holds no version \(RecordText.origin(origin))/\(first)",
                    zh: "此数据中没有版本 \(RecordText.origin(origin))/\(first)"))
        }
        try show(
            BatchReport(stored: batch, masking: Masking(forms: try store.forms(), unmask: false), limit: most)
        )
    }

    /// The file's bytes, or those that the digits stand for; a file may hold digits, too.
    static func bytes(_ input: String) throws -> [UInt8] {
        if FileManager.default.fileExists(atPath: input) {
            let content = try Files.read(input)
            return hexadecimal(content) ?? content
        }
        guard let bytes = hexadecimal(Array(input.utf8)) else {
            throw Failure(
                .noInput,
                Words(
                    "there is no file \(Masking.clean(input)), and it is no even number of "
                        + "hexadecimal digits",
                    zh: "没有文件 \(Masking.clean(input))，它也不是偶数个十六进制数字"))
        }
        return bytes
    }

    private static func hexadecimal(_ text: [UInt8]) -> [UInt8]? {
        let digits = text.filter { $0 != 0x20 && !(0x09...0x0d).contains($0) }
        guard !digits.isEmpty, digits.count % 2 == 0 else { return nil }
        guard digits.allSatisfy({ $0 < 0x80 }) else { return nil }
        return Hex.decode(String(decoding: digits, as: UTF8.self))
    }
}
