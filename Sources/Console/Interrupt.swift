import Dispatch
import Foundation

/// What a person is told who stops a verb with ctrl-C.
public enum Interrupt {
    /// Only set by the verb that runs, and kept alive with it.
    nonisolated(unsafe) private static var source: (any DispatchSourceSignal)?

    /// From now on ctrl-C prints `words` and ends the program with 130. What a store was doing is undone, as
    /// with any other sudden end.
    public static func say(_ words: Words) {
        signal(SIGINT, SIG_IGN)
        let new = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        new.setEventHandler {
            Output.draw("\n")
            Output.remark(words)
            exit(ExitStatus.interrupted.rawValue)
        }
        new.resume()
        source = new
    }
}
