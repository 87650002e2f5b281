import Foundation
import Glibc

/// Reading files that a person named.
public enum Files {
    /// The whole file.
    ///
    /// - Throws: ``Failure`` with `.noInput` that names the file.
    public static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            let why = reason(path)
            throw Failure(
                .noInput,
                Words(
                    "cannot read \(path)\(why.en); check the name and whether you may read it",
                    zh: "无法读取 \(path)\(why.zh)；请检查文件名和读取权限"))
        }
        return Array(data)
    }

    /// " (why)", or nothing, of a file that could not be read.
    package static func reason(_ path: String) -> Words {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return bracketed(errno) }
        defer { close(file) }
        var byte: UInt8 = 0
        return Glibc.read(file, &byte, 1) < 0 ? bracketed(errno) : Words("", zh: "")
    }

    private static func bracketed(_ number: Int32) -> Words {
        let why = SystemWords.reason(number)
        return Words(" (\(why.en))", zh: "（\(why.zh)）")
    }
}

extension Files {
    /// A folder that one may not enter looks empty, and must not be taken for one.
    ///
    /// - Throws: ``Failure`` with `.noInput` that names the folder; nothing when there is no such folder.
    public static func requireEntry(_ folder: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), !isFolder.boolValue {
            throw Failure(
                .noInput,
                Words(
                    "\(folder) is a file; name a folder with --data",
                    zh: "\(folder) 是文件；请用 --data 指定目录"))
        }
        guard access(folder, X_OK) != 0, errno == EACCES else { return }
        throw Failure(
            .noInput,
            Words(
                "you may not enter the folder \(folder); work as the user who owns it, or have its owner "
                    + "change the rights",
                zh: "无权进入目录 \(folder)；请以该目录所有者的身份运行，或请其修改权限"))
    }
}

extension Files {
    /// Writes a file that only its owner may read, in place of an earlier one of the same kind, which begins
    /// alike: a key or a store that somebody names by mistake stays what it is.
    ///
    /// - Throws: ``Failure`` with `.noInput`, or `.diskFull`, that names the file.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        if let there = FileManager.default.contents(atPath: path), !there.isEmpty,
            !there.prefix(8).elementsEqual(bytes.prefix(8))
        {
            throw Failure(
                .noInput,
                Words(
                    "\(path) is there already and is something else; name a new file, or remove that one",
                    zh: "\(path) 已存在且是另一种文件；请换一个文件名，或先删除它"))
        }
        let draft = path + ".new"
        guard
            FileManager.default.createFile(
                atPath: draft, contents: nil, attributes: [.posixPermissions: 0o600])
        else { throw unwritable(path, errno) }
        do {
            try Data(bytes).write(to: URL(filePath: draft))
            guard rename(draft, path) == 0 else { throw unwritable(path, errno) }
        } catch {
            let number = errno
            unlink(draft)
            throw error as? Failure ?? unwritable(path, number)
        }
    }

    private static func unwritable(_ path: String, _ number: Int32) -> Failure {
        if number == ENOSPC || number == EDQUOT {
            return Failure(
                .diskFull,
                Words("the disk is full: \(path) was not written", zh: "磁盘已满：未写入 \(path)"))
        }
        return Failure(
            .noInput,
            Words(
                "cannot write \(path); check the folder and your rights to it",
                zh: "无法写入 \(path)；请检查目录和写入权限"))
    }
}
