import Foundation
import Glibc
import LinkKit
import Testing

/// Exit codes and words where something is amiss, and stopping in every situation.
@Suite struct ExitCodeTests {
    @Test func everyMistakeHasItsCode() async throws {
        let place = try Place()
        let hub = ["--data", place.path("hub")]
        let nowhere = ["--data", place.path("nowhere")]
        try await place.run("aggregator", ["init"] + hub)
        try await place.run("aggregator", ["init"] + hub, expecting: [64])
        let taken = try Loopback.listen(port: 0)
        defer { close(taken.descriptor) }
        let busy = try await place.run(
            "aggregator", ["serve", "--listen", "127.0.0.1:\(taken.port)"] + hub, expecting: [64])
        #expect(busy.remarks.contains("cannot listen at 127.0.0.1:\(taken.port)"))
        try await place.run("aggregator", ["serve", "--listen", "nonsense"] + hub, expecting: [64])
        try await place.run("aggregator", ["serve"] + nowhere, expecting: [66])
        try await place.run("aggregator", ["coverage", "--date", "2020-02-30"] + hub, expecting: [64])
        try await place.run("aggregator", ["coverage", "--date", "2020-02-29"] + nowhere, expecting: [66])
        try await place.run("aggregator", ["invite", "no-such-unit"] + hub, expecting: [66])
        try await place.run("aggregator", ["import", "units", place.path("no.csv")] + hub, expecting: [66])
        try await place.run("aggregator", ["nonsense"], expecting: [64])
        for verb in [["sync"], ["serve"], ["status"], ["add", "check-in", "person=A"]] {
            try await place.run("branch-agent", verb + nowhere, expecting: [66])
        }
        try await place.run("branch-agent", ["join", "rc1-nonsense"] + nowhere, expecting: [64])
        #expect(!FileManager.default.fileExists(atPath: place.path("nowhere")))
    }

    @Test func aBranchThatServesStopsWhenToldToWhateverTheLinkDoes() async throws {
        let centre = try await Centre()
        // Whoever is at the address takes the call and says nothing.
        let silent = try Loopback.listen(port: 0)
        defer { close(silent.descriptor) }
        let proxy = try EmulatedLink(to: centre.port)
        try await centre.open()
        try await centre.join("B04", through: proxy.port)
        for isHubThere in [true, false] {
            if !isHubThere { try await centre.close() }
            let serve = try centre.start("B04", "serve")
            #expect(
                try await eventually {
                    // A connection, or one that failed, shows that the program is up and hears signals.
                    if isHubThere { return proxy.carrying > 0 }
                    return try await centre.status("B04").lastFailure != nil
                })
            let start = ContinuousClock.now
            let stopped = try await serve.stop()
            #expect(stopped.code == 0, "\(stopped.remarks)")
            #expect(ContinuousClock.now - start < .seconds(8))
        }
        proxy.redirect(to: silent.port)
        let serve = try centre.start("B04", "serve")
        #expect(try await eventually { proxy.carrying > 0 })
        let start = ContinuousClock.now
        #expect(try await serve.stop().code == 0)
        #expect(ContinuousClock.now - start < .seconds(8))
        proxy.close()
    }
}
