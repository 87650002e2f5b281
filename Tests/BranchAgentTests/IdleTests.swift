import Foundation
import Testing

@testable import BranchAgent

/// A branch that has nothing to do sleeps, and holds little.
@Suite struct IdleTests {
    @Test(.timeLimit(.minutes(1))) func aWriteInTheFolderIsTold() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "idle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "a")
        try Data([1]).write(to: file)
        let bell = Bell()
        let watch = StoreWatch(folder: folder.path) { bell.ring() }
        #expect(!watch.hasTold)
        let handle = try FileHandle(forWritingTo: file)
        for _ in 0..<3 {
            try handle.write(contentsOf: Data([2]))
            #expect(await bell.wait(atMost: .seconds(600)))
        }
        #expect(watch.hasTold)
        try handle.close()
        #expect(await bell.wait(atMost: .seconds(600)), "who closes it has committed it")
    }

    @Test func whereNothingIsToldOneLooksOften() async {
        let watch = StoreWatch(folder: "/nowhere/at/all") {}
        #expect(!watch.hasTold)
    }

    @Test(.timeLimit(.minutes(1))) func aRingBeforeTheWaitIsHeardOnce() async {
        let bell = Bell()
        bell.ring()
        bell.ring()
        #expect(await bell.wait(atMost: .seconds(600)))
        #expect(await !bell.wait(atMost: .milliseconds(1)))
    }

    @Test(.timeLimit(.minutes(1))) func whoIsCancelledWaitsNoLonger() async {
        let bell = Bell()
        let waiter = Task { await bell.wait(atMost: .seconds(600)) }
        waiter.cancel()
        #expect(await !waiter.value)
    }

    @Test func onlyWhatIsInMemoryAsInItsFileIsGivenBack() {
        let list = """
            1000-3000 r-xp 00000000 fe:00 1234                       /usr/lib/one.so
            Size:                  8 kB
            Anonymous:             0 kB
            VmFlags: rd ex mr mw me sd
            3000-4000 r--p 00001000 fe:00 1234                       /usr/lib/one.so
            Anonymous:             4 kB
            4000-5000 rw-p 00002000 fe:00 1234                       /usr/lib/one.so
            Anonymous:             0 kB
            5000-6000 r--p 00002000 fe:00 1235                       /usr/lib/a name.so (deleted)
            Anonymous:             0 kB
            6000-7000 r--p 00000000 00:00 0
            Anonymous:             0 kB
            7000-8000 r-xp 00000000 00:00 0                          [vdso]
            Anonymous:             0 kB
            8000-9000 --xp 00000000 fe:00 1236                       /usr/lib/two.so
            Anonymous:             0 kB

            """
        #expect(IdleMemory.pieces(in: list).map(\.range) == [0x1000..<0x3000, 0x5000..<0x6000])
    }

    #if os(Linux)
        @Test func whatIsGivenBackIsLess() throws {
            func pagesOfFiles() throws -> Int {
                let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(
                    separator: " ")
                return try #require(Int(words[2]))
            }
            let before = try pagesOfFiles()
            IdleMemory.giveBack()
            #expect(try pagesOfFiles() < before)
        }
    #endif
}
