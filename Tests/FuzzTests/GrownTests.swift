import Testing

@testable import FuzzTargets

/// What fuzzing has grown is kept as text, a line for each input.
@Suite struct GrownTests {
    @Test func theSmallestAreKept() {
        #expect(Seed.grown(from: [[3, 4], [], [1], [0xff]]) == "\n01\nff\n0304\n")
        let many = (0..<100).map { Array(repeating: UInt8($0), count: 1_000) }
        #expect(Seed.grown(from: many).split(separator: "\n").count == 30)
    }
}
