import Synchronization

/// How much of frames a listener has in memory at a time, of all its connections together: what waits for the
/// rest of its frame, and what was decoded and waits for the store.
final class FrameBudget: Sendable {
    /// Up to so many bytes a connection may have of a frame that has not come to its end, however many others
    /// do.
    static let small = 64 << 10

    private struct State {
        var inWork = 0
        var begun = 0
        /// Connections that decode nothing before there is room, and how to tell them.
        var hungry: [UInt64: @Sendable () -> Void] = [:]
    }

    private let limits: HubLimits
    private let state = Mutex(State())

    init(limits: HubLimits) { self.limits = limits }

    /// Decoded, and not taken by the store yet.
    var bytesInWork: Int { state.withLock { $0.inWork } }

    /// Whether one more frame may be decoded.
    ///
    /// - Parameter whenRoom: called once when it may, where it may not now.
    func mayDecode(_ number: UInt64, whenRoom: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.inWork < limits.bytesInWork { return true }
            state.hungry[number] = whenRoom
            return false
        }
    }

    func take(_ bytes: Int) { state.withLock { $0.inWork += bytes } }

    func give(_ bytes: Int) {
        let hungry = state.withLock { state -> [@Sendable () -> Void] in
            state.inWork -= bytes
            guard state.inWork < limits.bytesInWork else { return [] }
            defer { state.hungry = [:] }
            return state.hungry.sorted { $0.key < $1.key }.map(\.value)
        }
        for tell in hungry { tell() }
    }

    func forget(_ number: UInt64) { state.withLock { $0.hungry[number] = nil } }

    /// A connection has so many bytes more, or with a minus fewer, of a frame whose rest has not come.
    ///
    /// - Returns: false when that is more than is kept of all.
    func begun(_ change: Int) -> Bool {
        state.withLock { state in
            state.begun += change
            return state.begun <= limits.bytesBegun
        }
    }
}
