import Foundation

#if canImport(Glibc)
    import Glibc
    private let stream = Int32(SOCK_STREAM.rawValue)
#elseif canImport(Musl)
    import Musl
    private let stream = SOCK_STREAM
#elseif canImport(Darwin)
    import Darwin
    private let stream = SOCK_STREAM
#endif

struct LinkError: Error, CustomStringConvertible {
    var description: String

    init(_ what: String) {
        description = "\(what): \(String(cString: strerror(errno)))"
    }
}

private func withLoopback<Result>(
    port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A listening socket on 127.0.0.1.
func listenOnLoopback(port: UInt16) throws -> Int32 {
    let listener = socket(AF_INET, stream, 0)
    guard listener >= 0 else { throw LinkError("socket") }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard withLoopback(port: port, { bind(listener, $0, $1) }) == 0 else { throw LinkError("bind") }
    guard listen(listener, 16) == 0 else { throw LinkError("listen") }
    return listener
}

/// A connection to 127.0.0.1; nil when nobody listens there.
func connectToLoopback(port: UInt16) throws -> Int32? {
    let connection = socket(AF_INET, stream, 0)
    guard connection >= 0 else { throw LinkError("socket") }
    guard withLoopback(port: port, { connect(connection, $0, $1) }) == 0 else {
        close(connection)
        return nil
    }
    return connection
}

/// Closes so that the peer sees a reset, as with a link that breaks.
func reset(_ connection: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close(connection)
}

/// Carries bytes both ways until one side ends, or until `limit` bytes have gone up; says how many went up.
func carry(client: Int32, server: Int32, limit: Int?) -> (sent: Int, wasCut: Bool) {
    var sent = 0
    var waiting = [
        pollfd(fd: client, events: Int16(POLLIN), revents: 0),
        pollfd(fd: server, events: Int16(POLLIN), revents: 0),
    ]
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
        guard poll(&waiting, 2, -1) > 0 || errno == EINTR else { return (sent, false) }
        for side in 0...1 where waiting[side].revents != 0 {
            var room = buffer.count
            if side == 0, let limit { room = min(room, limit - sent) }
            let count = read(waiting[side].fd, &buffer, room)
            guard count > 0, writeAll(buffer, count, to: waiting[1 - side].fd) else { return (sent, false) }
            guard side == 0 else { continue }
            sent += count
            if let limit, sent >= limit { return (sent, true) }
        }
    }
}

private func writeAll(_ buffer: [UInt8], _ count: Int, to descriptor: Int32) -> Bool {
    buffer.withUnsafeBytes { bytes in
        var done = 0
        while done < count {
            let written = write(descriptor, bytes.baseAddress.map { $0 + done }, count - done)
            guard written > 0 else { return false }
            done += written
        }
        return true
    }
}
