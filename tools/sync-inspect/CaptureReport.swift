import Console
import Forms
import SyncCore
import SyncWire

/// A transcript, frame by frame.
struct CaptureReport: Encodable {
    struct Frame: Encodable {
        var connection: UInt64
        /// Since the transcript began.
        var milliseconds: Int64
        /// `agent` or `hub`; absent for what happened to the connection itself.
        var from: String?
        /// Of the first byte in its direction.
        var offset: UInt64?
        /// As the specification calls it; `preamble`, `opened` and `closed` beside that.
        var name: String
        var flags: String?
        /// Header and payload as they travelled.
        var wireBytes: Int?
        var inflatedBytes: Int?
        var meaning: String
        var problem: String?
        /// Every byte, when asked for.
        var bytes: [Hexdump.Stretch]?
    }

    struct Totals: Encodable {
        var frames = 0
        var wireBytes = 0
        var inflatedBytes = 0
    }

    var side: String
    var program: String
    var began: String
    var masked: Bool
    var frames: [Frame] = []
    /// By who said it.
    var totals: [String: Totals] = [:]
    /// The first thing that is wrong, with the place of its frame in `frames`, from 0 on.
    var problem: String?
    var problemAt: Int?
    var unreadableLines: [Int]

    init(_ transcript: Transcript, masking: Masking, isDumped: Bool) {
        side = Masking.clean(transcript.head.side ?? "?")
        program = Masking.clean(transcript.head.program ?? "?")
        began = RecordText.time(transcript.head.began ?? 0)
        masked = transcript.head.masked ?? true
        unreadableLines = transcript.unreadable
        var reader = CaptureReading(masking: masking, isDumped: isDumped)
        for line in transcript.lines {
            guard let frame = reader.frame(line) else { continue }
            if let from = frame.from, let wire = frame.wireBytes {
                totals[from, default: Totals()].frames += 1
                totals[from, default: Totals()].wireBytes += wire
                totals[from, default: Totals()].inflatedBytes += frame.inflatedBytes ?? 0
            }
            frames.append(frame)
            if problem == nil, let found = frame.problem {
                problem = found
                problemAt = frames.count - 1
            }
        }
        if problem == nil, let line = unreadableLines.first {
            problem =
                Words(
                    "line \(line) of the transcript does not read: it was cut or changed",
                    zh: "会话转录第 \(line) 行无法读取：被截断或改动"
                ).text()
        }
    }

    func lines() -> [String] {
        var lines = [
            Words(
                "transcript of \(program) "
                    + "(\(side)), from \(began)\(masked ? ", personal fields masked" : "")",
                zh: "\(program)（\(side)）的会话转录，始于 \(began)\(masked ? "，个人信息已隐去" : "")"
            ).text()
        ]
        if let problem {
            lines.append(
                Words("the first thing that is wrong: \(problem)", zh: "首个问题：\(problem)").text())
        } else {
            lines.append(Words("nothing is wrong with any frame", zh: "各帧均无误").text())
        }
        var table = TextTable(
            [
                Words("ms", zh: "毫秒"), Words("link", zh: "连接"), Words("from", zh: "来自"),
                Words("at", zh: "位置"), Words("wire", zh: "线上"), Words("inflated", zh: "解压后"),
                Words("frame", zh: "帧"), Words("meaning", zh: "含义"),
            ].map { $0.text() })
        for frame in frames {
            let mark = frame.problem.map { " " + Paint.red("!! \($0)") } ?? ""
            table.add([
                "\(frame.milliseconds)", "\(frame.connection)", CaptureReport.who(frame.from),
                frame.offset.map { "\($0)" } ?? "", frame.wireBytes.map { "\($0)" } ?? "",
                frame.inflatedBytes.map { "\($0)" } ?? "",
                frame.name + (frame.flags.map { $0.isEmpty ? "" : " (\($0))" } ?? ""),
                frame.meaning + mark,
            ])
        }
        lines += table.lines()
        for frame in frames {
            guard let bytes = frame.bytes, !bytes.isEmpty else { continue }
            lines += ["", "\(CaptureReport.who(frame.from)) \(frame.offset ?? 0) \(frame.name)"]
            lines += Hexdump.lines(bytes)
        }
        for from in totals.keys.sorted() {
            guard let total = totals[from] else { continue }
            let who = CaptureReport.who(from)
            lines.append(
                Words(
                    "\(who): \(total.frames) frames, \(total.wireBytes) "
                        + "bytes, \(total.inflatedBytes) inflated",
                    zh: "\(who)：\(total.frames) 帧，\(total.wireBytes) 字节，解压后 \(total.inflatedBytes) 字节"
                ).text())
        }
        return lines
    }

    static func who(_ from: String?) -> String {
        switch from {
        case "agent": Words("branch", zh: "支部").text()
        case "hub": Words("hub", zh: "汇总端").text()
        default: ""
        }
    }
}
