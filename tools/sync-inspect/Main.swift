import ArgumentParser
import Foundation

@main struct Main {
    static func main() async {
        // A reader that has seen enough ends the program without a word: see Output.
        signal(SIGPIPE, SIG_IGN)
        await SyncInspectCommand.main()
    }
}
