import Testing

@testable import SyncCore

/// What was done to an audit log shows, and where.
@Suite struct AuditChainTests {
    private static let hashing = Hashing { bytes in
        var word: UInt64 = 14_695_981_039_346_656_037
        for byte in bytes { word = (word ^ UInt64(byte)) &* 1_099_511_628_211 }
        let part = Canonical.bigEndian(word)
        return Digest(bytes: part + part + part + part) ?? .zero
    }
    private static let key: [UInt8] = [4, 2]

    private static func signature(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        hashing(key + message).bytes + hashing(message + key).bytes
    }

    private static let signing = Signing(publicKey: key) { signature($0, key) }
    private static let verifying = Verifying { message, given, key in signature(message, key) == given }
    private static let chain = AuditChain(hashing: hashing, hub: key)

    private struct Log {
        var entries: [AuditEntry] = []
        var head: AuditHead?

        init(_ count: Int, name: String = "entry") throws {
            for number in 0..<count {
                (entries, head) = try append("\(name) \(number)")
            }
        }

        func append(_ detail: String) throws -> ([AuditEntry], AuditHead?) {
            let entry = AuditEntry(
                number: UInt64(entries.count) + 1, at: Milliseconds(entries.count), event: "exported",
                who: "root", device: 0, detail: detail, before: entries.last?.hash ?? .zero)
            let signed = try chain.sign(entry, signing)
            return (entries + [signed.entry], signed.head)
        }

        var finding: AuditFinding? { finding() }

        func finding(base: UInt64 = 0, beside: AuditLog.Beside = .notKept) -> AuditFinding? {
            chain.firstFinding(
                in: AuditLog(entries: entries, head: head, base: base, beside: beside), verifying: verifying,
                key: key)
        }

        /// As somebody numbers them who hides what was done.
        mutating func renumber() {
            for index in entries.indices { entries[index].number = UInt64(index) + 1 }
        }

        /// As somebody chains them who has no key.
        mutating func rechain(from start: Int) {
            for index in start..<entries.count {
                if index > 0 { entries[index].before = entries[index - 1].hash }
                entries[index].hash = chain.hash(of: entries[index])
            }
        }
    }

