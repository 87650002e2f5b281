import Crypto
import NIOCore
import NIOSSL
public import SyncCore
import Synchronization

/// Whom an agent talks to.
public enum HubPin: Sendable, Hashable {
    /// Who has the key with this SHA-256.
    case key(SyncCore.Digest)
    /// Who has the present one of these keys, or a later one that they have blessed.
    case keys(HubKeyring)
}

/// TLS 1.3 with both sides known by their keys. There are no authorities, no host names and no dates in it.
struct SecureLink: Sendable {
    static let applicationProtocol = "rollcall"

    let context: NIOSSLContext

    /// What verification found out about the other side's key.
    final class Peer: Sendable {
        private struct State {
            var key: [UInt8]?
            var keys: HubKeyring?
            var defect: TransportError?
        }

        private let state = Mutex(State())

        /// X9.63.
        var publicKey: [UInt8]? { state.withLock { $0.key } }
        /// Of a hub: all that it has had, as it may show them; nil where it showed nothing to be believed.
        var hubKeys: HubKeyring? { state.withLock { $0.keys } }
        /// Why the key is not one to be talked to.
        var defect: TransportError? { state.withLock { $0.defect } }

        func judge(_ chain: [NIOSSLCertificate], _ pin: HubPin?) -> NIOSSLVerificationResult {
            var found = State()
            if let shown = chain.first.flatMap(BareCertificate.read) {
                found.key = shown.publicKey
                if let pin { judge(shown.publicKey, shown.hubKeys, pin, &found) }
            } else {
                found.defect = .wrongHubKey
            }
            state.withLock { $0 = found }
            return found.defect == nil ? .certificateVerified : .failed
        }

        private func judge(_ key: [UInt8], _ shown: HubKeyring?, _ pin: HubPin, _ found: inout State) {
            let holds = shown.map { $0.current == key && $0.holds(.sha256, .p256) } ?? false
            switch pin {
            case .key(let digest):
                found.keys = holds ? shown : HubKeyring(first: key)
                if Hashing.sha256(key) != digest { found.defect = .wrongHubKey }
            case .keys(let known):
                if holds, let shown, shown.replaces(known) {
                    found.keys = shown
                } else if key == known.current {
                    found.keys = known
                } else {
                    // Another hub shows its own, or nothing; this one would show what goes on from its first.
                    found.defect = shown?.first == known.first ? .forgedHubKey : .wrongHubKey
                }
            }
        }
    }

    static func client(
        key: DeviceKey, certificate: NIOSSLCertificate? = nil, protocols: [String] = [applicationProtocol],
        keyLog: (@Sendable ([UInt8]) -> Void)? = nil
    ) throws -> SecureLink {
        let certificate = try certificate ?? BareCertificate.make(for: key)
        var configuration = TLSConfiguration.makeClientConfiguration()
        try configuration.harden(key: key, certificate: certificate, protocols: protocols, keyLog: keyLog)
        return SecureLink(context: try NIOSSLContext(configuration: configuration))
    }

    static func server(
        key: DeviceKey, keys: HubKeyring? = nil, certificate: NIOSSLCertificate? = nil,
        keyLog: (@Sendable ([UInt8]) -> Void)? = nil
    ) throws -> SecureLink {
        let certificate = try certificate ?? BareCertificate.make(for: key, keys: keys)
        let privateKey = try NIOSSLPrivateKey(
            bytes: Array(key.privateKey.derRepresentation), format: .der)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)], privateKey: .privateKey(privateKey))
        try configuration.harden(
            key: key, certificate: certificate, protocols: [applicationProtocol], keyLog: keyLog)
        return SecureLink(context: try NIOSSLContext(configuration: configuration))
    }

    func clientHandler(pinned: HubPin, peer: Peer) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(
            context: context, serverHostname: nil,
            customVerificationCallback: { chain, promise in promise.succeed(peer.judge(chain, pinned))
            })
    }

    /// Lets any P-256 key through: the hub judges it at Hello, where a refusal has a code.
    func serverHandler(peer: Peer) -> NIOSSLServerHandler {
        NIOSSLServerHandler(
            context: context,
            customVerificationCallback: { chain, promise in promise.succeed(peer.judge(chain, nil)) })
    }
}

extension TLSConfiguration {
    /// `.noHostnameVerification` is what makes the custom callback run at all.
    fileprivate mutating func harden(
        key: DeviceKey, certificate: NIOSSLCertificate, protocols: [String],
        keyLog: (@Sendable ([UInt8]) -> Void)?
    ) throws {
        if let keyLog { keyLogCallback = { keyLog(Array($0.readableBytesView)) } }
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
