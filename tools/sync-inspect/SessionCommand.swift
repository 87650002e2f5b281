import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "session",
        Words(
            "The last sessions: began, ended, bytes, versions, and how each ended.",
            zh: "最近的会话：开始、结束、字节、版本数，以及结束原因。"),
        example: "sync-inspect session --data DIR --limit 5")

    @OptionGroup var options: StoreOptions
    @Option(name: .long, help: ArgumentHelp("So many are listed.", zh: "最多列出的会话数。")) var limit = 20
    @Option(name: .long, help: ArgumentHelp("Of a hub: only this device.", zh: "对汇总端：只看此设备。"))
    var device: Int64?

    func validate() throws {
        if limit < 1 {
            throw LimitOption.tooSmall(1)
        }
    }

    func run() async throws {
        try await options.inspect { opened, damages in
            let found = try damages.attempt("session_entry", Words("the sessions", zh: "会话记录"), []) {
                try opened.sessions(of: device, limit: limit)
            }
            return SessionReport(
                found, opened, isRunning: StoreFolder(options.folder).isServed, damages.entries)
        } lines: { report, times in
            report.lines(times)
        }
    }
}

struct SessionReport: StoreReport {
    struct Session: Encodable {
        /// At a hub.
        var device: Int64?
        var began: String
        var ended: String?
        var seconds: Double?
        /// `done`, `lost`, `running`, a refusal's number, or a word.
        var ending: String
        var welcomed: Bool
        /// More than one where tries in a row came to the same.
        var tries: UInt32
        var bytesUp: UInt64
        var bytesDown: UInt64
        var versionsUp: UInt64
        var versionsDown: UInt64
        var bytesPerSecond: Double?
        var program: String?
        /// How it ended, in words.
        var words: String
        fileprivate var start: Milliseconds

        private enum CodingKeys: String, CodingKey {
            case device, began, ended, seconds, ending, welcomed, tries, bytesUp, bytesDown, versionsUp
            case versionsDown, bytesPerSecond, program, words
        }

        init(_ entry: SessionEntry, isRunning: Bool) {
            device = entry.device == 0 ? nil : entry.device
            start = entry.began
            began = RecordText.time(entry.began)
            ended = entry.ended.map(RecordText.time)
            seconds = entry.length.map { Double($0) / 1_000 }
            ending = entry.ending ?? (isRunning ? "running" : SessionEntry.lost)
            welcomed = entry.isWelcomed
            tries = entry.tries
            bytesUp = entry.bytesUp
            bytesDown = entry.bytesDown
            versionsUp = entry.versionsUp
            versionsDown = entry.versionsDown
            bytesPerSecond = SessionWords.goodput(entry).map { ($0 * 10).rounded() / 10 }
            program = entry.program.isEmpty ? nil : Masking.clean(entry.program)
            words = SessionWords.ending(entry, isRunning: isRunning).text()
        }
    }

    var store: String
    /// Newest first.
    var sessions: [Session]
    var damaged: [Damages.Entry]

    init(_ entries: [SessionEntry], _ opened: StoreAtHand, isRunning: Bool, _ damaged: [Damages.Entry]) {
        store = opened.kind
        sessions = entries.map { Session($0, isRunning: isRunning) }
        self.damaged = damaged
    }

    func lines(_ times: TimeText) -> [String] {
        guard !sessions.isEmpty else {
            return [
                Words(
                    "no session is written down here yet; `branch-agent sync` makes one",
                    zh: "尚无会话记录；运行 branch-agent sync 后会有"
                ).text()
            ]
        }
        let isHub = store == "hub"
        var head = isHub ? [Words("device", zh: "设备")] : []
        head += [
            Words("began (\(times.name))", zh: "开始（\(times.name)）"), Words("lasted", zh: "历时"),
            Words("tries", zh: "次数"), Words("bytes up", zh: "上行字节"), Words("down", zh: "下行"),
            Words("versions up", zh: "上行版本"), Words("down", zh: "下行"), Words("end", zh: "结束"),
        ]
        var table = TextTable(head.map { $0.text() })
        for session in sessions {
            let lasted = session.seconds.map { TimeText.span(Milliseconds($0 * 1_000)).text() } ?? "-"
            table.add(
                (isHub ? ["\(session.device ?? 0)"] : []) + [
                    times.text(session.start), lasted, "\(session.tries)", "\(session.bytesUp)",
                    "\(session.bytesDown)", "\(session.versionsUp)", "\(session.versionsDown)", session.words,
                ])
        }
        return table.lines()
    }
}
