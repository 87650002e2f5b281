import ArgumentParser
import Console
import Foundation
import Glibc

/// Who works with the hub's store, as the audit log keeps it.
enum Actor {
    /// Bytes of a name that is given.
    static let nameLimit = 64

    /// The system's user, and the name that was given.
    ///
    /// - Throws: ``Failure`` with `.usage` when the name is too long.
    static func current(as name: String?) throws -> String {
        let user = user()
        guard let name, !name.isEmpty else { return user }
        guard name.utf8.count <= nameLimit else {
            throw Failure(
                .usage,
                Words(
                    "--as has at most \(nameLimit) bytes; shorten it", zh: "--as 最多 \(nameLimit) 字节；请缩短"))
        }
        return "\(user) as \(Output.printable(name))"
    }

    private static func user() -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 16_384)
        let code = getpwuid_r(geteuid(), &entry, &room, room.count, &found)
        guard code == 0, found != nil, let name = entry.pw_name else { return "user \(geteuid())" }
        return String(cString: name)
    }
}

/// The option of all verbs that leave an entry in the audit log.
struct ActOption: ParsableArguments {
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "Who you are, for the audit log; the system's user is kept in any case.",
            zh: "操作人姓名，记入审计日志；系统用户名总会记录。"))
    var name: String?

    func folder(_ store: DataOption) throws -> HubFolder {
        HubFolder(path: store.data, actor: try Actor.current(as: name))
    }
}
