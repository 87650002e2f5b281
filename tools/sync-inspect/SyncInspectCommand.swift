import ArgumentParser
import Console

/// Looks into stores and batches; writes nothing.
struct SyncInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "sync-inspect",
        Words(
            "Look into a branch's or a hub's store, and into batches. Only reads.",
            zh: "查看支部或汇总端的数据以及批次。只读。"),
        example: "sync-inspect queue --data DIR",
        version: Program.version,
        subcommands: [
            QueueCommand.self, RecordCommand.self, ExplainCommand.self, VectorCommand.self,
            BatchCommand.self, CaptureCommand.self, VerifyCommand.self, ReconcileCommand.self,
            DigestCommand.self, ConflictsCommand.self, QuarantineCommand.self, BranchesCommand.self,
            SessionCommand.self, EstimateCommand.self, DoctorCommand.self, BundleCommand.self,
        ])
}
