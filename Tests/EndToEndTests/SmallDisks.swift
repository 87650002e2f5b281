import Foundation
import Synchronization

/// Disks of a few megabytes in memory, which a test can fill to the last byte.
///
/// Root mounts them where they are wanted. Others get a namespace of their own, in which the programs run.
final class SmallDisks: Sendable {
    /// What a program is to be run through to see the disks.
    let prefix: [String]
    private let paths: [String]
    private let holder: Process?

    /// Whether this machine lets us have any; else the tests that need them are skipped.
    static let areToBeHad: Bool = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "disk-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard let disks = SmallDisks([folder: 1]) else { return false }
        disks.leave()
        return true
    }()

    /// - Parameter sizes: megabytes by folder, which is made.
    init?(_ sizes: [String: Int]) {
        paths = sizes.keys.sorted()
        var mounts: [String] = []
        for path in paths {
            try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            mounts.append("mount -t tmpfs -o size=\(sizes[path] ?? 1)m,mode=700 rollcall '\(path)'")
        }
        let all = mounts.joined(separator: " && ")
        if geteuid() == 0, SmallDisks.shell([], all) {
            prefix = []
            holder = nil
            return
        }
        let keeper = Process()
        let said = Pipe()
        keeper.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        keeper.arguments = ["unshare", "-Urm", "sh", "-c", all + " && echo ready && exec sleep 7200"]
        keeper.standardOutput = said
        keeper.standardError = FileHandle.nullDevice
        guard (try? keeper.run()) != nil, said.fileHandleForReading.availableData.count == 6 else {
            return nil
        }
        holder = keeper
        prefix = [
            "/usr/bin/nsenter", "--preserve-credentials", "-U", "-m", "-t", "\(keeper.processIdentifier)",
        ]
    }

    /// Lets go of the disks.
    func leave() {
        if let holder {
            holder.terminate()
        } else {
            for path in paths { SmallDisks.shell([], "umount -l '\(path)'") }
        }
    }

    /// Leaves not one free byte.
    func fill(_ path: String) { SmallDisks.shell(prefix, "cat /dev/zero >> '\(path)/fill' 2>/dev/null") }
    func free(_ path: String) { SmallDisks.shell(prefix, "rm -f '\(path)/fill'") }

    /// Size, blocks of 512 bytes, and rights, as `stat` says.
    func stat(_ file: String) -> String { SmallDisks.read(prefix, "stat -c '%s %b %a' '\(file)'") }

    @discardableResult private static func shell(_ prefix: [String], _ command: String) -> Bool {
        read(prefix, command + " && echo done").hasSuffix("done")
    }

    private static func read(_ prefix: [String], _ command: String) -> String {
        let process = Process()
        let said = Pipe()
        let words = prefix + ["/bin/sh", "-c", command]
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = ["LANG": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardOutput = said
        process.standardError = FileHandle.nullDevice
        guard (try? Running.starting.withLock({ _ in try process.run() })) != nil else { return "" }
        let data = said.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
