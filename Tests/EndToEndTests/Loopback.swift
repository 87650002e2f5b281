import Foundation
import Glibc
import Synchronization

/// Sockets on 127.0.0.1.
enum Loopback {
    struct Failed: Error {
        var call: String
        var number = errno
    }

    /// Where the search for a port goes on; below the ports that the system gives to whoever connects.
    private static let nextPort = Mutex(UInt16.random(in: 15_000...24_000))

    /// A port that nobody has, and that no other test of this process gets.
    static func freePort() throws -> UInt16 {
        for _ in 0..<200 {
            let port = nextPort.withLock { next in
                next += 1
                return next
            }
            guard let listener = try? listen(port: port) else { continue }
            Glibc.close(listener.descriptor)
            return port
        }
        throw Failed(call: "bind")
    }

    static func listen(port: UInt16) throws -> (descriptor: Int32, port: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw Failed(call: "socket") }
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = address(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withSocketAddress(&address) { bind(listener, $0, size) == 0 }
        guard isBound, Glibc.listen(listener, 16) == 0 else {
            Glibc.close(listener)
            throw Failed(call: "bind")
        }
        _ = withSocketAddress(&address) { getsockname(listener, $0, &size) }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    /// A connection; nil when nobody listens.
    static func connect(port: UInt16) -> Int32? {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard withSocketAddress(&address, { Glibc.connect(connection, $0, size) == 0 }) else {
            Glibc.close(connection)
            return nil
        }
        return connection
    }

    /// Closes so that the peer sees a reset, as with a link that breaks.
    static func reset(_ connection: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(connection)
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withSocketAddress<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}

/// Carries connections to a port, and breaks them where it is told to.
final class CuttingProxy: Sendable {
    enum Way: Int, Sendable { case up, down }

    struct Cut: Sendable, Hashable {
        var way: Way
        /// Bytes of that way that still get through.
        var after: Int
        /// With a reset, or with an orderly end.
        var isReset: Bool
        /// Nothing breaks, but nothing more of that way gets through.
        var isStall = false
    }

    private struct State {
        var cuts: [Cut] = []
        var chooses: (@Sendable () -> Cut?)?
        var done = 0
        var carrying = 0
        var target: UInt16
    }

    let port: UInt16
    private let listener: Int32
    private let state: Mutex<State>

    init(to target: UInt16) throws {
        (listener, port) = try Loopback.listen(port: 0)
        state = Mutex(State(target: target))
        Thread.detachNewThread { [self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread { [self] in serve(client) }
            }
        }
    }

    /// Nobody is accepted any more.
    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    /// The next connections are cut there, one each.
    func plan(_ cuts: [Cut]) {
        state.withLock { state in
            state.cuts = cuts
            state.chooses = nil
        }
    }

    /// Asked for each connection whether and where it is cut.
    func plan(_ chooses: @escaping @Sendable () -> Cut?) { state.withLock { $0.chooses = chooses } }

    /// Later connections go to another port.
    func redirect(to port: UInt16) { state.withLock { $0.target = port } }

    /// Connections that stand at the moment.
    var carrying: Int { state.withLock { $0.carrying } }
    /// Cuts that have happened.
    var done: Int { state.withLock { $0.done } }
    /// Cuts that no connection has met with.
    var left: Int { state.withLock { $0.cuts.count } }

    private func serve(_ client: Int32) {
        let target = state.withLock { $0.target }
        guard let server = Loopback.connect(port: target) else { return Loopback.reset(client) }
        state.withLock { $0.carrying += 1 }
        defer { state.withLock { $0.carrying -= 1 } }
        let cut = state.withLock { state in
            if let chooses = state.chooses { return chooses() }
            return state.cuts.isEmpty ? nil : state.cuts.removeFirst()
        }
        if carry([client, server], cut) { state.withLock { $0.done += 1 } }
        for end in [client, server] {
            if cut?.isReset ?? false { Loopback.reset(end) } else { Glibc.close(end) }
        }
    }

    /// True when the cut was reached.
    private func carry(_ ends: [Int32], _ cut: Cut?) -> Bool {
        var waiting = ends.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var sent = [0, 0]
        while true {
            guard poll(&waiting, 2, -1) > 0 else { return false }
            for side in 0...1 where waiting[side].revents != 0 {
                var room = buffer.count
                if let cut, cut.way.rawValue == side { room = min(room, cut.after - sent[side]) }
                let count = read(ends[side], &buffer, room)
                guard count > 0, write(buffer, count, to: ends[1 - side]) else { return false }
                sent[side] += count
                if let cut, cut.way.rawValue == side, sent[side] >= cut.after {
                    guard cut.isStall else { return true }
                    waiting[side].events = 0
                }
            }
        }
    }

    private func write(_ buffer: [UInt8], _ count: Int, to descriptor: Int32) -> Bool {
        var done = 0
        while done < count {
            let written = buffer.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress.map { $0 + done }, count - done,
                    Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else { return false }
            done += written
        }
        return true
    }
}
