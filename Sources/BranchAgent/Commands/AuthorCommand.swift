import ArgumentParser
import Console
import SyncCore
import SyncTransport

/// Who writes on this machine.
struct AuthorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "author",
        Words("Who writes on this machine, each with a PIN.", zh: "本机的填写人，每人一个 PIN。"),
        discussion: Words(
            "Once one is named, everything that is written asks for --by NAME and the PIN, and the name goes "
                + "with it. Whoever owns the files of this machine can change the list: it keeps "
                + "colleagues apart, not thieves.",
            zh: "登记填写人之后，每次填写都须 --by 姓名 并输入 PIN，姓名随内容一并保存。掌握本机文件的人可以改动名单："
                + "它用于区分同事，不能防盗。"),
        example: "branch-agent author add Li --data DIR; branch-agent add check-in person=T001 "
            + "temperature=36.5 --by Li --data DIR",
        subcommands: [AddAuthorCommand.self, ListAuthorsCommand.self, RemoveAuthorCommand.self])
}

struct AddAuthorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "add",
        Words("Name somebody who writes here, or give them another PIN.", zh: "登记填写人，或更换其 PIN。"),
        discussion: Words(
            "Whoever is named first needs nobody's leave; after that somebody who is named already says yes "
                + "with --by and their PIN, which is asked for first. The new PIN is asked for twice. A PIN "
                + "is changed by whose it is: --by the same name. A script writes each as a line to the "
                + "standard input.",
            zh: "首位填写人可直接登记；之后须由已登记的填写人用 --by 及其 PIN 同意（先输入同意人的 PIN）。新 PIN 须输入两次。"
                + "更换 PIN 须由本人进行：--by 写同一姓名。脚本可从标准输入逐行写入。"),
        example: "branch-agent author add Wang --by Li --data DIR")

    @Argument(help: ArgumentHelp("The name.", zh: "姓名。"))
    var name: String
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            _ = try store.folder.open()
            guard AuthorList.isName(name) else {
                throw Failure(
                    .usage,
                    Words(
                        "a name is 1 to 64 bytes of plain text, without spaces at its ends and without "
                            + "characters that do not show",
                        zh: "姓名须为 1 至 64 字节的普通文字，首尾不得有空格，也不得含不可见字符"))
            }
            try refuseAnothersPIN()
            _ = try AuthorList.author(author.by, in: store.folder)
            let pin = try AuthorList.askForPIN(
                Words("PIN of \(Output.printable(name)): ", zh: "\(Output.printable(name)) 的 PIN："))
            guard AuthorList.pinLengths.contains(pin.count) else {
                throw Failure(
                    .usage, Words("a PIN has 4 to 64 characters", zh: "PIN 须为 4 至 64 个字符"))
            }
            let again = try AuthorList.askForPIN(Words("once more: ", zh: "再输入一次："))
            guard again.utf8.elementsEqual(pin.utf8) else {
                throw Failure(
                    .usage, Words("the two PINs differ; nothing was changed", zh: "两次输入的 PIN 不同；未作任何改动"))
            }
            let hash = try PINHash(pin, random: Token16.random())
            try AuthorList.change(store.folder) { list in
                if let index = list.index(of: name) { list.authors.remove(at: index) }
                list.authors.append(AuthorList.Author(name: name, pin: hash))
            }
            Output.line(
                Words(
                    "\(Output.printable(name)) writes here from now on, with --by and the PIN",
                    zh: "已登记填写人 \(Output.printable(name))；填写时用 --by 并输入 PIN"))
        }
    }
}

extension AddAuthorCommand {
    private func refuseAnothersPIN() throws {
        let list = try AuthorList.read(store.folder)
        if let alike = list.alike(name) {
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(name)) reads like \(Output.printable(alike)), who writes here "
                        + "already; choose a name that differs",
                    zh: "\(Output.printable(name)) 与已登记的 \(Output.printable(alike)) 过于相似；请另取一个姓名"))
        }
        let isNamed = list.index(of: name) != nil
        guard isNamed, !name.utf8.elementsEqual(author.by.utf8) else { return }
        throw Failure(
            .notAllowed,
            Words(
                "\(Output.printable(name)) writes here already, and changes the PIN alone: --by "
                    + "\(Output.printable(name)). Who has forgotten it is taken off with `branch-agent "
                    + "author remove`, and named again; nothing was changed",
                zh: "\(Output.printable(name)) 已是本机填写人，PIN 只能由本人更换：--by \(Output.printable(name))。"
                    + "若本人忘记，请先用 branch-agent author remove 移除，再重新登记；未作任何改动"))
    }
}

struct ListAuthorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "list", Words("List who writes here.", zh: "列出本机填写人。"),
        example: "branch-agent author list --data DIR")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    private struct Row: Encodable {
        var name: String
        /// Wrong PINs since the last right one.
        var failures: Int
        /// Milliseconds for which the name is closed.
        var closedFor: Milliseconds
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            _ = try store.folder.open()
            let rows = try AuthorList.read(store.folder).authors.map {
                Row(name: $0.name, failures: $0.failures, closedFor: $0.wait(at: AgentFolder.milliseconds()))
            }
            if json { return try Output.json(rows) }
            for row in rows {
                Output.line(Output.printable(row.name))
                guard row.closedFor > 0 else { continue }
                let left = TimeText.span(row.closedFor)
                Output.remark(
                    Words(
                        "\(Output.printable(row.name)): closed for \(left.en) after \(row.failures) wrong "
                            + "PINs",
                        zh: "\(Output.printable(row.name))：PIN 错误 \(row.failures) 次，\(left.zh)内不能填写"))
            }
            if rows.isEmpty {
                Output.line(
                    Words(
                        "nobody is named: everybody may write, under any name",
                        zh: "未登记填写人：任何人都可用任何姓名填写"))
            }
        }
    }
}

struct RemoveAuthorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "remove",
        Words("Take somebody off the list; what they wrote stays theirs.", zh: "从名单中移除；其已填写的内容不变。"),
        example: "branch-agent author remove Wang --by Li --data DIR")

    @Argument(help: ArgumentHelp("The name.", zh: "姓名。"))
    var name: String
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            _ = try store.folder.open()
            _ = try AuthorList.author(author.by, in: store.folder)
            let isThere = try AuthorList.change(store.folder) { list -> Bool in
                guard let index = list.index(of: name) else { return false }
                list.authors.remove(at: index)
                return true
            }
            guard isThere else {
                throw Failure(
                    .noInput,
                    Words(
                        "\(Output.printable(name)) is not on the list; nothing was changed",
                        zh: "名单中没有 \(Output.printable(name))；未作任何改动"))
            }
            Output.line(
                Words(
                    "\(Output.printable(name)) does not write here any more",
                    zh: "已移除填写人 \(Output.printable(name))"))
            guard try AuthorList.read(store.folder).authors.isEmpty else { return }
            Output.remark(
                Words(
                    "nobody is named any more: everybody may write now, under any name",
                    zh: "名单已空：现在任何人都可用任何姓名填写"))
        }
    }
}

/// Who writes.
struct AuthorOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Who writes: a name or a person's id.", zh: "填写人姓名或编号。"))
    var by = ""
}
