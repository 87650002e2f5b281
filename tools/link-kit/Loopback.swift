import Glibc
import Synchronization

/// Sockets on 127.0.0.1.
public enum Loopback {
    public struct Failed: Error, CustomStringConvertible {
        public var call: String
        public var number = errno

        public var description: String { "\(call): \(String(cString: strerror(number)))" }
    }

    /// Where the search for a port goes on; below the ports that the system gives to whoever connects.
    private static let nextPort = Mutex(UInt16.random(in: 15_000...24_000))

    /// A port that nobody has, and that nobody else of this process gets.
    public static func freePort() throws -> UInt16 {
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

    /// - Parameter buffer: bytes that may wait unread in a connection that is accepted; nil as is usual.
    public static func listen(
        port: UInt16, buffer: Int? = nil
    ) throws -> (descriptor: Int32, port: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw Failed(call: "socket") }
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if let buffer { bound(listener, to: buffer) }
        var address = address(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withSocketAddress(&address) { bind(listener, $0, size) == 0 }
        guard isBound, Glibc.listen(listener, 16) == 0 else {
            let failed = Failed(call: "bind")
            Glibc.close(listener)
            throw failed
        }
        _ = withSocketAddress(&address) { getsockname(listener, $0, &size) }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    /// A connection; nil when nobody listens.
    public static func connect(port: UInt16, buffer: Int? = nil) -> Int32? {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if let buffer { bound(connection, to: buffer) }
        var address = address(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard withSocketAddress(&address, { Glibc.connect(connection, $0, size) == 0 }) else {
            Glibc.close(connection)
            return nil
        }
        return connection
    }

    /// Closes so that the peer sees a reset, as with a link that breaks.
    public static func reset(_ connection: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(connection)
    }

    /// Says to both that nothing more comes, and waits for their ends: whoever has read everything ends as
    /// well. At most half a minute, for those who do not.
    static func finish(_ connections: [Int32]) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        for connection in connections { shutdown(connection, Int32(SHUT_WR)) }
        for connection in connections {
            var waiting = [pollfd(fd: connection, events: Int16(POLLIN), revents: 0)]
            while poll(&waiting, 1, 30_000) > 0, read(connection, &buffer, buffer.count) > 0 {}
        }
    }

    /// Sends at once, and reads and writes without waiting.
    static func prepare(_ connection: Int32) {
        var on: Int32 = 1
        setsockopt(
            connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) | O_NONBLOCK)
    }

    private static func bound(_ descriptor: Int32, to bytes: Int) {
        var size = Int32(clamping: bytes)
        for option in [SO_RCVBUF, SO_SNDBUF] {
            setsockopt(descriptor, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
        }
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
