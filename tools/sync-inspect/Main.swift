import Console

@main struct Main {
    static func main() async { await Start.run(SyncInspectCommand.self) }
}
