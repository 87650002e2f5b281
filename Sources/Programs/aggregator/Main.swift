import Aggregator
import Console

@main struct Main {
    static func main() async { await Start.run(AggregatorCommand.self) }
}
