import Console
import Glibc
import SQLiteStore
import SyncStore

/// `retired` beside a branch's store: a certificate was made that nothing is left to send. What is entered
/// from then on is not covered by it.
struct RetiredFile {
    static let name = "retired"

    private let path: String

    init(in folder: String) { path = folder + "/" + RetiredFile.name }

    var isThere: Bool { access(path, F_OK) == 0 }

    func make() throws { close(try DatabaseFolder.openPlain(path)) }
}

extension AgentContext {
    /// Remarks on what has just been entered here, where it will not count or nobody expects it.
    func tellCaveats() throws {
        if try isRevoked() { Output.remark(SyncWords.writtenWhileRevoked) }
        if RetiredFile(in: folder.path).isThere { Output.remark(SyncWords.writtenAfterRetiring) }
    }
}
