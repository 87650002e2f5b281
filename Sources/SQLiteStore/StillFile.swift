import GRDB
import GRDBSQLite
import Glibc
import SyncStore

/// A store's file to which nothing can be written and on which no program works: on a disk that is mounted
/// for reading only, or copied to a folder that is closed for writing. SQLite wants to make a file beside a
/// database with a log, so it is opened in another way.
struct StillFile {
    private let path: String
    private var hasLog: Bool { StillFile.size(path + "-wal") > 0 }

    /// - Returns: nil where somebody may be writing to it.
    init?(_ path: String) {
        self.path = path
        let folder = StillFile.folder(of: path)
        var found = statvfs()
        let isStill = statvfs(folder, &found) == 0 && found.f_flag & UInt(ST_RDONLY) != 0
        // Whoever works on a store has its shared memory beside it.
        guard isStill || access(path + "-shm", F_OK) != 0 else { return nil }
    }

    /// - Parameter configuration: of a queue that only reads.
    func open(_ configuration: Configuration) throws -> DatabaseQueue {
        if !hasLog, sqlite3_compileoption_used("USE_URI") == 1 {
            return try DatabaseQueue(path: immutable, configuration: configuration)
        }
        return try copied { try DatabaseQueue(path: $0, configuration: configuration) }
    }

    /// The file as one that nobody changes.
    private var immutable: String {
        var name = ""
        for character in path {
            switch character {
            case "%": name += "%25"
            case "?": name += "%3f"
            case "#": name += "%23"
            default: name.append(character)
            }
        }
        return "file:\(name)?immutable=1"
    }

    /// Opens a copy with its log, which is gone from the disk as soon as it is closed, however that comes.
    private func copied(_ open: (String) throws -> DatabaseQueue) throws -> DatabaseQueue {
        var template = Array((StillFile.temporary + "/rollcall-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw StoreError(systemError: errno, "making a folder for a copy", file: StillFile.temporary)
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let copy = DatabaseFolder.file(in: folder)
        defer {
            for name in ["", "-wal", "-shm"] { unlink(copy + name) }
            rmdir(folder)
        }
        for name in ["", "-wal"] { try StillFile.copy(path + name, to: copy + name) }
        let queue = try open(copy)
        // Its log and shared memory are opened with the first look.
        _ = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
        return queue
    }

    private static func copy(_ from: String, to copy: String) throws {
        let source = Glibc.open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else {
            if errno == ENOENT { return }
            throw StoreError(systemError: errno, "reading", file: from)
        }
        defer { close(source) }
        let target = Glibc.open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw StoreError(systemError: errno, "copying", file: copy) }
        defer { close(target) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(source, &bytes, bytes.count)
            if count == 0 { return }
            guard count > 0 else { throw StoreError(systemError: errno, "reading", file: from) }
            var done = 0
            while done < count {
                let written = bytes[done..<count].withUnsafeBytes { write(target, $0.baseAddress, $0.count) }
                guard written > 0 else { throw StoreError(systemError: errno, "copying", file: copy) }
                done += written
            }
        }
    }

    private static var temporary: String {
        getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    private static func size(_ path: String) -> Int {
        var found = stat()
        return stat(path, &found) == 0 ? Int(found.st_size) : 0
    }
}
