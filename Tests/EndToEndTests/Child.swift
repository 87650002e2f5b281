import Foundation
import Glibc
import Synchronization

/// A process of ours, started by the system's own call: Foundation's `Process` has crashed in tests that
/// start many at once. It inherits nothing but its three standard files, and whoever lets go of it kills it.
final class Child: Sendable {
    struct NotStarted: Error {
        var program: String
        var reason: String
    }

    let identifier: pid_t
    let words: [String]
    /// What runs when the tests are over would run on: whoever is held by a task that never ended.
    private static let living = Mutex<Set<pid_t>>([])
    private static let killsAtTheEnd: Void = {
        atexit { Child.living.withLock { living in for child in living { Glibc.kill(child, SIGKILL) } } }
    }()

    /// As `waitpid` tells it; nil while it runs.
    private let ending = Mutex<Int32?>(nil)

    /// `posix_spawn_file_actions_addclosefrom_np` (glibc 2.34), which the header shows to GNU programs only.
    private static let closeFrom: CloseFrom? = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        unsafeBitCast($0, to: CloseFrom.self)
    }
    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// - Parameters:
    ///   - words: the program's path, and its arguments.
    ///   - output: the file that takes what it prints; nil for nowhere.
    ///   - remarks: the file that takes what it says beside that; nil for nowhere.
    init(
        _ words: [String], environment: [String: String] = [:], output: String? = nil, remarks: String? = nil
    ) throws {
        self.words = words
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, file) in [(Int32(1), output), (2, remarks)] {
            posix_spawn_file_actions_addopen(
                &actions, number, file ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        guard let closeFrom = Child.closeFrom, closeFrom(&actions, 3) == 0 else {
            throw NotStarted(program: words[0], reason: "this system's library cannot close what is open")
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var usual = sigset_t()
        sigemptyset(&usual)
        for signal in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&usual, signal) }
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, words[0], &actions, &attributes, &arguments, &variables)
        guard code == 0 else {
            throw NotStarted(program: words[0], reason: String(cString: strerror(code)))
        }
        self.identifier = identifier
        Child.killsAtTheEnd
        Child.living.withLock { _ = $0.insert(identifier) }
    }

    deinit {
        guard isRunning else { return }
        Glibc.kill(identifier, SIGKILL)
        _ = waitForEnd()
    }

    var isRunning: Bool { look(WNOHANG) == nil }

    /// Does nothing when it has ended.
    func send(_ signal: Int32) {
        // Under the lock nobody collects it meanwhile, so that the number is still its own.
        ending.withLock { ending in
            if ending == nil { Glibc.kill(identifier, signal) }
        }
    }

    /// The exit code; minus the signal's number when one ended it. Nil while it runs.
    var code: Int32? {
        look(WNOHANG).map { status in
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : -signal
        }
    }

    /// Blocks until it has ended.
    @discardableResult func waitForEnd() -> Int32 {
        _ = look(0)
        return code ?? -1
    }

    private func look(_ options: Int32) -> Int32? {
        ending.withLock { ending in
            if ending != nil { return ending }
            var status: Int32 = 0
            if waitpid(identifier, &status, options) == identifier {
                ending = status
                Child.living.withLock { _ = $0.remove(identifier) }
            }
            return ending
        }
    }
}
