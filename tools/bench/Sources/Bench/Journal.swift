import SyncCore
import SyncTransport
import SyncWire
import Synchronization

/// The routine journal of a device that keeps nothing but the bytes of its batches.
struct Journal {
    let key: DeviceKey
    let claim: OriginClaim
    let origin: OriginID
    private(set) var sequence: UInt64 = 0
    private(set) var head: Digest
    /// Everything that was appended, in order.
    private(set) var batches: [VersionBatch] = []
    /// The chain's heads in each of them.
    private var heads: [[Digest]] = []
    /// The chain's head before each of them.
    private var starts: [Digest] = []
    private var lastHeads: [Digest] = []
    private var salts: [SaltGrant] = []
    private let chain = JournalChain(hashing: .sha256)
    private let cuts = Cuts()

    /// A seal every so many rows is about one every 64 KiB of canonical bytes.
    static let rowsASeal = 250

    init(_ key: DeviceKey, lane: Lane = .routine, nonce: Token16 = Token16(high: 1, low: 2)) {
        self.key = key
        claim = OriginClaim(lane: lane, nonce: nonce)
        let derivation = claim.derivation(publicKey: key.publicKey, hashing: .sha256)
        origin = derivation.originID
        head = derivation
    }

    var encodedBytes: Int { batches.reduce(0) { $0 + $1.encodedRows.count } }

    /// One more batch, sealed at its end.
    mutating func append(_ rows: VersionColumns) throws {
        starts.append(head)
        batches.append(try next(rows))
        heads.append(lastHeads)
    }

    /// What follows `sequence`, no more than is asked for; nil when nothing does.
    ///
    /// - Precondition: all batches are of the same size, but the last.
    func batch(after sequence: UInt64, maximumVersions: Int, maximumBytes: Int) -> VersionBatch? {
        guard let size = batches.first?.count, size > 0, Int(sequence) / size < batches.count else {
            return nil
        }
        let number = Int(sequence) / size
        let whole = batches[number]
        let start = Int(sequence) - number * size
        let each = whole.encodedRows.count / whole.count + 1
        let count = min(whole.count - start, max(1, min(maximumVersions, maximumBytes / each)))
        if start == 0, count == whole.count { return whole }
        return cuts.part((sequence + 1)...(sequence + UInt64(count))) {
            part(of: number, start..<(start + count), after: sequence)
        }
    }

    private func part(of number: Int, _ place: Range<Int>, after sequence: UInt64) -> VersionBatch {
        let whole = batches[number]
        let rows = VersionColumns(place.map { whole.version(at: $0) })
        let range = (sequence + 1)...(sequence + UInt64(place.count))
        return VersionBatch(
            origin: origin, first: range.lowerBound,
            headBefore: place.lowerBound == 0 ? starts[number] : heads[number][place.lowerBound - 1],
            headAfter: heads[number][place.upperBound - 1],
            salts: place.lowerBound == 0 ? whole.salts : [],
            seals: whole.seals.filter { range.contains($0.sequence) }, rows: rows,
            encodedRows: RowsCodec.encode(rows))
    }

    /// The next batch, which is not kept.
    mutating func next(_ rows: VersionColumns) throws -> VersionBatch {
        var fresh: [SaltGrant] = []
        for (day, wanted, _) in JournalChain.saltsNeeded(rows)
        where !salts.contains(where: { $0.day == day && $0.retentionClass == wanted }) {
            fresh.append(
                SaltGrant(
                    day: day, retentionClass: wanted, salt: Token16(high: UInt64(day), low: UInt64(wanted))))
        }
        salts += fresh
        let known = salts
        let first = sequence + 1
        let walk = try chain.walk(rows, origin: origin, first: first, from: head) { day, wanted in
            known.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        let signing = Signing(key)
        var sealed = Array(stride(from: Journal.rowsASeal - 1, to: rows.count, by: Journal.rowsASeal))
        if sealed.last != rows.count - 1 { sealed.append(rows.count - 1) }
        let origin = origin
        let seals = try sealed.map { row in
            let statement = SealStatement.bytes(
                origin: origin, sequence: first + UInt64(row), head: walk.heads[row])
            return Seal(sequence: first + UInt64(row), signature: try signing.sign(statement))
        }
        let after = walk.heads.last ?? head
        let batch = VersionBatch(
            origin: origin, first: first, headBefore: head, headAfter: after, salts: fresh, seals: seals,
            rows: rows, encodedRows: RowsCodec.encode(rows))
        head = after
        lastHeads = walk.heads
        sequence += UInt64(rows.count)
        return batch
    }
}

/// Parts of batches that a session has asked for. They are made once: a queue's batches are ready before a
/// clock runs, as the peers' are, and the first run, which is not counted, asks for most of them.
private final class Cuts: Sendable {
    private let made = Mutex<[ClosedRange<UInt64>: VersionBatch]>([:])

    func part(_ range: ClosedRange<UInt64>, _ make: () -> VersionBatch) -> VersionBatch {
        if let known = made.withLock({ $0[range] }) { return known }
        let part = make()
        made.withLock { $0[range] = part }
        return part
    }
}
