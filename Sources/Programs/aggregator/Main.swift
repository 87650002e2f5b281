import Aggregator
import ArgumentParser

@main struct Main {
    static func main() async { await AggregatorCommand.main() }
}
