import Foundation
public import SyncCore

/// A certificate as a file: JSON, every key, hash and signature in hexadecimal digits.
public struct CertificateFile: Codable, Sendable, Equatable {
    public struct Journal: Codable, Sendable, Equatable {
        public struct Receipt: Codable, Sendable, Equatable {
            public var sequence: UInt64
            public var head: String
            /// Milliseconds since 1970, by the hub's clock.
            public var time: Milliseconds
            public var epoch: String
            public var signature: String
        }

        /// `urgent` or `routine`.
        public var lane: String
        public var nonce: String
        /// For people: it follows from the device's key, the lane and the nonce.
        public var origin: String
        public var sequence: UInt64
        public var head: String
        public var receipt: Receipt?
    }

    /// What tells it from other files.
    public static let kind = "rollcall certificate 1"

    public var kind: String
    /// For people: the unit, and when it was made (UTC).
    public var unit: String
    public var made: String
    /// For people: records of which the hub held a version back when it was made; 0 where it says nothing.
    public var quarantined: UInt64?
    public var device: String
    public var hub: String
    /// Milliseconds since 1970.
    public var at: Milliseconds
    public var journals: [Journal]
    public var signature: String

    public init(_ certificate: Certificate, unit: String, quarantined: UInt64 = 0, hashing: Hashing) {
        kind = CertificateFile.kind
        self.unit = Output.printable(unit)
        made = RecordText.time(certificate.at)
        self.quarantined = quarantined == 0 ? nil : quarantined
        device = Hex.encode(certificate.device)
        hub = Hex.encode(certificate.hub.encoded)
        at = certificate.at
        signature = Hex.encode(certificate.signature)
        journals = certificate.journals.map { journal in
            Journal(
                lane: "\(journal.claim.lane)", nonce: Hex.encode(journal.claim.nonce.bytes),
                origin: RecordText.origin(certificate.origin(of: journal, hashing: hashing)),
                sequence: journal.sequence, head: Hex.encode(journal.head.bytes),
                receipt: journal.receipt.map {
                    Journal.Receipt(
                        sequence: $0.sequence, head: Hex.encode($0.head.bytes), time: $0.time,
                        epoch: Hex.encode(journal.epoch.bytes), signature: Hex.encode($0.signature))
                })
        }
    }

    /// What is larger is none: 1,000 journals take a quarter of it.
    public static let maximumBytes = 4 << 20

    /// Nil when it is none, or a part of it does not read.
    public static func read(_ bytes: [UInt8]) -> CertificateFile? {
        guard bytes.count <= maximumBytes,
            let file = try? JSONDecoder().decode(CertificateFile.self, from: Data(bytes)),
            file.kind.utf8.elementsEqual(kind.utf8)
        else { return nil }
        return file
    }

    public var bytes: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        }
    }

    /// Nil when a part of it does not read. Whether it holds is another question.
    public func certificate(hashing: Hashing) -> Certificate? {
        guard let device = Hex.decode(device), let hub = Hex.decode(hub).flatMap({ HubKeyring(encoded: $0) }),
            let signature = Hex.decode(signature)
        else { return nil }
        var read: [Certificate.Journal] = []
        for journal in journals {
            guard let journal = CertificateFile.journal(journal, of: device, hashing) else { return nil }
            read.append(journal)
        }
        return Certificate(device: device, hub: hub, at: at, journals: read, signature: signature)
    }

    private static func journal(
        _ journal: Journal, of device: [UInt8], _ hashing: Hashing
    ) -> Certificate.Journal? {
        let lane = Lane.allCases.first { "\($0)".utf8.elementsEqual(journal.lane.utf8) }
        guard let lane, let nonce = Hex.decode(journal.nonce).flatMap({ Token16(bytes: $0) }),
            let head = digest(journal.head)
        else { return nil }
        let claim = OriginClaim(lane: lane, nonce: nonce)
        var result = Certificate.Journal(
            claim: claim, sequence: journal.sequence, head: head, receipt: nil, epoch: .zero)
        guard let receipt = journal.receipt else { return result }
        guard let head = digest(receipt.head), let signature = Hex.decode(receipt.signature),
            let epoch = Hex.decode(receipt.epoch).flatMap({ Token16(bytes: $0) })
        else { return nil }
        result.epoch = epoch
        result.receipt = Receipt(
            origin: claim.derivation(publicKey: device, hashing: hashing).originID,
            sequence: receipt.sequence, head: head, time: receipt.time, signature: signature)
        return result
    }

    private static func digest(_ text: String) -> Digest? { Hex.decode(text).flatMap { Digest(bytes: $0) } }
}
