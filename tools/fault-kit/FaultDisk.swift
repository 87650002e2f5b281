import Foundation
import GRDBSQLite
import Synchronization

/// One thing that the file system refuses.
package struct Fault: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable { case open, write, sync, sharedMemory }

    package enum Effect: Sendable, Hashable {
        /// The device fails.
        case inputOutput
        case noRoom
        /// Half of it is written, then there is no room.
        case short
    }

    package enum Aftermath: String, Sendable, CaseIterable {
        /// Only this one fails.
        case goesOn
        /// The power goes: all fails from here on, and of what was not synced some is lost.
        case dies
    }

    package var kind: Kind
    /// Counts from 1.
    package var number: Int
    package var effect = Effect.inputOutput
    package var aftermath: Aftermath

    package init(kind: Kind, number: Int, effect: Effect = .inputOutput, aftermath: Aftermath) {
        self.kind = kind
        self.number = number
        self.effect = effect
        self.aftermath = aftermath
    }

    package var description: String { "\(kind.rawValue) \(number) \(effect) \(aftermath.rawValue)" }
}

/// The files below one folder, as a disk that fails as it is told. Through SQLite's own interface for file
/// systems, so that everything above is the real thing.
package final class FaultDisk: Sendable {
    /// A change that no sync has covered yet.
    private struct Change {
        var offset: Int64
        /// Empty for a truncation.
        var bytes: [UInt8]
        /// What lay there, as far as the file reached.
        var before: [UInt8]
        var sizeBefore: Int64
        var sizeAfter: Int64
    }

    private struct State {
        var counts: [Fault.Kind: Int] = [:]
        var fault: Fault?
        var isMet = false
        var isDead = false
        var changes: [String: [Change]] = [:]
    }

    let folder: String
    private let state = Mutex(State())

    package init(folder: String) {
        self.folder = folder
        FaultFileSystem.add(self)
    }

    package func leave() { FaultFileSystem.remove(self) }

    // MARK: - For tests and simulations

    /// From now on, counting anew, this fails.
    package func arm(_ fault: Fault?) {
        state.withLock {
            $0.counts = [:]
            $0.fault = fault
            $0.isMet = false
        }
    }

    /// The power goes now.
    package func die() { state.withLock { $0.isDead = true } }

    /// The fault has happened.
    package var isMet: Bool { state.withLock { $0.isMet } }
    package func count(_ kind: Fault.Kind) -> Int { state.withLock { $0.counts[kind] ?? 0 } }

    /// Brings the files to what a power cut may leave of them: each write that no sync has covered is there,
    /// or is not, or is there in part. Then the disk works again. All connections must be closed.
    package func powerCut(using generator: inout some RandomNumberGenerator) throws {
        let changes = state.withLock { state in
            defer { state = State() }
            return state.changes
        }
        let share = Int.random(in: 0...4, using: &generator)
        for (path, list) in changes.sorted(by: { $0.key < $1.key }) where !list.isEmpty {
            let descriptor = Glibc.open(path, O_RDWR)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            for change in list.reversed() {
                ftruncate(descriptor, off_t(change.sizeBefore))
                _ = change.before.withUnsafeBytes {
                    pwrite(descriptor, $0.baseAddress, $0.count, off_t(change.offset))
                }
            }
            for change in list where Int.random(in: 0..<4, using: &generator) < share {
                guard !change.bytes.isEmpty else {
                    ftruncate(descriptor, off_t(change.sizeAfter))
                    continue
                }
                // Sectors reach the disk whole, but not all of them.
                var kept = change.bytes.count
                if share < 4, Int.random(in: 0..<3, using: &generator) == 0 {
                    kept = min(kept, 512 * Int.random(in: 0...8, using: &generator))
                }
                _ = change.bytes.withUnsafeBytes {
                    pwrite(descriptor, $0.baseAddress, kept, off_t(change.offset))
                }
            }
        }
    }

    // MARK: - For the file system

    /// What happens to the next operation of a kind: nothing, or the effect.
    func meet(_ kind: Fault.Kind) -> Fault.Effect? {
        state.withLock { state in
            if state.isDead { return .inputOutput }
            state.counts[kind, default: 0] += 1
            guard let fault = state.fault, fault.kind == kind, fault.number == state.counts[kind] else {
                return nil
            }
            state.fault = nil
            state.isMet = true
            state.isDead = fault.aftermath == .dies
            return fault.effect
        }
    }

    var isDead: Bool { state.withLock { $0.isDead } }

    func noteWrite(_ path: String, at offset: Int64, _ bytes: [UInt8], before: [UInt8], size: Int64) {
        let after = max(size, offset + Int64(bytes.count))
        note(
            path, Change(offset: offset, bytes: bytes, before: before, sizeBefore: size, sizeAfter: after))
    }

    func noteTruncation(_ path: String, to size: Int64, cutting before: [UInt8], from old: Int64) {
        note(path, Change(offset: size, bytes: [], before: before, sizeBefore: old, sizeAfter: size))
    }

    private func note(_ path: String, _ change: Change) {
        state.withLock { $0.changes[path, default: []].append(change) }
    }

    /// What was written to the file is on the disk for good; or the file is gone.
    func settled(_ path: String) { state.withLock { $0.changes[path] = nil } }
}
