import Console
import Logging
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// Marks the frames that event loops decode, and keeps those from being decoded over which the hub has died.
final class FrameGuard: Sendable {
    private let watch: TrapWatch
    /// What an earlier run has left, as long as it holds.
    private let suspicion: Mutex<TrapSuspicion>
    private let logger: Logger
    /// Told of a suspect that was decoded after all.
    private let forget: @Sendable (TrapSuspicion.Frame) -> Void

    init(
        watch: TrapWatch, suspicion: TrapSuspicion, logger: Logger,
        forget: @escaping @Sendable (TrapSuspicion.Frame) -> Void
    ) {
        self.watch = watch
        self.suspicion = Mutex(suspicion)
        self.logger = logger
        self.forget = forget
    }

    /// Begins to decode; a refusal when that would end the process again.
    func begin(_ frame: TrapSuspicion.Frame) -> Result<TrapWatch.Mark, Refuse> {
        if suspicion.withLock({ $0.refuses(frame) }) {
            logger.say(
                .error, "frame_refused", HubLogWords.frameRefused,
                ["device": RecordText.origin(frame.device), "bytes": "\(frame.length)"])
            return .failure(HubWriter.refusal)
        }
        let mark = watch.begin()
        mark.set(.frame(frame))
        return .success(mark)
    }

    func end(_ frame: TrapSuspicion.Frame, _ mark: TrapWatch.Mark) {
        mark.end()
        if suspicion.withLock({ $0.decoded(frame) }) { forget(frame) }
    }
}
