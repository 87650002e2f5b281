import Foundation
import Testing

@testable import FuzzTargets

/// Every seed, as it is and with a few bytes changed, goes through its target: nothing traps, and what each
/// target promises of what it reads holds. `ROLLCALL_FUZZ_CHANGES` repeats the changes of a run that printed
/// their number.
@Suite struct SeedTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Protocol")

    @Test(arguments: FuzzTarget.all.map(\.name)) func seeds(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = try Seed.all(in: SeedTests.folder).filter { $0.target == name }
        let repeated = ProcessInfo.processInfo.environment["ROLLCALL_FUZZ_CHANGES"].flatMap(UInt64.init)
        var random = Mutation(seed: repeated ?? UInt64.random(in: .min ... .max))
        print("\(name): \(seeds.count) seeds, changed by \(random.state)")
        #expect(!seeds.isEmpty)
        target.run([])
        for seed in seeds { target.run(seed.bytes) }
        for round in 0..<1_000 {
            let seed = seeds.isEmpty ? [] : seeds[round % seeds.count].bytes
            target.run(random.change(seed))
        }
    }

    @Test func everySeedHasItsTarget() throws {
        let names = Set(FuzzTarget.all.map(\.name))
        for seed in try Seed.all(in: SeedTests.folder) { #expect(names.contains(seed.target)) }
    }
}

/// A few changes of some bytes, the same for the same state (SplitMix64).
private struct Mutation: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func change(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = Array(bytes.prefix(4_096))
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let at = Int.random(in: 0...bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes.insert(UInt8.random(in: .min ... .max, using: &self), at: at)
            case 1 where at < bytes.count: bytes.remove(at: at)
            case 2 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 3 where at < bytes.count: bytes[at] = [0, 0x7f, 0x80, 0xff].randomElement(using: &self) ?? 0
            case 4 where at < bytes.count: bytes.removeSubrange(at...)
            default: bytes.append(UInt8.random(in: .min ... .max, using: &self))
            }
        }
        return bytes
    }
}
