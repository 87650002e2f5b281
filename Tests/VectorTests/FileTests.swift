import Foundation
import Testing

/// The files hold the cases defined here. With `ROLLCALL_REWRITE_VECTORS=1` they are written anew.
@Suite struct FileTests {
    @Test(arguments: VectorFile.all)
    func holdsWhatIsDefined(file: VectorFile) throws {
        let text = try file.text
        if ProcessInfo.processInfo.environment["ROLLCALL_REWRITE_VECTORS"] == "1" {
            try Data(text.utf8).write(to: file.url)
        }
        let isTheSame = try Data(contentsOf: file.url) == Data(text.utf8)
        #expect(
            isTheSame,
            "\(file.name).json differs; look at why, then ROLLCALL_REWRITE_VECTORS=1 writes it anew")
    }

    @Test func everyFileIsDefined() throws {
        let stored = try FileManager.default.contentsOfDirectory(atPath: VectorFile.folder.path)
            .filter { $0.hasSuffix(".json") }.sorted()
        #expect(stored == VectorFile.all.map { "\($0.name).json" }.sorted())
    }

    @Test(arguments: VectorFile.all)
    func everyNameStandsOnce(file: VectorFile) throws {
        for (part, cases) in try VectorFile.stored(file.name).members {
            let names = cases.items.map(\.["name"].string).filter { !$0.isEmpty }
            #expect(Set(names).count == names.count, "\(file.name), \(part)")
        }
    }
}
