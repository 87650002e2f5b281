import ArgumentParser
import BranchAgent

@main struct Main {
    static func main() async { await BranchAgentCommand.main() }
}
