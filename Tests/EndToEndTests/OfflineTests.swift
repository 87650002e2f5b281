import Foundation
import LinkKit
import Testing

/// Branches without a link, and programs side by side on one store.
@Suite struct OfflineTests {
    @Test func withoutALinkEverythingStaysQueued() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("Z01")
        try await centre.close()
        try await centre.importSheets(of: "Z01")
        let start = ContinuousClock.now
        let report = try await centre.sync("Z01", expecting: [2])
        #expect(ContinuousClock.now - start < .seconds(16))
        #expect(!report.drained && report.receipted == 0)
        let status = try await centre.status("Z01")
        #expect(status.queued == report.queued && status.receipted == 0 && status.queued > 0)
        #expect(status.lastFailure == "unreachable")

        // The link comes while it is still trying.
        let sync = try centre.start("Z01", "sync")
        try await centre.open()
        #expect(try await sync.end().code == 0)
        #expect(try await centre.status("Z01").queued == 0)
        #expect(try await centre.status("Z01").lastFailure == nil)
        try await centre.close()
    }

    @Test func serveSendsWhatOtherProgramsAddWithoutBeingAsked() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B03")
        let serve = try centre.start("B03", "serve")
        #expect(try await eventually { try await centre.status("B03").lastContact != nil })
        try await centre.branch("B03", "sync", expecting: [4])
        try await centre.branch("B03", "serve", expecting: [4])
        try await centre.hub("serve", "--listen", "127.0.0.1:\(try Loopback.freePort())", expecting: [4])

        try await centre.importSheets(of: "B03")
        try await expectEverythingReceipted(of: "B03", at: centre)
        let versions = try await centre.status("B03").versions
        try await centre.branch(
            "B03", "add", "check-in", "day=" + centre.college.words("last_day"), "person=S0100",
            "temperature=36.4")
        try await expectEverythingReceipted(of: "B03", at: centre)
        #expect(try await centre.status("B03").versions == versions + 1)

        // The hub goes and comes back; nobody has to tell the branch.
        try await centre.killAndOpen()
        try await centre.branch(
            "B03", "add", "check-in", "day=" + centre.college.words("last_day"), "person=S0101",
            "temperature=36.4")
        try await expectEverythingReceipted(of: "B03", at: centre)
        let stopped = try await serve.stop()
        #expect(stopped.code == 0, "\(stopped.remarks)")
        _ = try await centre.sync("B03")
        try await centre.close()
    }

    private func expectEverythingReceipted(of branch: String, at centre: Centre) async throws {
        let isReceipted = try await eventually {
            let status = try await centre.status(branch)
            return status.queued == 0 && status.versions > 0
        }
        #expect(isReceipted)
    }

    @Test func filesAreTheOwnersAlone() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        let sync = try centre.start("B04", "sync")
        let manager = FileManager.default
        repeat {
            for folder in [centre.place.path("hub"), centre.data("B04")] {
                #expect(try permissions(folder) == 0o700)
                for file in try manager.contentsOfDirectory(atPath: folder) {
                    // A file may go while it is being looked at.
                    guard let found = try? permissions(folder + "/" + file) else { continue }
                    #expect(found == 0o600, "\(file)")
                }
            }
        } while sync.isRunning
        #expect(try await sync.end().code == 0)
        try await centre.close()
    }

    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test func nothingPersonalIsLogged() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.branch("B01", "join", try await centre.invite("B01", trusted: false))
        try await centre.branch("B01", "sync", expecting: [3])
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        _ = try await centre.sync("B04")
        try await centre.close()
        let people = try String(contentsOfFile: centre.college.folder + "/people.csv", encoding: .utf8)
        let log = centre.log
        #expect(log.contains("session opened"))
        for line in people.split(separator: "\n").dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            for cell in [cells[0], cells[1], cells[7]] { #expect(!log.contains(cell), "\(cell)") }
        }
    }
}
