import Console
import SyncCore
import SyncWire

/// What two ends have said to each other so far, and what a frame means beside that.
struct CaptureTalk {
    struct Said {
        var meaning: Words
        var problem: Words?
    }

    private(set) var isWelcomed = false
    /// What follows Hello may be compressed.
    private(set) var isGreeted = false
    /// With what streams begin, as Hello has it.
    private(set) var dictionary: UInt32 = 0
    private var isRefused = false
    /// A device that has joined hangs up, and comes again with Hello.
    private var hasJoined = false
    private var isFirst = [true: true, false: true]
    /// The next sequence and the head that each origin's batches go on with.
    private var next: [OriginID: (sequence: UInt64, head: ShortDigest)] = [:]
    /// With what each origin's batches began that went ahead of Welcome.
    private var ahead: [OriginID: UInt64] = [:]
    /// When the batch that ends there was sent.
    private var waiting: [(dot: Dot, at: Int64)] = []
    private var hasClosed = false

    mutating func hear(_ message: Message, fromAgent: Bool, at now: Int64) -> Said {
        var said = meaning(message, fromAgent: fromAgent, at: now)
        if said.problem == nil { said.problem = order(message, fromAgent: fromAgent) }
        isFirst[fromAgent] = false
        return said
    }

    /// The connection is gone; what is wrong with that.
    func ended(words: String) -> Words? {
        if hasClosed || isRefused || hasJoined { return nil }
        if !waiting.isEmpty {
            return Words(
                "the link broke while \(waiting.count) batches waited for their receipt",
                zh: "链路中断时有 \(waiting.count) 个批次尚未收到回执")
        }
        return isWelcomed ? nil : Words("the link broke before Welcome", zh: "链路在 Welcome 之前中断")
    }

    // MARK: - Order

    private func order(_ message: Message, fromAgent: Bool) -> Words? {
        switch message {
        case .hello, .join:
            guard fromAgent, isFirst[true] == true else { return CaptureTalk.outOfTurn }
        case .welcome, .joined, .refuse:
            guard !fromAgent else { return CaptureTalk.outOfTurn }
        case .batch, .feedAck, .ask, .hole:
            guard fromAgent, isFirst[true] == false else { return CaptureTalk.outOfTurn }
        case .receipt, .feed, .mark, .fork, .gap, .tally:
            guard !fromAgent else { return CaptureTalk.outOfTurn }
        case .close, .ping, .heads, .unknown: break
        }
        return nil
    }

    private static let outOfTurn = Words("a message out of turn (code 106)", zh: "消息次序不对（代码 106）")

    // MARK: - Meaning

    private mutating func meaning(_ message: Message, fromAgent: Bool, at now: Int64) -> Said {
        switch message {
        case .batch(let batch): return hear(batch, at: now)
        case .receipt(let frame): return hear(frame, at: now)
        case .refuse(let refuse), .close(let refuse): return hear(refuse, message, fromAgent)
        case .joined:
            hasJoined = true
            return Said(meaning: MessageMeaning.words(message, fromAgent: fromAgent))
        case .welcome(let welcome):
            isWelcomed = true
            for held in welcome.held where !isAhead(of: held) {
                next[held.origin] = (held.sequence + 1, ShortDigest(held.head))
            }
            let held = welcome.held.map { "\(RecordText.origin($0.origin))/\($0.sequence)" }
                .joined(separator: ", ")
            return Said(
                meaning: Words(
                    "lets it in; holds \(held.isEmpty ? "nothing" : held); windows "
                        + "\(welcome.urgentWindow) and \(welcome.routineWindow) bytes",
                    zh:
                        "允许接入；已有 \(held.isEmpty ? "无" : held)；窗口 \(welcome.urgentWindow) "
                        + "和 \(welcome.routineWindow) 字节"
                ),
                problem: welcome.isTokenUnknown
                    ? Words(
                        "the store was restored or copied: its token is not known", zh: "数据曾被恢复或复制：会话标记不符")
                    : nil)
        case .hello(let hello):
            isGreeted = true
            dictionary = hello.agreedDictionary
            return Said(
                meaning: Words(
                    "\(Masking.clean(hello.program)); \(hello.origins.count) origins; waiting: "
                        + "\(hello.urgent.count) urgent, \(hello.routine.count) routine",
                    zh:
                        "\(Masking.clean(hello.program))；来源 "
                        + "\(hello.origins.count) 个；待发：紧急 \(hello.urgent.count)，"
                        + "常规 \(hello.routine.count)"))
        case .fork(let fork):
            return Said(
                meaning: Words("the hub's journal is another", zh: "汇总端的日志不同"),
                problem: Words(
                    "the journals of \(RecordText.origin(fork.origin)) parted at or before \(fork.sequence)",
                    zh: "来源 \(RecordText.origin(fork.origin)) 的日志在 \(fork.sequence) 处或之前已分叉"))
        case .gap(let gap):
            next[gap.origin] = nil
            return Said(
                meaning: Words(
                    "wants \(RecordText.origin(gap.origin)) from \(gap.wanted) on",
                    zh: "要求 \(RecordText.origin(gap.origin)) 从 \(gap.wanted) 开始"))
        default: return Said(meaning: MessageMeaning.words(message, fromAgent: fromAgent))
        }
    }

