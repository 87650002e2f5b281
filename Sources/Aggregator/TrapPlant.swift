#if DEBUG
    import Console
    import Foundation
    import Glibc
    import SyncCore

    /// Traps to order, in debug builds only: tests make the hub die over one version and look at what
    /// follows.
    ///
    /// `ROLLCALL_PLANT` is read once, at the first batch: any of `judging:DOT`, `applying:DOT`, `raw:DOT`,
    /// `decoding:DOT` (a real trap, an arithmetic overflow, when the version is judged, applied, stored raw
    /// or decoded) and `killing:DOT` (SIGKILL instead, when it is applied), separated by commas; DOT as
    /// `sync-inspect queue` writes it.
    enum TrapPlant {
        enum Place: String { case judging, applying, raw, decoding, killing }

        private static let planted: [(place: Place, dot: String)] = {
            let text = ProcessInfo.processInfo.environment["ROLLCALL_PLANT"] ?? ""
            return text.split(separator: ",").compactMap { part in
                let parts = part.split(separator: ":")
                guard parts.count == 2, let place = Place(rawValue: String(parts[0])) else { return nil }
                return (place, String(parts[1]))
            }
        }()

        /// Does not return when something is planted on one of these sequences.
        static func visit(_ place: Place, origin: OriginID, _ range: ClosedRange<UInt64>) {
            for (planted, text) in planted where planted == place {
                let parts = text.split(separator: "/")
                guard parts.count == 2, parts[0] == RecordText.origin(origin),
                    let sequence = UInt64(parts[1]), range.contains(sequence)
                else { continue }
                if place == .killing { kill(getpid(), SIGKILL) }
                overflow(by: Int8(truncatingIfNeeded: parts.count))
            }
        }

        @inline(never)
        private static func overflow(by number: Int8) {
            let most = Int8.max
            Output.remark(Words("\(most + number)", zh: "\(most + number)"))
        }
    }
#endif
