import Foundation
import GRDB
import SyncCore
import SyncWire
import Testing

/// Proof of what was submitted, and stores in which somebody has changed something.
@Suite struct EvidenceTests {
    private struct Written: Decodable {
        var versions: Int
        var hub: String
    }

    private func inspect(
        _ place: Place, _ arguments: String..., expecting code: Int32 = 0,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await place.run(
            "sync-inspect", ["verify"] + arguments, expecting: [code], at: location)
    }

    @Test func aProofHoldsAndAChangedOneIsRefusedByName() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let (place, person, day) = (
            centre.place, centre.college.words("mistyped_person"), centre.college.words("last_day")
        )
        let file = place.path("sent.proof")
        let before = centre.college.days[centre.college.days.count - 2]
        try await centre.branch(
            "B04", "add", "check-in", "person=" + person, "day=" + before, "temperature=36.5")
        try await centre.branch(
            "B04", "add", "check-in", "person=" + person, "day=" + day, "temperature=36.6",
            "remark=quiet-words")
        let early = try await centre.branch(
            "B04", "proof", file, "--form", "check-in", "--key", day, person, "--reason", "a test",
            expecting: [66])
        #expect(early.remarks.contains("branch-agent sync"))
        try await centre.sync("B04")
        let written: Written = try await centre.branch(
            "B04", "proof", file, "--form", "check-in", "--key", day, person, "--reason", "a test", "--json"
        ).json()
        #expect(written.versions == 1)
        let fingerprint = try await centre.hub("status").output
        #expect(fingerprint.contains(written.hub))
        try await centre.close()
        let hub = written.hub
        let held = try await inspect(place, file, "--hub", hub, "--unmask")
        #expect(held.output.contains("36.6") && held.output.contains("quiet-words"))
        #expect(!(try await inspect(place, file, "--hub", hub)).output.contains("quiet-words"))
        _ = try await inspect(place, file, expecting: 64)

        let good = try ProofFile.decode(Array(try Data(contentsOf: URL(filePath: file))))
        func refused(_ name: String, _ code: Int32, _ words: String, _ change: (inout Proof) -> Void)
            async throws
        {
            var bad = good
            change(&bad)
            let path = place.path(name + ".proof")
            try Data(ProofFile.encode(bad)).write(to: URL(filePath: path))
            let outcome = try await inspect(place, path, "--hub", hub, expecting: code)
            #expect(outcome.remarks.contains(words), "\(name): \(outcome.remarks)")
        }
        try await refused("receipt", 9, "receipt") { $0.stretches[0].marks[0].receipt.time -= 3_600_000 }
        try await refused("seal", 8, "forged") { $0.stretches[0].marks[0].seal[40] ^= 1 }
        try await refused("value", 7, "values") {
            $0.stretches[0].entries[0].preimage?.classes[0].bytes[20] ^= 1
        }
        try await refused("version", 7, "not the one") { $0.stretches[0].entries[0].preimage?.body[30] ^= 1 }
        try await refused("chain", 7, "left out") { $0.stretches[0].headBefore = .zero }
        let other = String(hub.reversed())
        let stranger = try await inspect(place, file, "--hub", other, expecting: 10)
        #expect(stranger.remarks.contains("another hub"))
        try Data(Data(contentsOf: URL(filePath: file)).dropLast(3)).write(
            to: URL(filePath: place.path("cut")))
        _ = try await inspect(place, place.path("cut"), "--hub", hub, expecting: 7)
    }

    @Test func whatIsChangedInAStoreIsNamed() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        try await centre.sync("B04")
        let (place, branch, hub) = (centre.place, centre.data("B04"), centre.place.path("hub"))
        let all = place.path("all.proof")
        let written: Written = try await centre.branch(
            "B04", "proof", all, "--all", "--reason", "a test", "--json"
        ).json()
        #expect(written.versions > 100)
        let proven = try await inspect(place, all, "--hub", written.hub, "--json")
        #expect(proven.output.contains("\"entries\""))
        // While the hub serves.
        let both = try await inspect(place, branch, hub, "--hub", written.hub)
        #expect(both.output.contains("every journal holds"))
        _ = try await inspect(place, hub, "--hub", String(written.hub.reversed()), expecting: 10)
        try await centre.close()
        for (folder, statement) in [
            (
                branch,
                "UPDATE version SET authored = authored - 60000 WHERE sequence = 17 AND head IS NOT NULL"
            ),
            (hub, "UPDATE segment SET arrived = arrived - 60000 WHERE position = 6"),
            (hub, "DELETE FROM segment WHERE position = (SELECT max(position) FROM segment)"),
        ] {
            let queue = try DatabaseQueue(path: folder + "/store.sqlite")
            try await queue.write { try $0.execute(sql: statement) }
            try queue.close()
            let outcome = try await inspect(place, folder, expecting: 7)
            #expect(outcome.output.contains("entry"), "\(outcome.output)")
            if folder == branch { #expect(outcome.output.contains("/17 (check-in")) }
        }
        let pair = try await inspect(place, branch, hub, expecting: 7)
        #expect(pair.output.contains("is missing"))
    }
}
