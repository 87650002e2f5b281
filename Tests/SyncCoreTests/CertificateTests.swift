import Testing

@testable import SyncCore

/// A certificate is believed as far as its signatures hold, and no further.
@Suite struct CertificateTests {
    private static let hashing = Hashing { bytes in
        var word: UInt64 = 14_695_981_039_346_656_037
        for byte in bytes { word = (word ^ UInt64(byte)) &* 1_099_511_628_211 }
        let part = Canonical.bigEndian(word)
        return Digest(bytes: part + part + part + part) ?? .zero
    }
    private static let verifying = Verifying { message, signature, key in sign(message, key) == signature }

    private static func sign(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        hashing(key + message).bytes + hashing(message + key).bytes
    }

    private static let device: [UInt8] = [4, 1]
    private static let hub: [UInt8] = [4, 2]
    private static let epoch = Token16(high: 1, low: 2)

    /// Three versions in the routine lane, none in the urgent one.
    private static func certificate(receipt reach: UInt64 = 3) -> Certificate {
        let routine = OriginClaim(lane: .routine, nonce: Token16(high: 5, low: 6))
        let head = hashing([9])
        var receipt = Receipt(
            origin: routine.derivation(publicKey: device, hashing: hashing).originID, sequence: reach,
            head: reach == 3 ? head : hashing([8]))
        receipt.signature = sign(receipt.statement(hub: hashing(hub), epoch: epoch), hub)
        let urgent = OriginClaim(lane: .urgent, nonce: Token16(high: 3, low: 4))
        var certificate = Certificate(
            device: device, hub: HubKeyring(first: hub), at: 1_000,
            journals: [
                Certificate.Journal(
                    claim: urgent, sequence: 0,
                    head: urgent.derivation(publicKey: device, hashing: hashing), receipt: nil, epoch: .zero),
                Certificate.Journal(claim: routine, sequence: 3, head: head, receipt: receipt, epoch: epoch),
            ])
        certificate.signature = sign(certificate.statement(hashing: hashing), device)
        return certificate
    }

    private static func defects(_ change: (inout Certificate) -> Void) -> [Certificate.Defect] {
        var certificate = certificate()
        change(&certificate)
        return certificate.defects(hashing: hashing, verifying: verifying)
    }

    /// As a forger with the device's key would.
    private static func resigned(_ change: (inout Certificate) -> Void) -> [Certificate.Defect] {
        defects { certificate in
            change(&certificate)
            certificate.signature = sign(certificate.statement(hashing: hashing), device)
        }
    }

    @Test func holdsAsItWasMade() {
        #expect(Self.defects { _ in }.isEmpty)
        #expect(Self.certificate().journals.map(\.unsigned) == [0, 0])
        let partly = Self.certificate(receipt: 2)
        #expect(partly.journals.map(\.unsigned) == [0, 1])
        #expect(partly.defects(hashing: Self.hashing, verifying: Self.verifying).isEmpty)
    }

    @Test func nothingInItCanBeChanged() {
        #expect(Self.defects { $0.at += 1 } == [.signature])
        #expect(Self.defects { $0.journals.removeFirst() } == [.signature])
        #expect(Self.defects { $0.journals.swapAt(0, 1) } == [.signature])
        #expect(Self.defects { $0.signature[0] ^= 1 } == [.signature])
        #expect(Self.defects { $0.journals[0].sequence = 1 } == [.signature])
        #expect(!Self.defects { $0.hub = HubKeyring(first: [4, 3]) }.isEmpty)
        #expect(!Self.defects { $0.device = [4, 3] }.isEmpty)
    }

    @Test func notEvenByItsDevice() {
        let certificate = Self.certificate()
        let origin = certificate.origin(of: certificate.journals[1], hashing: Self.hashing)
        #expect(
            Self.resigned { $0.journals[1].receipt?.sequence = 2 } == [.receipt(origin)])
        #expect(
            Self.resigned { $0.journals[1].head = Self.hashing([7]) } == [.otherJournal(origin)])
        #expect(Self.resigned { $0.journals[1].sequence = 2 } == [.otherJournal(origin)])
        #expect(Self.resigned { $0.journals[1].epoch = .zero } == [.receipt(origin)])
        #expect(Self.resigned { $0.journals[1].receipt?.signature[5] ^= 1 } == [.receipt(origin)])
        // The receipt of one lane for the other.
        let moved = Self.resigned { certificate in
            certificate.journals[0].receipt = certificate.journals[1].receipt
            certificate.journals[0].epoch = certificate.journals[1].epoch
        }
        #expect(moved.count == 1, "\(moved)")
    }
}
