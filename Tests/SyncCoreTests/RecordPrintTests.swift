import Testing

@testable import SyncCore

@Suite struct RecordPrintTests {
    static func print(_ state: RecordState, _ key: RecordKey = RecordStateTests.key) -> RecordPrint {
        RecordPrint(form: Array(key.form.utf8), key: Canonical.encode(key: key.values), state)
    }

    @Test func theSameVersionsInAnyOrderHaveOnePrint() {
        let one = RecordStateTests.version(1, 1, [1: .integer(365), 2: .integer(0)], stated: 10)
        let seen = RecordStateTests.state([one]).seen
        let versions = [
            one, RecordStateTests.version(1, 2, [1: .integer(380)], seen: seen, stated: 20),
            RecordStateTests.version(2, 1, [1: .text("39"), 7: .list([[65], []])], stated: 5, created: 3),
            RecordStateTests.version(3, 4, [:], delete: true),
        ]
        let print = Self.print(RecordStateTests.state(versions))
        #expect(print == Self.print(RecordStateTests.state(versions.reversed())))
        #expect(print == Self.print(RecordStateTests.state(versions + versions)))
    }

    @Test func whatHasBeenReplacedDoesNotCount() {
        let one = RecordStateTests.version(1, 1, [1: .integer(365)], stated: 10)
        let seen = RecordStateTests.state([one]).seen
        let two = RecordStateTests.version(2, 1, [1: .integer(380)], seen: seen, stated: 20)
        #expect(
            Self.print(RecordStateTests.state([one, two])) == Self.print(RecordStateTests.state([two])),
            "an end that was never sent the first one says the same")
    }

    @Test func whateverARecordSaysIsInItsPrint() {
        let base = RecordStateTests.version(1, 1, [1: .integer(365), 2: .notStated], stated: 10)
        var others: [Version] = Array(repeating: base, count: 12)
        others[0].dot.origin = 2
        others[1].dot.sequence = 2
        others[2].formRevision = 2
        others[3].isDelete = true
        others[4].clockTrusted = false
        others[5].authored = 11
        others[6].stated = 11
        others[7].firstCreated = 11
        others[8].author = [65]
        others[9].assignments[0].value = .integer(366)
        others[10].assignments[0].field = 3
        others[11].assignments.removeLast()
        let prints = ([base] + others).map { Self.print(RecordStateTests.state([$0])) }
        #expect(Set(prints.map(\.print)).count == 13)
        #expect(Set(prints.map(\.hash)).count == 1, "its name is its key's alone")
        let elsewhere = RecordKey(form: "check-in", values: [.integer(18_290), .text("T90001")])
        #expect(Self.print(RecordStateTests.state([base]), elsewhere).hash != prints[0].hash)
    }

    @Test func fieldsThatALaterVersionTookOverAreNotHeld() {
        let one = RecordStateTests.version(1, 1, [1: .integer(365), 2: .integer(0)], stated: 10)
        let seen = RecordStateTests.state([one]).seen
        let two = RecordStateTests.version(1, 2, [1: .integer(380)], seen: seen, stated: 20)
        var other = one
        other.assignments[0].value = .integer(1)
        // Field 1 of the first version is covered: what it said there no longer matters.
        #expect(
            Self.print(RecordStateTests.state([one, two]))
                == Self.print(RecordStateTests.state([other, two])))
    }

    /// Fixed for ever: two programs of different ages compare.
    @Test func theBytesAreThoseOfTheSpecification() {
        let version = RecordStateTests.version(7, 300, [1: .integer(-3)], stated: 10, created: 9)
        var bytes: [UInt8] = [8] + Array("check-in".utf8)
        bytes += Canonical.encode(key: RecordStateTests.key.values) + [0xff]
        var hash = PrintHasher()
        hash.put(bytes)
        bytes += [1, 18, 1]  // revision, first created, one sibling
        bytes += [0, 0, 0, 0, 0, 0, 0, 7, 0xac, 0x02, 0, 20, 20, 0]  // dot, flags, times, no author
        bytes += [2, 0, 1, 1, 5]  // two fields: the existence; field 1, integer -3
        var whole = PrintHasher()
        whole.put(bytes)
        let print = Self.print(RecordStateTests.state([version]))
        #expect(print.hash == hash.value && print.print == whole.value)
        #expect(PrintHasher().value == 0xf52a_15e9_a9b5_e89b)
    }
}
