import Foundation

/// Disks of a few megabytes in memory, which a test can fill to the last byte.
///
/// Root mounts them where they are wanted. Others get a namespace of their own, in which the programs run.
final class SmallDisks: Sendable {
    /// What a program is to be run through to see the disks.
    let prefix: [String]
    private let paths: [String]
    private let holder: Child?

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
        let ready = SmallDisks.temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: ready) }
        let command = all + " && touch '\(ready)' && exec sleep 7200"
        guard
            let keeper = try? Child(
                ["/usr/bin/env", "unshare", "-Urm", "sh", "-c", command], environment: SmallDisks.environment)
        else { return nil }
        while !FileManager.default.fileExists(atPath: ready) {
            guard keeper.isRunning else { return nil }
            usleep(5_000)
        }
        holder = keeper
        prefix = ["/usr/bin/nsenter", "--preserve-credentials", "-U", "-m", "-t", "\(keeper.identifier)"]
    }

    /// Lets go of the disks.
    func leave() {
        if let holder {
            holder.send(SIGTERM)
        } else {
            for path in paths { SmallDisks.shell([], "umount -l '\(path)'") }
        }
    }

    /// Leaves not one free byte.
    func fill(_ path: String) { SmallDisks.shell(prefix, "cat /dev/zero >> '\(path)/fill' 2>/dev/null") }
    /// Leaves not one free byte, and so many of the ballast.
    func fill(_ path: String, withBallastOf bytes: Int) {
        SmallDisks.shell(
            prefix, "truncate -s \(bytes) '\(path)/ballast'; cat /dev/zero >> '\(path)/fill' 2>/dev/null")
    }
    /// Leaves some free bytes.
    func fill(_ path: String, leaving bytes: Int) {
        let free = Int(SmallDisks.read(prefix, "df --output=avail -B1 '\(path)' | tail -n 1")) ?? 0
        SmallDisks.shell(prefix, "fallocate -l \(max(4_096, free - bytes)) '\(path)/fill'")
    }
    func free(_ path: String) { SmallDisks.shell(prefix, "rm -f '\(path)/fill'") }

    /// Size, blocks of 512 bytes, and rights, as `stat` says.
    func stat(_ file: String) -> String { SmallDisks.read(prefix, "stat -c '%s %b %a' '\(file)'") }

    func text(_ file: String) -> String { SmallDisks.read(prefix, "cat '\(file)'") }
    /// Copies a file, where there is one, over another.
    func copy(_ file: String, to other: String) {
        SmallDisks.shell(prefix, "rm -f '\(other)'; test ! -e '\(file)' || cp -p '\(file)' '\(other)'")
    }
    /// Copies what lies in a folder, hidden or not.
    func take(_ folder: String, to other: String) {
        SmallDisks.shell(prefix, "cp -a '\(folder)/.' '\(other)'")
    }
    /// Nothing can be written there from now on.
    func freeze(_ path: String) { SmallDisks.shell(prefix, "mount -o remount,ro '\(path)'") }
    func remove(_ file: String) { SmallDisks.shell(prefix, "rm -f '\(file)'") }

    @discardableResult private static func shell(_ prefix: [String], _ command: String) -> Bool {
        read(prefix, command + " && echo done").hasSuffix("done")
    }

    private static let environment = ["LANG": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

    private static func temporaryFile() -> String {
        FileManager.default.temporaryDirectory.appending(path: "said-\(UUID().uuidString)").path
    }

    private static func read(_ prefix: [String], _ command: String) -> String {
        let said = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: said) }
        let words = prefix + ["/bin/sh", "-c", command]
        guard let child = try? Child(words, environment: environment, output: said) else { return "" }
        child.waitForEnd()
        let text = (try? String(contentsOfFile: said, encoding: .utf8)) ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
