import Synchronization

/// The cuts that are still to come. One is passed when a connection has met with it.
final class Plan: Sendable {
    private let cuts: Mutex<[Int]>

    init(_ cuts: [Int]) { self.cuts = Mutex(cuts) }

    var next: Int? { cuts.withLock { $0.first } }

    /// - Returns: how many are left.
    func pass() -> Int {
        cuts.withLock { cuts in
            if !cuts.isEmpty { cuts.removeFirst() }
            return cuts.count
        }
    }
}
