import Crypto
import NIOCore
import NIOSSL
import SyncCore
import Synchronization

/// TLS 1.3 with both sides known by their keys. There are no authorities, no host names and no dates in it.
struct SecureLink: Sendable {
    static let applicationProtocol = "rollcall"

    let context: NIOSSLContext

    /// What verification found out about the other side's key.
    final class Peer: Sendable {
        private let state = Mutex<(key: [UInt8]?, isWrong: Bool)>((nil, false))

        /// X9.63.
        var publicKey: [UInt8]? { state.withLock { $0.key } }
        /// The key is not the one that was pinned.
        var isWrong: Bool { state.withLock { $0.isWrong } }

        func judge(_ chain: [NIOSSLCertificate], pinned: SyncCore.Digest?) -> NIOSSLVerificationResult {
            let key = chain.first.flatMap { BareCertificate.publicKey(of: $0) }
            let holds = key.map { pinned == nil || Hashing.sha256($0) == pinned } ?? false
            state.withLock { $0 = (key, !holds) }
            return holds ? .certificateVerified : .failed
        }
    }

    static func client(
        key: DeviceKey, certificate: NIOSSLCertificate? = nil, protocols: [String] = [applicationProtocol]
    ) throws -> SecureLink {
        let certificate = try certificate ?? BareCertificate.make(for: key)
        var configuration = TLSConfiguration.makeClientConfiguration()
        try configuration.harden(key: key, certificate: certificate, protocols: protocols)
        return SecureLink(context: try NIOSSLContext(configuration: configuration))
    }

    static func server(key: DeviceKey, certificate: NIOSSLCertificate? = nil) throws -> SecureLink {
        let certificate = try certificate ?? BareCertificate.make(for: key)
        let privateKey = try NIOSSLPrivateKey(
            bytes: Array(key.privateKey.derRepresentation), format: .der)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)], privateKey: .privateKey(privateKey))
        try configuration.harden(key: key, certificate: certificate, protocols: [applicationProtocol])
        return SecureLink(context: try NIOSSLContext(configuration: configuration))
    }

    func clientHandler(pinned: SyncCore.Digest, peer: Peer) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(
            context: context, serverHostname: nil,
            customVerificationCallback: { chain, promise in promise.succeed(peer.judge(chain, pinned: pinned))
            })
    }

    /// Lets any P-256 key through: the hub judges it at Hello, where a refusal has a code.
    func serverHandler(peer: Peer) -> NIOSSLServerHandler {
        NIOSSLServerHandler(
            context: context,
            customVerificationCallback: { chain, promise in promise.succeed(peer.judge(chain, pinned: nil)) })
    }
}

extension TLSConfiguration {
    /// `.noHostnameVerification` is what makes the custom callback run at all.
    fileprivate mutating func harden(
        key: DeviceKey, certificate: NIOSSLCertificate, protocols: [String]
    ) throws {
        minimumTLSVersion = .tlsv13
        certificateVerification = .noHostnameVerification
        // Nobody's authority counts; by default each context would read the system's whole list.
        trustRoots = .certificates([])
        curves = [.x25519]
        applicationProtocols = protocols
        certificateChain = [.certificate(certificate)]
        privateKey = .privateKey(
            try NIOSSLPrivateKey(bytes: Array(key.privateKey.derRepresentation), format: .der))
    }
}
