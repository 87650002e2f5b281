import Console
import Foundation
import Glibc
import Logging
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// Says what is in work on this thread, and reads what an earlier run has left.
///
/// One run of the program leaves at most one marker: the one whose thread trapped first.
struct TrapWatch: Sendable {
    private let run: Token16

    /// Reads and removes the marker of an earlier run, counts it, and installs the handler.
    ///
    /// The count is durable before the marker goes; when that fails the marker stays, and is counted next
    /// time.
    ///
    /// - Parameter isForgetting: what was counted before does not count any more.
    static func start(
        folder: String, store: any HubStore, isForgetting: Bool, logger: Logger
    ) throws -> (watch: TrapWatch, suspicion: TrapSuspicion) {
        let descriptor = try DatabaseFolder.openPlain(folder + "/trap.marker")
        var suspicion = TrapWatch.kept(try store.suspicion(), logger)
        let before = suspicion
        if isForgetting { suspicion = TrapSuspicion(program: Program.version) }
        let bytes = TrapWatch.content(of: descriptor)
        if let marker = TrapMarker(bytes) {
            if suspicion.died(over: marker.work, run: marker.run) { TrapWatch.tell(marker, logger) }
        } else if !bytes.isEmpty {
            logger.say(.warning, "marker_torn", HubLogWords.markerTorn)
        }
        do {
            if suspicion != before { try store.keep(suspicion: Array(JSONEncoder().encode(suspicion))) }
            _ = ftruncate(descriptor, 0)
            _ = fsync(descriptor)
        } catch {
            logger.say(.warning, "traps_not_kept", HubLogWords.trapsNotKept, ["error": "\(error)"])
        }
        TrapHandler.install(writingTo: descriptor)
        return (TrapWatch(run: Token16.random()), suspicion)
    }

    /// A newer program gets to try everything again.
    private static func kept(_ bytes: [UInt8], _ logger: Logger) -> TrapSuspicion {
        let none = TrapSuspicion(program: Program.version)
        if bytes.isEmpty { return none }
        guard let kept = try? JSONDecoder().decode(TrapSuspicion.self, from: Data(bytes)) else {
            logger.say(.warning, "traps_unreadable", HubLogWords.trapsUnreadable)
            return none
        }
        return kept.program == Program.version ? kept : none
    }

    private static func content(of descriptor: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: TrapMarker.size + 1)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Array(bytes.prefix(max(0, count)))
    }

    private static func tell(_ marker: TrapMarker, _ logger: Logger) {
        let what: String
        switch marker.work {
        case .stretches(let stage, let stretches):
            let names = stretches.prefix(8).map(\.name).joined(separator: ", ")
            let more = stretches.count > 8 ? " and \(stretches.count - 8) more" : ""
            what = "\(stage.rawValue) \(names)\(more)"
        case .frame(let frame):
            what = "decoding a frame of \(frame.length) bytes, device \(RecordText.origin(frame.device))"
        }
        logger.say(
            .warning, "trap", HubLogWords.died, ["work": what, "signal": "\(marker.signal)"])
    }

    // MARK: - Work

    /// What is in work on the thread that began it, until `end`.
    struct Mark {
        fileprivate let run: Token16
        fileprivate let slot: TrapHandler.Slot?

        func set(_ work: TrapSuspicion.Work) {
            guard let slot else { return }
            TrapHandler.set(TrapMarker(run: run, work: work).bytes, in: slot)
        }

        func clear() {
            if let slot { TrapHandler.set([], in: slot) }
        }

        func end() {
            if let slot { TrapHandler.end(slot) }
        }
    }

    /// To be ended on the same thread.
    func begin() -> Mark { Mark(run: run, slot: TrapHandler.begin()) }
}

extension TrapSuspicion.Stretch {
    /// The dots, for the log.
    var name: String {
        RecordText.text(Dot(origin: origin, sequence: first)) + (last == first ? "" : "...\(last)")
    }
}
