import ArgumentParser
import Console

/// Looks into stores and batches; writes nothing.
struct SyncInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync-inspect",
        abstract: "Look into a branch's or a hub's store, and into batches. Only reads.",
        version: Program.version,
        subcommands: [QueueCommand.self, RecordCommand.self, BatchCommand.self, VectorCommand.self])
}
