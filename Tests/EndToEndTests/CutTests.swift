import Foundation
import LinkKit
import Testing

/// Links that break and programs that are killed.
@Suite struct CutTests {
    @Test(arguments: [UInt64(1), 2])
    func aSyncThatIsCutAnywhereGoesOn(seed: UInt64) async throws {
        let centre = try await Centre()
        try await centre.open()
        let proxy = try EmulatedLink(to: centre.port)
        defer { proxy.close() }
        let branch = centre.college.words("mistyped_branch")
        try await centre.join(branch, through: proxy.port)
        try await centre.importSheets(of: branch)
        let queued = try await centre.status(branch).queued
        var generator = Numbers(seed: seed)
        var cuts = (0..<14).map { _ in
            EmulatedLink.Cut(
                way: generator.next(below: 3) == 0 ? .down : .up,
                after: Int(exp(Double(generator.next(below: 9_000)) / 1_000)) + 1,
                isReset: generator.next(below: 2) == 0)
        }
        cuts += [300, 1_500, 3_000].map { EmulatedLink.Cut(way: .up, after: $0, isReset: true) }
        proxy.plan(cuts)
        // It goes on by itself as long as something moves, and otherwise says 2.
        for _ in 0..<30 where proxy.left > 0 { _ = try await centre.sync(branch, expecting: [0, 2]) }
        #expect(proxy.done >= 8, "seed \(seed)")
        _ = try await centre.sync(branch)
        let status = try await centre.status(branch)
        #expect(status.queued == 0 && status.receipted == queued, "seed \(seed)")
        try await centre.expectBoards(of: [branch], isMistyped: true)
        let export = try await centre.export("check-in").output
        _ = try await centre.sync(branch)
        #expect(try await centre.export("check-in").output == export)
        try await centre.close()
    }

    @Test func aLinkThatFallsSilentIsLeftForANewOne() async throws {
        let centre = try await Centre()
        try await centre.open()
        let proxy = try EmulatedLink(to: centre.port)
        defer { proxy.close() }
        try await centre.join("B04", through: proxy.port)
        try await centre.importSheets(of: "B04")
        proxy.plan([EmulatedLink.Cut(way: .up, after: 1_500, isReset: false, isStall: true)])
        let report = try await centre.sync("B04")
        #expect(report.drained && report.sessions == 2)
        try await centre.close()
    }

    @Test func hubAndBranchAreKilledInTheMiddle() async throws {
        let centre = try await Centre()
        try await centre.open()
        let branches = Array(centre.college.branches.prefix(2))
        for branch in branches { try await centre.join(branch) }
        // Imports that are killed at growing ages: all of an import is there, or nothing.
        var generator = Numbers(seed: 7)
        for branch in branches {
            let arguments = ["import", "check-in"] + (try centre.college.sheets(of: branch))
            for age in [20, 90, 200, 350] {
                let running = try centre.place.start(
                    "branch-agent", arguments + ["--data", centre.data(branch)])
                try await Task.sleep(for: .milliseconds(age + Int(generator.next(below: 30))))
                running.kill()
                _ = try await running.end()
            }
            try await centre.importSheets(of: branch)
        }
        for round in 0..<6 {
            let syncs = try branches.map { try centre.start($0, "sync") }
            try await Task.sleep(for: .milliseconds(60 + round * 50 + Int(generator.next(below: 40))))
            if round % 2 == 0 {
                try await centre.killAndOpen()
                for sync in syncs { #expect([0, 2].contains(try await sync.end().code)) }
            } else {
                for sync in syncs {
                    sync.kill()
                    #expect([-9, 0, 2].contains(try await sync.end().code))
                }
            }
        }
        for branch in branches {
            _ = try await centre.sync(branch)
            let status = try await centre.status(branch)
            #expect(status.queued == 0 && status.receipted > 0)
        }
        try await centre.expectBoards(of: branches, isMistyped: true)
        try await centre.close()
    }
}

/// SplitMix64.
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(below bound: UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ (mixed >> 31)) % bound
    }
}
