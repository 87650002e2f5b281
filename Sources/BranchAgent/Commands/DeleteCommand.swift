import ArgumentParser
import Console
import Forms
import SyncCore
import SyncStore

struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "delete",
        Words("Delete one record that was entered by mistake.", zh: "删除误填的一条记录。"),
        discussion: Words(
            "The record goes everywhere, and its history stays readable. When somebody edited it without "
                + "having seen the delete, it lives until a person decides. `branch-agent add` brings it "
                + "back.",
            zh: "各处的该记录都会删除，历史仍可查看。若有人不知情而修改了它，则保留至有人裁定。用 branch-agent add 可恢复。"),
        example: "branch-agent delete check-in 2020-02-03 T001 --data DIR")

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String]
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let desk = try AgentDesk(context)
            let compiled = try context.form(record.first ?? "")
            let key = try RecordKeyText.key(
                compiled.definition.form, Array(record.dropFirst()), context.forms.catalog)
            let name = "\(compiled.definition.form) \(RecordText.text(key))"
            let by = try AuthorList.author(author.by, in: store.folder)
            let isThere = try desk.write { writer -> Bool in
                let state = try writer.record(key) ?? RecordState()
                guard state.effective(under: compiled.mergeRules).exists else { return false }
                let delete = RecordEdit(assignments: [], isDelete: true, context: state.seen)
                _ = try writer.author([delete], of: key, by: by)
                return true
            }
            guard isThere else {
                throw Failure(
                    .noInput,
                    Words("\(name) is not there; check form and key", zh: "没有 \(name)；请核对表单和键"))
            }
            Output.line(Words("deleted \(name)", zh: "已删除 \(name)"))
        }
    }
}
