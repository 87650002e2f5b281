public import NIOCore

/// Hears what passes over connections, inside TLS. Calls come on the connections' event loops and must not
/// block for long.
public protocol StreamTap: Sendable {
    /// - Returns: what this connection is called in later calls.
    func opened() -> UInt64
    func passed(_ bytes: ByteBufferView, fromAgent: Bool, on connection: UInt64)
    /// - Parameter words: what is known about the reason.
    func closed(_ connection: UInt64, words: String?)
}

/// What is written down for whoever looks for a fault. All of it is off unless somebody asks.
public struct LinkDebugging: Sendable {
    public var tap: (any StreamTap)?
    /// Is given the secrets of each TLS connection, in the lines of the NSS key log format: who has them can
    /// read a recording of it.
    public var keyLog: (@Sendable ([UInt8]) -> Void)?

    public init(tap: (any StreamTap)? = nil, keyLog: (@Sendable ([UInt8]) -> Void)? = nil) {
        self.tap = tap
        self.keyLog = keyLog
    }
}

/// One link's way to the tap.
struct LinkTap {
    let tap: any StreamTap
    let connection: UInt64

    init(_ tap: any StreamTap) {
        self.tap = tap
        connection = tap.opened()
    }

    func passed(_ buffer: ByteBuffer, fromAgent: Bool) {
        tap.passed(buffer.readableBytesView, fromAgent: fromAgent, on: connection)
    }
}

/// What one connection of a hub came to.
public struct ConnectionEnd: Sendable, Hashable {
    /// Up is from the branch to the hub.
    public var statistics: LinkStatistics
    /// A refusal's number that either side said last; nil when the link broke without a word.
    public var code: UInt16?

    public init(statistics: LinkStatistics, code: UInt16?) {
        self.statistics = statistics
        self.code = code
    }
}

extension LinkStatistics {
    /// As the other side counts.
    var turned: LinkStatistics {
        var turned = self
        (turned.bytesUp, turned.bytesDown) = (bytesDown, bytesUp)
        return turned
    }
}
