import Foundation
import SyncCore
import Synchronization

/// Signatures that are checked many at a time on all processors, so that a journal with a seal behind every
/// entry is looked through in seconds.
struct SignatureCheck {
    private struct Job: Sendable {
        var statement: [UInt8]
        var signature: [UInt8]
        var keys: [[UInt8]]
    }

    private static let most = 1_024
    private let verifying: Verifying
    private var jobs: [Job] = []
    private var whenBad: [() -> Void] = []

    init(verifying: Verifying) { self.verifying = verifying }

    /// - Parameter bad: called later when the signature does not hold.
    mutating func add(
        _ statement: [UInt8], _ signature: [UInt8], _ key: [UInt8], bad: @escaping () -> Void
    ) {
        add(statement, signature, anyOf: [key], bad: bad)
    }

    /// For what one of several keys may have signed.
    mutating func add(
        _ statement: [UInt8], _ signature: [UInt8], anyOf keys: [[UInt8]], bad: @escaping () -> Void
    ) {
        jobs.append(Job(statement: statement, signature: signature, keys: keys))
        whenBad.append(bad)
        if jobs.count >= SignatureCheck.most { finish() }
    }

    /// Checks what waits.
    mutating func finish() {
        let bad = Mutex<[Int]>([])
        let (jobs, verifying) = (self.jobs, self.verifying)
        let parts = min(jobs.count, max(1, ProcessInfo.processInfo.activeProcessorCount))
        if parts > 0 {
            DispatchQueue.concurrentPerform(iterations: parts) { part in
                for index in stride(from: part, to: jobs.count, by: parts) {
                    let job = jobs[index]
                    if job.keys.contains(where: { verifying.isValid(job.statement, job.signature, $0) }) {
                        continue
                    }
                    bad.withLock { $0.append(index) }
                }
            }
        }
        for index in bad.withLock({ $0.sorted() }) { whenBad[index]() }
        self.jobs = []
        whenBad = []
    }
}
