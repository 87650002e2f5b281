import Forms
import Foundation
import SyncCore
import SyncStore

/// Runs a verb and turns what went wrong into words and an exit code.
public enum Program {
    public static let version = "0.1.0"

    /// Runs `body`; on an error tells the person on standard error and ends with the code that the error
    /// means.
    public static func run(
        explaining explain: @Sendable (any Error) -> Failure? = { _ in nil }, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let failure as Failure {
            end(failure)
        } catch {
            end(explain(error) ?? failure(for: error))
        }
    }

    /// The TLS library ends the process when the clock stands before 1970: said in words before it comes to
    /// that. Nothing more is needed while a program runs: Linux lets nobody set the clock before 1970 or
    /// beyond about 2232 (`clock_settime` and `adjtimex` answer EINVAL), so only a library that pretends
    /// another clock, or another system, can bring a program there.
    public static func requireClockForTLS() throws {
        guard Date().timeIntervalSince1970 < 0 else { return }
        throw Failure(
            .unreachable,
            Words(
                "this machine's clock stands before 1970, and no secure connection can be made; set the "
                    + "clock. "
                    + "What is entered meanwhile stays queued",
                zh: "本机时钟早于 1970 年，无法建立安全连接；请校准时钟。其间录入的内容仍在本机排队"))
    }

    /// Ends the program with a message.
    public static func end(_ failure: Failure) -> Never {
        Output.remark(failure.message)
        exit(failure.status.rawValue)
    }

    /// Ends the program at once when a store has lost its footing: nothing more is said to anybody, and
    /// nothing is tidied up on a disk that cannot be believed.
    public static func endIfDiskFailed(_ error: any Error) {
        guard let error = error as? StoreError, error.code == .syncFailed else { return }
        let failure = failure(for: error)
        Output.remark(failure.message)
        _exit(failure.status.rawValue)
    }

    public static func end(_ status: ExitStatus) -> Never { exit(status.rawValue) }

    public static func failure(for error: any Error) -> Failure {
        switch error {
        case let error as StoreError: StoreWords.failure(for: error)
        case let error as KeyError: KeyWords.failure(for: error)
        case let error as Refuse: Failure(.refusedByHub, RefusalWords.words(for: error))
        case let error as FormDefinitionError: FormWords.failure(for: error)
        case let error as SheetError: Failure(error.code == .unreadable ? .noInput : .usage, error.words)
        default:
            Failure(
                .software,
                Words(
                    "something unexpected happened; what was saved stays saved. Try again, and show this to "
                        + "whoever helps you: \(error)",
                    zh: "发生意外错误；已保存的内容仍然有效。请重试，并把以下信息告知技术人员：\(error)"))
        }
    }
}
