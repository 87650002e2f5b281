import Console
import Foundation
import Glibc
import SyncCore
import SyncStore

/// Who writes on this machine, and how each shows who they are. While the list is empty everybody may, under
/// any name; what stands in it is a matter of this machine alone.
struct AuthorList: Codable {
    struct Author: Codable {
        var name: String
        var pin: PINHash
        /// Wrong PINs since the last right one.
        var failures = 0
        /// Nobody gets in under this name before then.
        var closedUntil: Milliseconds = 0

        /// Milliseconds until it opens; a clock that was far ahead closes nobody out for longer than may be.
        func wait(at now: Milliseconds) -> Milliseconds {
            let left = closedUntil.subtractingReportingOverflow(now).partialValue
            return left > 0 && left <= AuthorList.longestWait ? left : 0
        }
    }

    var authors: [Author] = []

    /// So many wrong PINs in a row are nobody's business.
    static let patience = 5
    static let longestWait: Milliseconds = 3_600_000
    static let pinLengths = 4...64
    static let nameBytes = 1...64
    private static let fileName = "authors.json"

    func index(of name: String) -> Int? {
        authors.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// Whether it can be told from another where both stand on a screen.
    static func isName(_ name: String) -> Bool {
        let unseen: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]
        let isPlain = !name.unicodeScalars.contains { unseen.contains($0.properties.generalCategory) }
        let isTrim = name.first?.isWhitespace == false && name.last?.isWhitespace == false
        return nameBytes.contains(name.utf8.count) && isPlain && isTrim
    }

    /// Another name on the list that differs by case, width or marks only, or by how it is encoded.
    func alike(_ name: String) -> String? {
        authors.map(\.name).first { known in
            !known.utf8.elementsEqual(name.utf8)
                && known.compare(name, options: [.caseInsensitive, .widthInsensitive, .diacriticInsensitive])
                    == .orderedSame
        }
    }

    /// How long a name is closed after so many wrong PINs: a minute, and twice as long each time.
    static func wait(after failures: Int) -> Milliseconds {
        guard failures >= patience else { return 0 }
        return min(longestWait, 60_000 << Milliseconds(min(failures - patience, 10)))
    }

    // MARK: - The file

    static func read(_ folder: AgentFolder) throws -> AuthorList {
        let path = folder.path + "/" + fileName
        guard FileManager.default.fileExists(atPath: path) else { return AuthorList() }
        let bytes = try Files.read(path)
        guard let list = try? JSONDecoder().decode(AuthorList.self, from: Data(bytes)) else {
            throw Failure(
                .noInput,
                Words(
                    "\(path) does not read: put it back from a backup. Without it everybody may write under "
                        + "any name",
                    zh: "\(path) 无法读取：请从备份恢复。没有该文件时，任何人都可用任何姓名填写"))
        }
        return list
    }

    /// Reads, changes and writes the list, while nobody else does.
    static func change<Result>(
        _ folder: AgentFolder, _ body: (inout AuthorList) throws -> Result
    ) throws -> Result {
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StoreError(.inputOutput, "opening", file: folder.path, systemError: errno)
        }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else {
            throw StoreError(.inputOutput, "locking", file: folder.path, systemError: errno)
        }
        var list = try read(folder)
        let result = try body(&list)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try Files.write(Array(try encoder.encode(list)), to: folder.path + "/" + fileName)
        return result
    }

    // MARK: - Asking

    /// Makes sure that who writes is who they say. A try counts before it is looked at, so that a program
    /// that is ended has not tried for nothing.
    ///
    /// - Parameters:
    ///   - name: as given with `--by`.
    ///   - pin: asks for the PIN.
    /// - Returns: the author of what is written now.
    /// - Throws: ``Failure`` with `.notAllowed` when it is not, or not now.
    static func author(
        _ name: String, in folder: AgentFolder, now: Milliseconds = AgentFolder.milliseconds(),
        pin: () throws -> String = { try askForPIN() }
    ) throws -> [UInt8] {
        guard try !read(folder).authors.isEmpty else { return Array(name.utf8) }
        guard !name.isEmpty else {
            throw Failure(
                .usage,
                Words(
                    "several people write on this machine: say who you are with --by NAME",
                    zh: "本机由多人使用：请用 --by 姓名 说明填写人"))
        }
        _ = try known(name, try read(folder), now)
        let typed = try pin()
        let author = try change(folder) { list -> Author in
            let index = try known(name, list, now)
            list.authors[index].failures += 1
            list.authors[index].closedUntil = now + wait(after: list.authors[index].failures)
            return list.authors[index]
        }
        guard try author.pin.isOf(typed) else {
            let left = patience - author.failures
            throw Failure(
                .notAllowed,
                left > 0
                    ? Words(
                        "this is not the PIN of \(Output.printable(name)); nothing was saved. \(left) more "
                            + "tries",
                        zh: "PIN 不正确（\(Output.printable(name))）；未保存任何内容。还可再试 \(left) 次")
                    : closed(author, now))
        }
        try change(folder) { list in
            guard let index = list.index(of: name) else { return }
            list.authors[index].failures = 0
            list.authors[index].closedUntil = 0
        }
        return Array(name.utf8)
    }

    private static func known(_ name: String, _ list: AuthorList, _ now: Milliseconds) throws -> Int {
        guard let index = list.index(of: name) else {
            throw Failure(
                .notAllowed,
                Words(
                    "\(Output.printable(name)) does not write on this machine; `branch-agent author list` "
                        + "shows who does",
                    zh: "\(Output.printable(name)) 不在本机填写人名单中；用 branch-agent author list 查看名单"))
        }
        if list.authors[index].wait(at: now) > 0 {
            throw Failure(.notAllowed, closed(list.authors[index], now))
        }
        return index
    }

    private static func closed(_ author: Author, _ now: Milliseconds) -> Words {
        let left = TimeText.span(max(1_000, author.closedUntil - now))
        return Words(
            "too many wrong PINs for \(Output.printable(author.name)); try again in \(left.en)",
            zh: "\(Output.printable(author.name)) 的 PIN 错误次数过多；请在\(left.zh)后再试")
    }

    /// Not shown while it is typed; a script writes it to the standard input, as a line.
    static func askForPIN(
        _ words: Words = Words("your PIN: ", zh: "请输入您的 PIN：")
    ) throws -> String {
        guard isatty(0) == 1 else { return try checked(readLine()) }
        Output.prompt(words)
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { return try checked(readLine()) }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            tcsetattr(0, TCSAFLUSH, &before)
            Output.remark(Words("", zh: ""))
        }
        return try checked(readLine())
    }

    private static func checked(_ line: String?) throws -> String {
        guard let line, !line.isEmpty else {
            throw Failure(
                .usage,
                Words(
                    "the PIN is asked for: type it, or have a script write it as a line to the standard "
                        + "input",
                    zh: "需要输入 PIN：请输入，或由脚本从标准输入写入一行"))
        }
        return line
    }
}
