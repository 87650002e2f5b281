import SyncCore
import SyncTransport
import SyncWire
import Testing

@Suite struct SpokenVectorTests {
    /// As the hub takes it: the lines in any order, then what they say.
    @Test(arguments: [true, false]) func linesSayTheVersion(isBackwards: Bool) throws {
        for vector in try VectorFile.cases("spoken", "valid") {
            var reader = SpokenText.Reader()
            let lines = vector["lines"].items.map(\.string)
            for line in isBackwards ? lines.reversed() : lines { _ = try reader.take(line) }
            let bytes = try #require(reader.bytes)
            #expect(bytes == vector.bytes("bytes"))
            let opened = try #require(try SpokenCases.seal(own: .hub).open(bytes))
            #expect(opened.body == vector.bytes("body") && opened.answer.text == vector["answer"].string)
            let version = try SpokenEntry.decode(opened.body)
            #expect(version == Reading.version(vector["version"]))
        }
    }

    @Test func whatIsWrongIsRefused() throws {
        for vector in try VectorFile.cases("spoken", "invalidLines") {
            var reader = SpokenText.Reader()
            #expect(throws: SpokenText.Fault.self, "\(vector["name"])") {
                _ = try reader.take(vector["line"].string)
            }
        }
        let seal = try SpokenCases.seal(own: .hub)
        for vector in try VectorFile.cases("spoken", "invalidBytes") {
            #expect(seal.open(vector.bytes("bytes")) == nil, "\(vector["name"])")
        }
        for vector in try VectorFile.cases("spoken", "invalidBodies") {
            #expect(throws: WireError.self, "\(vector["name"])") {
                try SpokenEntry.decode(vector.bytes("body"))
            }
        }
    }
}

@Suite struct HubKeyVectorTests {
    private static let verifying = Verifying { TestKey.isValid($0, $1, $2) }

    private func holds(_ bytes: [UInt8]) -> HubKeyring? {
        HubKeyring(encoded: bytes).flatMap { $0.holds(TestKey.hashing, Self.verifying) ? $0 : nil }
    }

    @Test func keysHoldOrDoNot() throws {
        for vector in try VectorFile.cases("hub-keys", "valid") {
            let ring = try #require(holds(vector.bytes("bytes")), "\(vector["name"])")
            #expect(ring.current == vector.bytes("current"))
            #expect(ring.recovery ?? [] == vector.bytes("recovery"))
            #expect(ring.identity(TestKey.hashing).bytes == vector.bytes("calledBy"))
        }
        for vector in try VectorFile.cases("hub-keys", "invalid") {
            #expect(holds(vector.bytes("bytes")) == nil, "\(vector["name"])")
        }
    }

    @Test func anAgentBelievesWhatReplacesItsOwn() throws {
        for vector in try VectorFile.cases("hub-keys", "agents") {
            let kept = try #require(holds(vector.bytes("kept")))
            let shown = try #require(holds(vector.bytes("shown")))
            #expect(shown.replaces(kept) == vector["believed"].isTrue, "\(vector["name"])")
        }
    }
}
