import Console
import SyncStore

/// Collects what of a store could not be read, so that the rest of it is shown all the same.
final class Damages {
    struct Entry: Encodable, Hashable {
        /// What was being read.
        var part: String
        /// For whoever helps.
        var detail: String
    }

    private(set) var entries: [Entry] = []
    private var lines: [Words] = []

    /// Reads something; where the file is damaged there, notes it and gives `instead`.
    func attempt<Result>(
        _ part: String, _ words: Words, _ instead: Result, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as StoreError where Damages.isDamage(error) {
            note(part, words, error.context)
            return instead
        }
    }

    func note(_ part: String, _ words: Words, _ detail: String) {
        let entry = Entry(part: part, detail: Masking.clean(detail))
        guard !entries.contains(entry) else { return }
        entries.append(entry)
        lines.append(
            Words(
                "damaged: \(words.en) (\(entry.detail)); the rest is shown",
                zh: "已损坏：\(words.zh)（技术信息：\(entry.detail)）；其余照常显示"))
    }

    static func isDamage(_ error: StoreError) -> Bool {
        error.code == .corrupt || error.code == .deviceFailed || error.code == .inputOutput
    }

    /// What is damaged, and what to do; nothing when all could be read.
    var words: [Words] {
        lines.isEmpty
            ? []
            : lines + [
                Words(
                    "change nothing in the folder, make a copy of it, and run `sync-inspect doctor` on "
                        + "the copy",
                    zh: "请勿改动该目录，先复制一份，再对副本运行 sync-inspect doctor")
            ]
    }

    /// Ends the program with the code for damage, when there is any.
    func end() {
        if !entries.isEmpty { Program.end(.altered) }
    }
}
