import SyncCore
import SyncWire
import Testing

@Suite struct MergeVectorTests {
    /// All orders of up to five versions.
    private func orders(_ versions: [Version]) -> [[Version]] {
        guard versions.count > 1 else { return [versions] }
        return versions.indices.flatMap { index -> [[Version]] in
            var rest = versions
            let first = rest.remove(at: index)
            return orders(rest).map { [first] + $0 }
        }
    }

    @Test func everyOrderGivesTheSameRecord() throws {
        for vector in try VectorFile.cases("merges", "valid") {
            let policies = vector["form"].items.map { revision in
                MergeCases.Revision(
                    number: UInt32(clamping: revision["revision"].number),
                    policies: revision["policies"].members.map {
                        (
                            field: FieldID($0.key) ?? 0,
                            policy: MergePolicy(rawValue: $0.value.string) ?? .latest
                        )
                    },
                    groups: revision["groups"].items.map { group in
                        group.items.map { FieldID(clamping: $0.number) }
                    })
            }
            let versions = vector["versions"].items.map(Reading.version)
            for order in orders(versions) {
                #expect(MergeCases.result(order, policies) == vector["record"], "\(vector["name"].string)")
                let repeated = order + order.reversed()
                #expect(MergeCases.result(repeated, policies) == vector["record"], "\(vector["name"].string)")
            }
        }
    }

    @Test func versionVectors() throws {
        for pair in try VectorFile.cases("version-vectors", "pairs") {
            let name = pair["name"].string
            let left = try #require(VersionVector(canonical: Reading.entries(pair["left"])))
            let right = try #require(VersionVector(canonical: Reading.entries(pair["right"])))
            #expect(left.compare(right).rawValue == pair["relation"].string, "\(name)")
            let turned = ["greater": "lesser", "lesser": "greater"]
            #expect(
                right.compare(left).rawValue == turned[pair["relation"].string] ?? pair["relation"].string,
                "\(name)")
            #expect(Meaning.vector(left.merged(with: right)) == pair["merged"], "\(name)")
            #expect(Meaning.vector(right.merged(with: left)) == pair["merged"], "\(name)")
        }
        for list in try VectorFile.cases("version-vectors", "lists") {
            let entries = Reading.entries(list["entries"])
            #expect(Meaning.vector(VersionVector(normalizing: entries)) == list["vector"])
            #expect(Meaning.vector(VersionVector(normalizing: entries.reversed())) == list["vector"])
            #expect(VersionVector(canonical: entries) == nil)
        }
    }

    @Test func contexts() throws {
        for pair in try VectorFile.cases("version-vectors", "contexts") {
            let left = Reading.context(pair["left"])
            let right = Reading.context(pair["right"])
            #expect(Meaning.context(left.merged(with: right)) == pair["merged"], "\(pair["name"].string)")
            #expect(Meaning.context(right.merged(with: left)) == pair["merged"], "\(pair["name"].string)")
        }
        for vector in try VectorFile.cases("version-vectors", "coverage") {
            let context = Reading.context(vector["context"])
            for dot in vector["dots"].items {
                #expect(context.covers(Reading.dot(dot["dot"])) == dot["covered"].isTrue)
            }
        }
    }

    @Test func joinCodes() throws {
        for vector in try VectorFile.cases("join-codes", "valid") {
            let code = try #require(JoinCode(text: vector["text"].string))
            let meaning = vector["meaning"]
            #expect(code.expires == meaning["expires"].number)
            #expect(code.secret.bytes == meaning.bytes("secret"))
            #expect(code.hub.bytes == meaning.bytes("hub"))
            #expect(code.unit.utf8.elementsEqual(meaning["unit"].string.utf8))
            #expect(code.address.utf8.elementsEqual(meaning["address"].string.utf8))
            let isSame = code.text == vector["text"].string
            #expect(isSame == (vector["writer"].string == "reference"))
        }
        for vector in try VectorFile.cases("join-codes", "invalid") {
            #expect(JoinCode(text: vector["text"].string) == nil, "\(vector["name"].string)")
        }
    }
}
