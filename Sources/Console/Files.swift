import Foundation

/// Reading files that a person named.
public enum Files {
    /// The whole file.
    ///
    /// - Throws: ``Failure`` with `.noInput` that names the file.
    public static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(
                .noInput,
                Words(
                    "cannot read \(path); check the name and whether you may read it",
                    zh: "无法读取 \(path)；请检查文件名和读取权限"))
        }
        return Array(data)
    }
}

extension Files {
    /// A folder that one may not enter looks empty, and must not be taken for one.
    ///
    /// - Throws: ``Failure`` with `.noInput` that names the folder; nothing when there is no such folder.
    public static func requireEntry(_ folder: String) throws {
        guard access(folder, X_OK) != 0, errno == EACCES else { return }
        throw Failure(
            .noInput,
            Words(
                "you may not enter the folder \(folder); work as the user who owns it, or have its owner "
                    + "change the rights",
                zh: "无权进入目录 \(folder)；请以该目录所有者的身份运行，或请其修改权限"))
    }

    /// Makes a folder, and those above it, that only its owner may enter.
    public static func makePrivateFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(
                .noInput,
                Words(
                    "cannot make the folder \(path); check the name, and whether you may write there",
                    zh: "无法建立目录 \(path)；请检查名称和写入权限"))
        }
    }
}