    @Test func whatTheHubWroteHolds() throws {
        for count in [0, 1, 2, 6] { #expect(try Log(count).finding == nil) }
    }

    @Test func anEntryThatWasAlteredIsNamed() throws {
        let whole = try Log(6)
        let changes: [(inout AuditEntry) -> Void] = [
            { $0.detail += "x" }, { $0.who = "somebody" }, { $0.event = "invited" }, { $0.at += 1 },
            { $0.device = 3 },
            {
                $0.detail = String($0.detail.dropLast())
                $0.who += "0"
            },
            { $0.signature[9] ^= 1 }, { $0.before = .zero }, { $0.hash = .zero },
        ]
        for place in 1..<6 {
            for (number, change) in changes.enumerated() {
                var log = whole
                change(&log.entries[place])
                #expect(log.finding == .altered(UInt64(place) + 1), "\(place), change \(number)")
                // Who has no key does not get further by chaining everything anew.
                guard number < 7 else { continue }
                log.rechain(from: place)
                #expect(log.finding != nil, "\(place), change \(number)")
            }
        }
    }

    @Test func anEntryThatWasDroppedIsNamed() throws {
        for place in 0..<6 {
            var log = try Log(6)
            log.entries.remove(at: place)
            #expect(log.finding == .dropped(UInt64(place) + 1))
            log.renumber()
            #expect(log.finding == .dropped(UInt64(place) + 1), "renumbered")
        }
    }

    @Test func aTailThatWasDroppedShowsInTheSignedEnd() throws {
        for rest in 0..<6 {
            var log = try Log(6)
            log.entries.removeLast(6 - rest)
            #expect(log.finding == .dropped(UInt64(rest) + 1))
            // No signature of an entry makes an end.
            if let last = log.entries.last {
                log.head = AuditHead(number: last.number, hash: last.hash, signature: last.signature)
                #expect(log.finding == .endUnsigned(UInt64(rest) + 1))
            }
            log.head = nil
            #expect(log.finding == (rest == 0 ? nil : .endUnsigned(UInt64(rest) + 1)))
        }
    }

    @Test func anEntryThatWasInsertedIsNamed() throws {
        for place in 1...6 {
            var log = try Log(6)
            var forged = AuditEntry(
                number: UInt64(place) + 1, at: 5, event: "confirmed", who: "root", device: 1, detail: "",
                before: log.entries[place - 1].hash)
            forged.hash = Self.chain.hash(of: forged)
            forged.signature = log.entries[0].signature
            log.entries.insert(forged, at: place)
            log.renumber()
            #expect(log.finding == .inserted(UInt64(place) + 1), "\(place)")
            // A true one a second time.
            var twice = try Log(6)
            twice.entries.insert(twice.entries[place - 1], at: place)
            #expect(twice.finding == .inserted(UInt64(place) + 1))
            twice.renumber()
            #expect(twice.finding == .inserted(UInt64(place) + 1))
        }
    }

    @Test func entriesThatWereMovedAreNamed() throws {
        for first in 0..<5 {
            for second in (first + 1)..<6 {
                var log = try Log(6)
                log.entries.swapAt(first, second)
                log.renumber()
                #expect(log.finding == .reordered(UInt64(first) + 1), "\(first) and \(second)")
            }
        }
    }

    @Test func entriesOfAnotherLifeOfTheStoreDoNotFollow() throws {
        var log = try Log(6)
        let other = try Log(9, name: "other")
        log.entries += other.entries[6...]
        log.head = other.head
        #expect(log.finding == .notFollowing(7))
    }

    private func forged(_ number: UInt64, before: Digest = .zero) -> AuditEntry {
        var entry = AuditEntry(
            number: number, at: 5, event: "confirmed", who: "root", device: 1, detail: "", before: before)
        entry.hash = Self.chain.hash(of: entry)
        entry.signature = Array(repeating: 1, count: 64)
        return entry
    }

    @Test func whatIsInsertedUnderAnyNumberIsNamedByIt() throws {
        for number: UInt64 in [7, 9, 1_000, .max, UInt64(bitPattern: -5)] {
            var log = try Log(6)
            let isFirst = Int64(bitPattern: number) < 0
            log.entries.insert(forged(number), at: isFirst ? 0 : 6)
            #expect(log.finding == .inserted(number))
        }
        // A true one under a number of somebody's choice: the true one stands in its place, or it does not.
        var copied = try Log(6)
        copied.entries.append(copied.entries[2])
        copied.entries[6].number = 77
        #expect(copied.finding == .inserted(77))
        var moved = try Log(6)
        moved.entries.append(moved.entries.remove(at: 2))
        moved.entries[5].number = 77
        #expect(moved.finding == .reordered(3))
        // Shifted by what came between.
        for place in 1..<6 {
            var log = try Log(6)
            log.entries.insert(forged(0), at: place)
            log.renumber()
            #expect(log.finding == .inserted(UInt64(place) + 1), "\(place)")
        }
        // Behind a gap the gap comes first.
        var dropped = try Log(6)
        dropped.entries.remove(at: 2)
        dropped.entries[2].detail += "x"
        #expect(dropped.finding == .dropped(3))
    }

    @Test func anOlderLogShowsInTheEndThatIsKeptBeside() throws {
        let whole = try Log(6)
        let end = try #require(whole.head)
        #expect(whole.finding(base: 5, beside: .end(end)) == nil)
        for rest in 0..<6 {
            var log = try Log(rest)
            #expect(log.finding(beside: .end(end)) == .dropped(UInt64(rest) + 1))
            log.head = nil
            #expect(log.finding(beside: .end(end)) == .dropped(UInt64(rest) + 1))
        }
        // A crash between the act and the file leaves the file one act behind, and no more.
        let former = try #require(try Log(5).head)
        #expect(whole.finding(base: 5, beside: .end(former)) == nil)
        let older = try #require(try Log(4).head)
        #expect(whole.finding(base: 5, beside: .end(older)) == .besideOld(4))
        #expect(whole.finding(base: 5, beside: .gone) == .besideGone)
        var forged = end
        forged.signature[3] ^= 1
        #expect(whole.finding(base: 5, beside: .end(forged)) == .besideGone)
        let other = try #require(try Log(6, name: "other").head)
        #expect(whole.finding(base: 5, beside: .end(other)) == .notFollowing(6))
        #expect(try Log(0).finding(beside: .gone) == nil)
    }

    @Test func anEntryThatTellsOfDamageIsAFinding() throws {
        var log = try Log(3)
        let marker = AuditEntry(
            number: 4, at: 9, event: AuditChain.endWasGone, who: "", device: 0, detail: "",
            before: log.entries[2].hash)
        let signed = try Self.chain.sign(marker, Self.signing)
        log.entries.append(signed.entry)
        log.head = signed.head
        #expect(log.finding == .endWasGone(4))
    }
}
