public import SyncCore

/// A proof as a file. It needs no checksum: whoever checks it finds every byte that is not as it was.
public enum ProofFile {
    private static let mark: [UInt8] = Array("RCPROOF1".utf8)
    /// Bytes of a public key (X9.63).
    private static let keyBytes = 65

    /// Whether bytes begin as a proof does.
    public static func isOne(_ bytes: [UInt8]) -> Bool { bytes.starts(with: mark) }

    public static func encode(_ proof: Proof) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(raw: mark)
        writer.put(counted: proof.hubKeys.encoded)
        writer.put(count: proof.stretches.count)
        for stretch in proof.stretches { put(stretch, into: &writer) }
        return writer.bytes
    }

    private static func put(_ stretch: Proof.Stretch, into writer: inout ByteWriter) {
        writer.put(raw: stretch.publicKey)
        writer.put(stretch.claim.lane.rawValue)
        writer.put(stretch.claim.nonce)
        writer.put(varint: stretch.first)
        writer.put(stretch.headBefore)
        writer.put(count: stretch.entries.count)
        for entry in stretch.entries {
            writer.put(entry.digest)
            writer.put(entry.preimage == nil ? 0 : 1)
            guard let preimage = entry.preimage else { continue }
            writer.put(counted: preimage.body)
            writer.put(count: preimage.classes.count)
            for part in preimage.classes {
                writer.put(part.retentionClass)
                writer.put(counted: part.bytes)
            }
        }
        writer.put(count: stretch.marks.count)
        for mark in stretch.marks {
            writer.put(counted: mark.seal)
            writer.put(mark.receipt)
            writer.put(mark.epoch)
        }
    }

    /// - Throws: ``WireError`` when the bytes are not what ``encode(_:)`` writes, all of it.
    public static func decode(_ bytes: [UInt8]) throws(WireError) -> Proof {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> Proof in
            var reader = ByteReader(buffer)
            guard buffer.starts(with: mark) else { throw reader.error(.notCanonical, .message) }
            _ = try reader.take(mark.count, .message)
            guard let keys = HubKeyring(encoded: try reader.counted(upTo: HubKeyring.mostBytes, .message))
            else {
                throw reader.error(.notCanonical, .message)
            }
            var stretches: [Proof.Stretch] = []
            for _ in 0..<(try reader.number(upTo: reader.remaining / 150, .message)) {
                stretches.append(try stretch(&reader))
            }
            try reader.end(.message)
            return Proof(hubKeys: keys, stretches: stretches)
        }
    }

    private static func stretch(_ reader: inout ByteReader) throws(WireError) -> Proof.Stretch {
        let key = Array(try reader.take(keyBytes, .message))
        guard let lane = Lane(rawValue: try reader.byte(.message)) else {
            throw reader.error(.outOfRange, .message)
        }
        let claim = OriginClaim(lane: lane, nonce: try reader.token(.message))
        let first = try reader.sequence()
        let before = try reader.digest(.message)
        var entries: [Proof.Entry] = []
        for _ in 0..<(try reader.number(upTo: reader.remaining / 33, .message)) {
            let digest = try reader.digest(.message)
            entries.append(
                Proof.Entry(digest: digest, preimage: try reader.flag() ? try preimage(&reader) : nil))
        }
        var marks: [Proof.Mark] = []
        for _ in 0..<(try reader.number(upTo: reader.remaining / 60, .message)) {
            marks.append(
                Proof.Mark(
                    seal: try reader.signature(), receipt: try reader.receipt(),
                    epoch: try reader.token(.message)))
        }
        return Proof.Stretch(
            publicKey: key, claim: claim, first: first, headBefore: before, entries: entries, marks: marks)
    }

    private static func preimage(_ reader: inout ByteReader) throws(WireError) -> VersionPreimage {
        let body = try reader.counted(upTo: reader.remaining, .message)
        var classes: [VersionPreimage.Class] = []
        for _ in 0..<(try reader.number(upTo: 255, .message)) {
            classes.append(
                VersionPreimage.Class(
                    retentionClass: try reader.byte(.message),
                    bytes: try reader.counted(upTo: reader.remaining, .message)))
        }
        return VersionPreimage(body: body, classes: classes)
    }
}
