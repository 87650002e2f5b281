import SyncCore
import Testing

@testable import SyncTransport
@testable import SyncWire

/// Every limit that an agent can reach by wire: a real hub takes what is at the limit and refuses one above.
/// And contexts that are not as they must be.
///
/// Only a hub sends `reasonBytes`, `settingsBytes`, `formDefinitionBytes`, `feedItems`: ``FalseHubTests``.
/// `framePayload`, `frameInflated`, `frameBeforeWelcome` have ``HostileFrameTests``, `siblings` has
/// ``HostileBatchTests``. Nobody refuses a `sealInterval`.
@Suite(.timeLimit(.minutes(8))) struct HostileLimitTests {
    /// Rows without a key or a field.
    static func rows(_ count: Int, groups: Int = 1) -> VersionColumns {
        var rows = VersionColumns()
        let zeros = [UInt32](repeating: 0, count: count)
        rows.authored = [Milliseconds](repeating: 0, count: count)
        rows.stated = rows.authored
        rows.firstCreated = rows.authored
        rows.flags = [UInt8](repeating: 0, count: count)
        rows.authors = [[]]
        (rows.author, rows.context, rows.place) = (zeros, zeros, zeros)
        rows.group = (0..<UInt32(count)).map { $0 % UInt32(groups) }
        for group in 0..<UInt32(groups) {
            let own = (0..<UInt32(count)).filter { $0 % UInt32(groups) == group }
            for (place, row) in own.enumerated() { rows.place[Int(row)] = UInt32(place) }
            rows.groups.append(
                FormGroup(form: "nonsense\(group)", revision: 1, rows: own, keys: [], fields: []))
        }
        return rows
    }

    private static func columns(_ count: Int, of rows: Int) -> [Column] {
        (1...count).map { field in
            var column = Column(field: FieldID(field), kind: .integer)
            column.integers = [Int64](repeating: 0, count: rows)
            return column
        }
    }

    private static func text(_ bytes: Int, field: FieldID) -> Column {
        var column = Column(field: field, kind: .text)
        column.index = [0]
        column.ends = [UInt32(bytes)]
        column.heap = [UInt8](repeating: 0x61, count: bytes)
        return column
    }

    typealias Made = (name: String, code: RefusalCode, make: (Int) -> VersionBatch)

    /// Batches by how much they hold above the limit. They follow on no head: what can be read is a fork.
    static func batches(_ origin: OriginID) -> [Made] { counts(origin) + sizes(origin) + sums(origin) }

    private static func batch(
        _ origin: OriginID, _ rows: VersionColumns, first: UInt64 = 1
    ) -> VersionBatch {
        VersionBatch(
            origin: origin, first: first, headBefore: .zero, headAfter: .zero, salts: [], seals: [],
            rows: rows)
    }

    private static func changed(
        _ origin: OriginID, _ count: Int = 1, _ change: (inout VersionColumns) -> Void
    ) -> VersionBatch {
        var rows = rows(count)
        change(&rows)
        return batch(origin, rows)
    }

    private static func counts(_ origin: OriginID) -> [Made] {
        let signature = [UInt8](repeating: 1, count: Limits.signatureBytes)
        return [
            ("batchVersions", .limitExceeded, { batch(origin, rows(Limits.batchVersions + $0)) }),
            ("batchGroups", .limitExceeded, { batch(origin, rows(100, groups: Limits.batchGroups + $0)) }),
            (
                "groupKeys", .limitExceeded,
                { above in changed(origin) { $0.groups[0].keys = columns(Limits.groupKeys + above, of: 1) } }
            ),
            (
                "groupFields", .limitExceeded,
                { above in
                    changed(origin) { $0.groups[0].fields = columns(Limits.groupFields + above, of: 1) }
                }
            ),
            (
                "batchCells", .limitExceeded,
                { above in
                    changed(origin, Limits.batchVersions) {
                        let count = Limits.batchCells / Limits.batchVersions + above
                        $0.groups[0].fields = columns(count, of: Limits.batchVersions)
                    }
                }
            ),
            (
                "batchSalts", .limitExceeded,
                { above in
                    var batch = batch(origin, rows(1))
                    batch.salts = (0..<Int32(Limits.batchSalts + above)).map {
                        SaltGrant(day: $0, retentionClass: 0, salt: .zero)
                    }
                    return batch
                }
            ),
            (
                "batchSeals", .limitExceeded,
                { above in
                    var batch = batch(origin, rows(300))
                    batch.seals = (1...UInt64(Limits.batchSeals + above)).map {
                        Seal(sequence: $0, signature: signature)
                    }
                    return batch
                }
            ),
        ]
    }

    private static func context(_ entries: Int) -> Context {
        var context = Context()
        for origin in 1...UInt64(entries) { context.includePrefix(Dot(origin: origin, sequence: 1)) }
        return context
    }

    /// A text column whose entries a batch writes as numbers.
    private static func numbered(
        _ entries: Int, of bytes: Int, rows: Int, field: FieldID
    ) -> Column {
        var column = Column(field: field, kind: .text)
        column.index = (0..<UInt32(rows)).map { $0 % UInt32(entries) }
        for entry in 1...entries {
            let digits = Array(String(100_000 + entry).utf8)
            column.heap += [UInt8](repeating: 0x7a, count: bytes - digits.count) + digits
            column.ends.append(UInt32(column.heap.count))
        }
        return column
    }

    /// What a whole batch may come to.
    private static func sums(_ origin: OriginID) -> [Made] {
        [
            (
                "batchContexts", .limitExceeded,
                { above in
                    changed(origin, Limits.batchVersions) {
                        $0.contexts += Array(repeating: context(1), count: Limits.batchContexts + above)
                        $0.context = (1...UInt32(Limits.batchVersions)).map { $0 }
                    }
                }
            ),
            (
                "batchContextEntries", .limitExceeded,
                { above in
                    let full = Limits.batchContextEntries / Limits.contextEntries
                    return changed(origin, full + 1) {
                        $0.contexts += Array(repeating: context(Limits.contextEntries), count: full)
                        if above > 0 { $0.contexts.append(context(above)) }
                        $0.context = (0...UInt32(full)).map { $0 }
                    }
                }
            ),
            // 8,191 entries of 512 bytes lack 512 to the limit: 32 of 16; 27 of 19 are one byte more.
            (
                "batchTextBytes", .limitExceeded,
                { above in
                    let rows = Limits.batchTextBytes / 512 - 1
                    var batch = changed(origin, rows) {
                        let (entries, bytes) = above == 0 ? (32, 16) : (27, 19)
                        $0.groups[0].fields = [
                            numbered(rows, of: 512, rows: rows, field: 1),
                            numbered(entries, of: bytes, rows: rows, field: 2),
                        ]
                    }
                    // Who counts along would write them plain.
                    var writer = ByteWriter()
                    RowsEncoder.encode(
                        batch.rows, into: &writer, budget: RowsBudget(textBytes: 1 << 40))
                    batch.encodedRows = writer.bytes
                    return batch
                }
            ),
        ]
    }

    private static func sizes(_ origin: OriginID) -> [Made] {
        let signature = [UInt8](repeating: 1, count: Limits.signatureBytes)
        return [
            (
                "signatureBytes", .limitExceeded,
                { above in
                    var batch = batch(origin, rows(1))
                    let signature = signature + [UInt8](repeating: 1, count: above)
                    batch.seals = [Seal(sequence: 1, signature: signature)]
                    return batch
                }
            ),
            (
                "authorBytes", .limitExceeded,
                { above in
                    changed(origin) {
                        $0.authors = [[UInt8](repeating: 0x61, count: Limits.authorBytes + above)]
                    }
                }
            ),
            (
                "time", .limitExceeded,
                { above in changed(origin) { $0.authored = [Limits.time + Int64(above)] } }
            ),
            (
                "time before 1970", .limitExceeded,
                { above in changed(origin) { $0.stated = [-Limits.time - Int64(above)] } }
            ),
            (
                "formNameBytes", .limitExceeded,
                { above in
                    changed(origin) {
                        $0.groups[0].form = String(repeating: "f", count: Limits.formNameBytes + above)
                    }
                }
            ),
            (
                "valueBytes", .limitExceeded,
                { above in
                    changed(origin) { $0.groups[0].fields = [text(Limits.valueBytes + above, field: 1)] }
                }
            ),
            // Its last version may just be number 2^62.
            ("sequence", .limitExceeded, { batch(origin, rows(2), first: Limits.sequence - 1 + UInt64($0)) }),
        ]
    }

    private static func hello(_ name: String, _ above: Int, _ hello: inout Hello) {
        func text(_ count: Int) -> String { String(repeating: "t", count: count) }
        switch name {
        case "helloOrigins":
            let origin = {
                OriginHead(
                    claim: OriginClaim(lane: .routine, nonce: .random()), sequence: 0, head: .zero)
            }
            hello.origins = (0..<(Limits.helloOrigins + above)).map { _ in origin() }
        case "closedOrigins":
            hello.origins += (0..<(Limits.closedOrigins + above)).map { _ in
                OriginHead(
                    claim: OriginClaim(lane: .routine, nonce: .random()), sequence: 0, head: .zero,
                    isClosed: true)
            }
        case "capabilities": hello.capabilities = Array(repeating: "x", count: Limits.capabilities + above)
        case "capabilityBytes": hello.capabilities = [text(Limits.capabilityBytes + above)]
        case "dictionaries": hello.dictionaries = Array(repeating: 0, count: Limits.dictionaries + above)
        case "labelBytes": hello.program = text(Limits.labelBytes + above)
        case "clock": hello.clock = Limits.time + Int64(above)
        default: hello.origins[0].sequence = Limits.sequence + UInt64(above)
        }
    }

    @Test func aGreetingAtItsLimitsAndAbove() async throws {
        let siege = try await Siege()
        let device = try await siege.device()
        let names = ["capabilities", "capabilityBytes", "dictionaries", "labelBytes", "clock", "sequence"]
        for name in names + ["helloOrigins", "closedOrigins"] {
            for above in [0, 1] {
                let hello = device.hello { Self.hello(name, above, &$0) }
                let peer = try await device.connect()
                try await peer.say(.hello(hello))
                let answer = try await peer.hear()
                peer.close()
                switch answer {
                case .welcome(let welcome)?: #expect(above == 0 && welcome.held.count == hello.origins.count)
                case .close(let refuse)?:
                    #expect(above == 1 && refuse.code == .limitExceeded, "\(name): \(refuse.words)")
                default: Issue.record("\(name): \(String(describing: answer))")
                }
            }
        }
        // Two thousand do not fit into what may come before Welcome.
        let many = device.hello { $0.origins = Array(repeating: $0.origins[0], count: 2_000) }
        let refuse = try await siege.farewell(device, to: HostileFrameTests.frame(.hello(many)))
        #expect(refuse?.code == .frameTooLong)
        for above in [0, 1] {
            let label = String(repeating: "l", count: Limits.labelBytes + above)
            let join = Join(secret: .random(), replica: .zero, label: label, clock: 0)
            let refuse = try await siege.farewell(device, to: HostileFrameTests.frame(.join(join)))
            #expect(refuse?.code == (above == 0 ? .codeUnknown : .limitExceeded))
        }
        try await siege.lift()
    }

    /// Urgent batches that come with Hello: 16 KiB of frames. What is above depends on whether the hub has
    /// said Welcome by then; that it is refused before is tried on the session itself.
    @Test func asMuchAsMayComeAtOnce() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let hello = device.hello()
        let batch = try Self.batch(of: Limits.urgentBeforeWelcome, journal: &device.urgent, siege)
        let peer = try await device.connect()
        await peer.say(HostileFrameTests.frame(.hello(hello)) + HostileFrameTests.frame(.batch(batch)))
        guard case .receipt(let frame)? = try await peer.answer() else {
            Issue.record("no receipt")
            return
        }
        #expect(frame.receipts.map(\.sequence) == [1])
        peer.close()
        try await siege.lift()
    }

    /// A batch whose frame has just so many bytes.
    private static func batch(
        of bytes: Int, journal: inout RawJournal, _ siege: Siege
    ) throws -> VersionBatch {
        var length = bytes - 600
        let plain = siege.valid()
        while true {
            var copy = journal
            var version = plain
            let remark = String(repeating: "r", count: length)
            version.assignments.append(Assignment(field: 14, retentionClass: 2, value: .text(remark)))
            let batch = try copy.write([version])
            let missing = bytes - HostileFrameTests.frame(.batch(batch)).count
            if missing == 0 {
                journal = copy
                return batch
            }
            length += missing
        }
    }

    @Test func aBatchAtItsLimitsAndAbove() async throws {
        let siege = try await Siege()
        let device = try await siege.device()
        for (name, code, make) in Self.batches(device.routine.origin) {
            for above in [0, 1] {
                let batch = make(above)
                let answer = try await siege.answer(device, to: batch)
                switch answer {
                case .fork?: #expect(above == 0, "\(name)")
                case .gap?: #expect(above == 0 && name == "sequence")
                case .close(let refuse)?:
                    #expect(above == 1 && refuse.code == code, "\(name): \(refuse.words)")
                default: Issue.record("\(name): \(String(describing: answer))")
                }
            }
        }
        // Words and heads.
        for above in [0, 1] {
            let words = String(repeating: "w", count: Limits.words + above)
            let refuse = try await siege.farewell(welcomed: device) { _ in
                HostileFrameTests.frame(.close(Refuse(.done, words: words)))
            }
            #expect(refuse?.code == (above == 0 ? nil : .limitExceeded))
            let entry = Heads.Entry(sequence: 1, head: nil)
            let heads = Heads(
                origin: 1, entries: Array(repeating: entry, count: Limits.headsEntries + above))
            let answer = try await siege.farewell(welcomed: device) { _ in
                HostileFrameTests.frame(.heads(heads))
                    + HostileFrameTests.frame(
                        .joined(
                            Joined(
                                state: .active, confirmation: 0, unit: "", unitName: "", hubName: "",
                                clock: 0,
                                settings: [])))
            }
            #expect(answer?.code == (above == 0 ? .wrongOrder : .limitExceeded))
        }
        try await siege.lift()
    }

    /// A key and a record at their limit are in force; one byte more sets that version aside, and nothing
    /// else.
    @Test func keysAndRecordsAtTheirLimitsAndAbove() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        var versions = [siege.valid()]
        for above in [0, 1] {
            // The day is a kind and three bytes; kind and length of a text are three.
            let person = String(repeating: "k", count: Limits.keyBytes - 4 - 3 + above)
            let long = Version.checkIn(person, day: siege.day)
            #expect(Canonical.encode(key: long.key.values).count == Limits.keyBytes + above)
            var large = above == 0 ? siege.valid() : siege.passing()
            for (part, field) in [FieldID(10), 14, 16].enumerated() {
                // Beside the temperature's, each text has six bytes that are not its own.
                let count = (Limits.recordBytes - 6 - 18 + part) / 3 + (part == 2 ? above : 0)
                let text = String(repeating: "x", count: count)
                large.assignments.append(
                    Assignment(field: field, retentionClass: field < 11 ? 1 : 2, value: .text(text)))
            }
            let size = large.assignments.reduce(0) { $0 + Canonical.encode($1.value).count + 2 }
            #expect(size == Limits.recordBytes + above)
            if above == 0 { siege.expect(long) }
            versions += [long, siege.valid(), large, siege.valid()]
        }
        let batch = try device.routine.write(versions)
        let (peer, _) = try await device.welcomed()
        try await peer.say(.batch(batch), compress: true)
        var receipted: [UInt64] = []
        var found: [UInt64: String] = [:]
        while found.count < 2, let message = try await peer.hear() {
            if case .receipt(let frame) = message { receipted += frame.receipts.map(\.sequence) }
            guard case .feed(let feed) = message else { continue }
            for verdict in feed.verdicts where verdict.kind == .quarantined {
                found[verdict.dot.sequence] = verdict.reason
            }
            try await peer.say(.feedAck(feed.token))
        }
        peer.close()
        #expect(receipted == [batch.last])
        #expect(found == [6: "too_large", 8: "too_large"])
        try await siege.lift()
    }

    @Test func contextsThatAreNotCanonical() async throws {
        let siege = try await Siege()
        let device = try await siege.device()
        let (one, two) = (Dot(origin: 7, sequence: 1), Dot(origin: 9, sequence: 2))
        let many = (1...UInt64(Limits.contextEntries) + 1).map { Dot(origin: $0, sequence: 1) }
        let dots = many.map { Dot(origin: 1, sequence: $0.origin + 5) }
        func full(_ count: Int) -> RawRows {
            .context(Array(many.prefix(count)), origins: many.map(\.origin))
        }
        let both: [UInt64] = [7, 9]
        let cases: [(name: String, rows: RawRows, code: RefusalCode?)] = [
            ("in order", .context([one, two], origins: both), nil),
            ("in order, with a dot", .context([one], [two], origins: both), nil),
            ("not sorted", .context([two, one], origins: both), .protocolError),
            ("twice", .context([one, one], origins: both), .protocolError),
            ("zero", .context([Dot(origin: 7, sequence: 0)], origins: both), .protocolError),
            (
                "beyond", .context([Dot(origin: 7, sequence: Limits.sequence + 1)], origins: both),
                .limitExceeded
            ),
            ("origins not sorted", .context([one, two], origins: [9, 7]), .protocolError),
            ("origins twice", .context([one], origins: [7, 7]), .protocolError),
            ("origin zero", .context([one], origins: [0, 7]), .protocolError),
            ("dots not sorted", .context([], [two, one], origins: both), .protocolError),
            ("a dot twice", .context([], [two, two], origins: both), .protocolError),
            ("a dot in the vector", .context([two], [two], origins: both), .protocolError),
            ("a context that is empty", .context([], origins: []), .protocolError),
            ("as many as may be", full(Limits.contextEntries), nil),
            ("one too many", full(Limits.contextEntries + 1), .limitExceeded),
            ("as many dots", .context([], Array(dots.dropLast()), origins: [1]), nil),
            ("one dot too many", .context([], dots, origins: [1]), .limitExceeded),
        ]
        for (name, rows, code) in cases {
            let payload = rows.batch(device.routine.origin, first: 1)
            let (peer, _) = try await device.welcomed()
            await peer.say(HostileFrameTests.frame(MessageType.batch, payload, flags: 1))
            let answer = try await peer.answer()
            peer.close()
            switch answer {
            case .fork?: #expect(code == nil, "\(name)")
            case .close(let refuse)?:
                #expect(refuse.code == code, "\(name): \(refuse.words)")
                #expect(refuse.words.contains("contexts"), "\(name): \(refuse.words)")
            default: Issue.record("\(name): \(String(describing: answer))")
            }
        }
        try await siege.lift()
    }
}