    /// Whether what went ahead of Welcome follows on what the hub held when it wrote that, and goes further.
    private func isAhead(of held: HeldOrigin) -> Bool {
        guard let first = ahead[held.origin], let next = next[held.origin] else { return false }
        return first <= held.sequence + 1 && next.sequence > held.sequence + 1
    }

    private mutating func hear(_ batch: VersionBatch, at now: Int64) -> Said {
        let forms = batch.rows.groups.map { "\(Masking.clean($0.form)) \($0.rows.count)" }
            .joined(separator: ", ")
        let origin = RecordText.origin(batch.origin)
        var said = Said(
            meaning: Words(
                "\(origin)/\(batch.first) to \(batch.last): \(forms); seals \(batch.seals.count)",
                zh: "\(origin)/\(batch.first) 至 \(batch.last)：\(forms)；签封 \(batch.seals.count) 个"))
        if let known = next[batch.origin] {
            if known.sequence < batch.first {
                said.problem = Words(
                    "a gap: \(known.sequence) was to follow", zh: "有缺口：应接 \(known.sequence)")
            } else if known.sequence == batch.first, known.head != batch.before {
                said.problem = Words("its head before is not the last head", zh: "其之前的链头与上一链头不符")
            }
        }
        if !isWelcomed, ahead[batch.origin] == nil { ahead[batch.origin] = batch.first }
        next[batch.origin] = (batch.last + 1, batch.after)
        waiting.append((Dot(origin: batch.origin, sequence: batch.last), now))
        return said
    }

    private mutating func hear(_ frame: ReceiptFrame, at now: Int64) -> Said {
        var parts: [String] = []
        var longest: Int64 = 0
        for receipt in frame.receipts {
            let settled = waiting.filter {
                $0.dot.origin == receipt.origin && $0.dot.sequence <= receipt.sequence
            }
            if let first = settled.first { longest = max(longest, now - first.at) }
            waiting.removeAll { $0.dot.origin == receipt.origin && $0.dot.sequence <= receipt.sequence }
            parts.append("\(RecordText.origin(receipt.origin))/\(receipt.sequence)")
        }
        let list = parts.joined(separator: ", ")
        return Said(
            meaning: Words(
                "durable through \(list); the batch was sent \(longest) ms before",
                zh: "已落盘至 \(list)；批次发出后 \(longest) 毫秒"))
    }

    private mutating func hear(_ refuse: Refuse, _ message: Message, _ fromAgent: Bool) -> Said {
        hasClosed = true
        if case .refuse = message { isRefused = true }
        let said = Masking.clean(refuse.words)
        let words = Words(
            "code \(refuse.code.rawValue)\(said.isEmpty ? "" : " (\(said))")",
            zh: "代码 \(refuse.code.rawValue)\(said.isEmpty ? "" : "（技术信息：\(said)）")")
        if refuse.code == .done { return Said(meaning: Words("done", zh: "完成")) }
        let problem =
            fromAgent
            ? Words("the branch has ended it, ", zh: "支部结束了连接，").joined(words)
            : RefusalWords.words(for: refuse)
        return Said(meaning: words, problem: problem)
    }
}

/// What the other messages say.
enum MessageMeaning {
    static func words(_ message: Message, fromAgent: Bool) -> Words {
        switch message {
        case .join: Words("a new device shows its join code", zh: "新设备出示加入码")
        case .joined(let joined):
            joined.state == .active
                ? Words("the device has joined", zh: "设备已加入")
                : Words("joined, to be confirmed", zh: "已加入，待确认")
        case .feed(let feed):
            Words(
                "\(feed.versions.count) versions, \(feed.verdicts.count) "
                    + "verdicts, \(feed.scope.count) scopes, "
                    + "to position \(feed.token.position)",
                zh:
                    "版本 \(feed.versions.count)，判定 \(feed.verdicts.count)，"
                    + "范围变化 \(feed.scope.count)，至位置 \(feed.token.position)"
            )
        case .feedAck(let token): Words("feed kept to \(token.position)", zh: "下发已保存至 \(token.position)")
        case .mark(let mark):
            Words(
                "everything to position \(mark.position) is sent: \(mark.count) versions in scope",
                zh: "位置 \(mark.position) 之前均已下发：范围内版本 \(mark.count) 个")
        case .heads(let heads):
            heads.entries.allSatisfy { $0.head == nil }
                ? Words("asks for \(heads.entries.count) heads", zh: "询问 \(heads.entries.count) 个链头")
                : Words("tells \(heads.entries.count) heads", zh: "告知 \(heads.entries.count) 个链头")
        case .ping(let ping): ping.isReply ? Words("answer", zh: "应答") : Words("are you there?", zh: "是否在线？")
        case .ask(let question):
            Words("compares \(question.paths.count) parts", zh: "比较 \(question.paths.count) 部分")
        case .tally(let answer): Words("tells \(answer.parts.count) parts", zh: "告知 \(answer.parts.count) 部分")
        case .hole(let hole): Words("cannot send to \(hole.sequence)", zh: "无法发送至 \(hole.sequence)")
        case .unknown(let type):
            Words("a type that this version does not know: \(type)", zh: "本版本不认识的类型：\(type)")
        default: Words("", zh: "")
        }
    }
}
