import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

/// What the bytes given to `batch` are.
enum BatchForm: String, ExpressibleByArgument, CaseIterable {
    case frame, payload, rows
}

struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "batch",
        Words(
            "Decode one batch: a frame, its payload or a rows part; or a stretch of a store's journal.",
            zh: "解读一个批次：帧、其载荷或行数据；或数据中某来源的一段。"),
        example: "sync-inspect batch --data DIR --origin 0363c431212fe9d4 --first 1")

    @Argument(help: ArgumentHelp("A file, or hexadecimal digits.", zh: "文件，或十六进制数字。"))
    var input: String?
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("What the bytes are; guessed when not given.", zh: "字节的种类；不写则自动判断。"))
    var form: BatchForm?
    @Option(
        name: .long, help: ArgumentHelp("Instead of bytes: the folder of a store.", zh: "不给字节时：数据目录。"))
    var data: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --data: the origin, sixteen hexadecimal digits.", zh: "与 --data 同用：来源，十六位十六进制数字。"))
    var origin: String?
    @Option(
        name: .long,
        help: ArgumentHelp("With --data: the sequence to begin at.", zh: "与 --data 同用：起始序号。"))
    var first: UInt64 = 1
    @Option(name: .long, help: ArgumentHelp("So many versions are listed.", zh: "最多列出的版本数。"))
    var limit: Int?
    @Flag(name: .long, help: ArgumentHelp("Say of every byte what it is.", zh: "注明每个字节的含义。"))
    var hexdump = false
    @OptionGroup var output: OutputOption

    func validate() throws {
        if (input == nil) == (data == nil) {
            throw ValidationError(
                Words(
                    "Name a file or give hexadecimal digits, or name a store with --data.",
                    zh: "请指定文件或给出十六进制数字，或用 --data 指定数据目录。"
                ).text())
        }
        if let limit, limit < 0 {
            throw ValidationError(
                Words("--limit is a number from 0 on.", zh: "--limit 应为不小于 0 的数。").text())
        }
        if first < 1 {
            throw ValidationError(
                Words("Sequences begin at 1.", zh: "序号从 1 开始。").text())
        }
        if let origin, BatchCommand.origin(origin) == nil {
            throw ValidationError(
                Words("--origin is up to sixteen hexadecimal digits.", zh: "--origin 应为至多十六位十六进制数字。").text())
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
                let bytes = try BatchCommand.bytes(input)
                var report = BatchReading.read(bytes, as: form, limit: most)
                if hexdump { report.dump(bytes, Masking(forms: .builtIn, unmask: false)) }
                try show(report)
                if report.problem != nil { Program.end(.noInput) }
            }
        }
    }

    private var most: Int { limit ?? (output.json ? .max : 20) }

    private func show(_ report: BatchReport) throws {
        try output.show(report, report.lines())
    }

    private func show(store: StoreAtHand) throws {
        guard let origin = origin.flatMap({ BatchCommand.origin($0) }) else {
            let report = try JournalList(store)
            try output.show(report, report.lines())
            return
        }
        guard let batch = try StoredBatch.read(store, origin: origin, first: first) else {
            throw Failure(
                .noInput,
                Words(
                    "this store holds no version \(RecordText.origin(origin))/\(first); without --origin the "
                        + "origins are listed",
                    zh: "此数据中没有版本 \(RecordText.origin(origin))/\(first)；不写 --origin 可列出全部来源"))
        }
        let masking = Masking(forms: try store.forms(), unmask: false)
        var report = BatchReport(stored: batch, masking: masking, limit: most)
        if hexdump {
            let payload = MessageCodec.encode(.batch(batch)).payload
            report.hexdump = Hexdump.payload(type: MessageType.batch, payload, at: 0, masking)
        }
        try show(report)
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
                        + "hexadecimal digits; check the name, or copy all digits",
                    zh: "没有文件 \(Masking.clean(input))，它也不是偶数个十六进制数字；请检查文件名，或重新复制全部数字"))
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
