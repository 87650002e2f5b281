import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// Entries that are read out over the telephone, and the answers that are read back.
struct SpokenCarry {
    /// Of one form, where no record is named.
    private static let entries = 5
    private static let maximum = Limits.spokenBytes - SpokenSeal.overhead

    private let context: AgentContext
    private let seal: SpokenSeal

    init(_ folder: AgentFolder) throws {
        let key = try folder.key()
        context = try AgentContext(folder)
        seal = try SpokenSeal(
            device: key.publicKey, hub: context.configuration.hubPublicKey, own: key)
    }

    private struct Entry: Encodable {
        var form: String
        var key: String
        var origin: String
        var sequence: UInt64
        var lines: [String]
    }

    // MARK: - Out

    func print(_ form: String, _ key: [String], json: Bool) throws {
        let name = try context.form(form).definition.form
        let record = key.isEmpty ? nil : try RecordKeyText.key(name, key, context.forms.catalog)
        let spoken = try context.store.spoken()
        var waiting: [Version] = []
        try context.store.eachWaiting { version in
            guard version.key.form.utf8.elementsEqual(name.utf8) else { return true }
            // What is named is shown again, whatever became of it.
            let isWanted = record.map { $0 == version.key } ?? !spoken.contains(version.dot)
            if isWanted { waiting.append(version) }
            return waiting.count <= SpokenCarry.entries
        }
        guard waiting.count <= SpokenCarry.entries else { throw SpokenCarry.tooMany(name) }
        let entries = try waiting.map(entry)
        if json { return try Output.json(["entries": entries]) }
        guard !entries.isEmpty else {
            return Output.line(
                Words(
                    "nothing of \(name) waits here that the centre has not taken",
                    zh: "没有中心尚未收取的 \(name) 待发内容"))
        }
        for entry in entries { tell(entry) }
    }

    private func entry(_ version: Version) throws -> Entry {
        guard let body = SpokenEntry.encode(version, maximum: SpokenCarry.maximum) else {
            let name = "\(version.key.form) \(RecordText.text(version.key))"
            throw Failure(
                .usage,
                Words(
                    "\(name) is too long to be read out, for its texts perhaps; carry it as a file: "
                        + "`branch-agent carry FILE`",
                    zh: "\(name) 过长（可能含较长文字），不宜念读；请用 branch-agent carry FILE 写成文件"))
        }
        return Entry(
            form: version.key.form, key: RecordText.text(version.key),
            origin: RecordText.origin(version.dot.origin), sequence: version.dot.sequence,
            lines: SpokenText.lines(seal.close(body).bytes))
    }

    private func tell(_ entry: Entry) {
        let name = "\(entry.form) \(entry.key)"
        Output.line(
            Words(
                "\(name): \(entry.lines.count) lines. Ring the centre and read them out; they type them "
                    + "after `aggregator import --text -` and read 12 digits back for "
                    + "`branch-agent carry --answer`",
                zh: "\(name)：共 \(entry.lines.count) 行。请致电中心逐行念读；中心在 aggregator import --text - 后录入，"
                    + "并念回 12 位数字，供 branch-agent carry --answer 录入"))
        for line in entry.lines { Output.line("  " + line) }
    }

    private static func tooMany(_ form: String) -> Failure {
        Failure(
            .usage,
            Words(
                "more than \(entries) entries of \(form) wait; name one with --key, or carry all as a file",
                zh: "\(form) 待发内容超过 \(entries) 条；请用 --key 指定一条，或写成文件带走"))
    }

    // MARK: - In

    private struct Taken: Encodable {
        var form: String
        var key: String
        var origin: String
        var sequence: UInt64
    }

    func take(_ digits: String, json: Bool) throws {
        guard let answer = SpokenAnswer(text: digits) else {
            throw Failure(
                .noInput,
                Words(
                    "a digit of the answer is wrong or missing; it has 12. Have it read again",
                    zh: "答复码应为 12 位数字，其中有误或有缺；请重新核对"))
        }
        var found: Version?
        try context.store.eachWaiting { version in
            guard let body = SpokenEntry.encode(version, maximum: SpokenCarry.maximum),
                seal.close(body).answer == answer
            else { return true }
            found = version
            return false
        }
        guard let found else {
            throw Failure(
                .altered,
                Words(
                    "this answer belongs to nothing that waits here: it is for another branch, or the entry "
                        + "has arrived by now (`branch-agent status`)",
                    zh: "此答复码不属于本机任何待发内容：可能是答复其他支部，或该内容已另行到达（见 branch-agent status）"))
        }
        try context.store.noteSpoken(found.dot)
        let taken = Taken(
            form: found.key.form, key: RecordText.text(found.key),
            origin: RecordText.origin(found.dot.origin), sequence: found.dot.sequence)
        if json { return try Output.json(taken) }
        Output.line(
            Words(
                "the centre has taken \(taken.form) \(taken.key) by telephone. It stays queued here until "
                    + "its receipt comes, over a link or in a file",
                zh: "中心已通过电话收取 \(taken.form) \(taken.key)。在经网络或文件取得回执前，仍在本机排队"))
    }
}
