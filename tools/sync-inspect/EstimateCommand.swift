import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

struct EstimateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "estimate",
        Words(
            "How many versions and bytes wait, and how long they take over a link.",
            zh: "待发的版本数和字节数，以及在某一链路上所需的时间。"),
        discussion: Words(
            "Bytes are those of the frames as they would be made, compressed. Without --rate the link is the "
                + "median of the last sessions that moved something.",
            zh: "字节数按实际压缩成帧计算。不写 --rate 时取最近有传输的会话的中位速率。"),
        example: "sync-inspect estimate --data DIR --rate 9600")

    @OptionGroup var options: StoreOptions
    @Option(name: .long, help: ArgumentHelp("The link's rate in bits a second.", zh: "链路速率，每秒比特数。"))
    var rate: Double?
    @Option(name: .long, help: ArgumentHelp("Its round trip in milliseconds.", zh: "往返时延，毫秒。"))
    var roundTrip = 200.0

    func validate() throws {
        if let rate, !(1...1e12).contains(rate) {
            throw ValidationError(Words("--rate is a number from 1 on.", zh: "--rate 应为不小于 1 的数。").text())
        }
        if !(0...3_600_000).contains(roundTrip) {
            throw ValidationError(
                Words("--round-trip is a number from 0 to 3600000.", zh: "--round-trip 应为 0 至 3600000 的数。")
                    .text())
        }
    }

    func run() async throws {
        try await options.inspect { opened, damages in
            guard case .agent(let agent) = opened else { throw EstimateCommand.isHub }
            return try EstimateReport(
                agent, bitsPerSecond: rate, roundTrip: roundTrip / 1_000, damages)
        } lines: { report, _ in
            report.lines()
        }
    }

    private static let isHub = Failure(
        .usage,
        Words(
            "this is a hub's store; `estimate` looks at a branch's. `sync-inspect branches` shows each "
                + "branch's backlog and link",
            zh: "这是汇总端的数据；estimate 只用于支部。用 sync-inspect branches 查看各支部的积压和链路"))
}

struct EstimateReport: StoreReport {
    struct LaneEstimate: Encodable {
        var versions: UInt64
        var bytes: UInt64
        var seconds: Double?
    }

    /// Handshake of TLS and greetings of both sides, roughly.
    static let handshakeBytes = 2_200.0
    static let handshakeRoundTrips = 4.0
    /// Versions that are framed to see what they take; of more than that the rest is reckoned.
    static let framed: UInt64 = 20_000

    var lanes: [String: LaneEstimate] = [:]
    var versions: UInt64 = 0
    var bytes: UInt64 = 0
    /// Not all of it was framed: the bytes are reckoned from a part.
    var reckoned = false
    var bytesPerSecond: Double?
    /// `given`, `measured` or `unknown`.
    var link: String
    /// Until all has been receipted, the connection being made anew.
    var seconds: Double?
    var damaged: [Damages.Entry] = []

    init(
        _ agent: SQLiteAgentStore, bitsPerSecond: Double?, roundTrip: Double, _ damages: Damages
    ) throws {
        let sessions = try damages.attempt("session_entry", Words("the sessions", zh: "会话记录"), []) {
            try agent.sessions(of: nil, limit: 50)
        }
        let measured = sessions.compactMap(SessionWords.goodput).sorted()
        if let bitsPerSecond {
            bytesPerSecond = bitsPerSecond / 8
            link = "given"
        } else if !measured.isEmpty {
            bytesPerSecond = measured[measured.count / 2]
            link = "measured"
        } else {
            link = "unknown"
        }
        var writer = FrameWriter()
        var elapsed = bytesPerSecond.map {
            EstimateReport.handshakeRoundTrips * roundTrip + EstimateReport.handshakeBytes / $0
        }
        let all = try agent.closedOrigins().filter { !$0.isParted } + agent.origins()
        for lane in Lane.allCases {
            var estimate = LaneEstimate(versions: 0, bytes: 0)
            for origin in all where origin.claim.lane == lane && origin.receipted < origin.sequence {
                let part = try damages.attempt(
                    "version", Words("versions that wait", zh: "待发的版本"), LaneEstimate(versions: 0, bytes: 0)
                ) { try EstimateReport.frame(agent, origin, &writer) }
                let waiting = origin.sequence - origin.receipted
                estimate.versions += waiting
                if part.versions >= waiting || part.versions == 0 {
                    estimate.bytes += part.bytes
                } else {
                    reckoned = true
                    estimate.bytes += UInt64(
                        Double(part.bytes) * Double(waiting) / Double(part.versions))
                }
            }
            if let rate = bytesPerSecond, let before = elapsed, estimate.versions > 0 {
                let end = before + Double(estimate.bytes) / rate
                elapsed = end
                estimate.seconds = (end + roundTrip).rounded()
            }
            lanes["\(lane)"] = estimate
            versions += estimate.versions
            bytes += estimate.bytes
        }
        seconds = versions == 0 ? 0 : elapsed.map { ($0 + roundTrip).rounded() }
        damaged = damages.entries
    }

    private static func frame(
        _ agent: SQLiteAgentStore, _ origin: OwnOrigin, _ writer: inout FrameWriter
    ) throws -> LaneEstimate {
        var estimate = LaneEstimate(versions: 0, bytes: 0)
        var after = origin.receipted
        while after < origin.sequence, estimate.versions < framed,
            let batch = try agent.batch(
                of: origin.id, after: after, maximumVersions: 1_000, maximumBytes: 262_144)
        {
            let frame: [UInt8]
            do {
                frame = try writer.frame(.batch(batch), compress: true)
            } catch {
                throw StoreError(.corrupt, "a batch that makes no frame: \(error)")
            }
            estimate.versions += UInt64(batch.count)
            estimate.bytes += UInt64(frame.count)
            after = batch.last
        }
        return estimate
    }

    func lines() -> [String] {
        guard versions > 0 else { return [Words("nothing waits", zh: "没有待发内容").text()] }
        var lines: [String] = []
        for lane in Lane.allCases {
            guard let estimate = lanes["\(lane)"], estimate.versions > 0 else { continue }
            let name = lane.words
            let time = estimate.seconds.map { TimeText.span(Milliseconds($0 * 1_000)) }
            lines.append(
                Words(
                    "\(name.en): \(estimate.versions) versions, \(estimate.bytes) bytes"
                        + (time.map { ", through after \($0.en)" } ?? ""),
                    zh: "\(name.zh)：\(estimate.versions) 个版本，\(estimate.bytes) 字节"
                        + (time.map { "，约 \($0.zh) 后送完" } ?? "")
                ).text())
        }
        guard let rate = bytesPerSecond else {
            return lines + [
                Words(
                    "no session has measured the link yet; name its rate with --rate BITS",
                    zh: "尚无会话测得链路速率；请用 --rate 指定每秒比特数"
                ).text()
            ]
        }
        let words = SessionWords.rate(rate)
        lines.append(
            link == "measured"
                ? Words("at \(words.en), as the last sessions had", zh: "按最近会话的速率：\(words.zh)").text()
                : Words("at \(words.en), as named", zh: "按指定的速率：\(words.zh)").text())
        return lines
    }
}
