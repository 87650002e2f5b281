import Console
import Foundation

/// The program that `--on-alert` names.
enum CalledProgram {
    /// A path as it is; a bare name as the file of that name here, else wherever `PATH` has it.
    ///
    /// - Returns: nil when there is no such program.
    static func find(
        _ name: String, here: String = FileManager.default.currentDirectoryPath,
        path: String = ProcessInfo.processInfo.environment["PATH"] ?? ""
    ) -> String? {
        let places =
            name.contains("/")
            ? [name] : ([here] + path.split(separator: ":").map(String.init)).map { $0 + "/" + name }
        return places.first { place in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
                && !isFolder.boolValue
                && FileManager.default.isExecutableFile(atPath: place)
        }
    }

    static func missing(_ name: String) -> Words {
        let name = Output.printable(name)
        return Words(
            "--on-alert: there is no program \(name) that may be started, so nobody is woken. Write its "
                + "path, and make it executable (chmod +x); what it needs besides stands in the program",
            zh: "--on-alert：没有可执行的程序 \(name)，因此不会叫醒任何人。请写出其路径，并设为可执行"
                + "（chmod +x）；程序所需的其他内容写在程序里")
    }
}
