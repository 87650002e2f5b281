import Foundation
import Glibc

/// A command of somebody else's, in a group of processes of its own that outlives neither its time nor the
/// hub.
///
/// A hub that is killed outright ends nobody any more. So the group has a watcher, which waits for the end of
/// a pipe that nobody but the hub holds open, and then ends its own group: no number of a process is kept
/// that might be another's by then. A command that leaves its group (`setsid`) is on its own.
enum CalledCommand {
    enum Outcome: Sendable, Hashable, CustomStringConvertible {
        /// The exit code.
        case ended(Int32)
        /// By a signal.
        case killed(Int32)
        case hung
        /// The system's reason.
        case notStarted(Int32)

        var description: String {
            switch self {
            case .ended(let code): "exit \(code)"
            case .killed(let signal): "signal \(signal)"
            case .hung: "hung"
            case .notStarted(let reason): String(cString: strerror(reason))
            }
        }
    }

    private static let lookEvery = Duration.milliseconds(50)

    /// - Parameter words: the command's path, or its name in PATH, and its arguments.
    static func run(
        _ words: [String], environment: [String: String], within limit: Duration
    ) async -> Outcome {
        guard let first = words.first, !first.isEmpty else { return .notStarted(ENOENT) }
        // The shell would tell of it by an exit code only, which a command may have too.
        let missing = reason(against: first, path: environment["PATH"] ?? "")
        guard missing == 0 else { return .notStarted(missing) }
        var life: [Int32] = [-1, -1]
        guard pipe(&life) == 0 else { return .notStarted(errno) }
        // Held open to the end, whatever that is.
        defer { close(life[1]) }
        for end in life { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var child: pid_t = 0
        let code = start(CalledCommand.watched + words, environment, life: life[0], &child)
        close(life[0])
        guard code == 0 else { return .notStarted(code) }
        let end = ContinuousClock.now + limit
        while true {
            var status: Int32 = 0
            let found = waitpid(child, &status, WNOHANG)
            if found == child {
                // What it has left behind goes with it.
                kill(-child, SIGKILL)
                let signal = status & 0x7f
                return signal == 0 ? .ended((status >> 8) & 0xff) : .killed(signal)
            }
            if found < 0 && errno != EINTR { return .killed(0) }
            if ContinuousClock.now >= end || Task.isCancelled {
                kill(-child, SIGKILL)
                _ = waitpid(child, &status, 0)
                return .hung
            }
            try? await Task.sleep(for: lookEvery)
        }
    }

    /// The watcher reads from 3, which the command itself does not get.
    private static let watched = [
        "/bin/sh", "-c", "(read line <&3; kill -KILL 0) & exec 3<&- && exec \"$@\"", "rollcall",
    ]

    /// Why a command cannot be started; 0 when it can.
    private static func reason(against command: String, path: String) -> Int32 {
        let places = path.isEmpty ? "/usr/local/bin:/usr/bin:/bin" : path
        let candidates =
            command.contains("/")
            ? [command]
            : places.split(separator: ":", omittingEmptySubsequences: false).map {
                ($0.isEmpty ? "." : $0) + "/" + command
            }
        var reason = ENOENT
        for candidate in candidates {
            var found = stat()
            if stat(candidate, &found) != 0 { continue }
            if found.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 { return 0 }
            reason = EACCES
        }
        return reason
    }

    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    private static func start(
        _ words: [String], _ environment: [String: String], life: Int32, _ child: inout pid_t
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for number in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, life, 3)
        // It gets none of the hub's sockets and files, where the system's library can see to it.
        if let found = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") {
            _ = unsafeBitCast(found, to: CloseFrom.self)(&actions, 4)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var usual = sigset_t()
        sigemptyset(&usual)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&usual, signal) }
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        return posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &variables)
    }
}
