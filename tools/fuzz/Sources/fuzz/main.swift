import Foundation
import FuzzTargets

// `fuzz targets` names them. `fuzz seeds PROTOCOL FOLDER` writes what every target starts from.
// `fuzz keep FOLDER FILE` writes inputs as lines of a file. Otherwise it is libFuzzer's driver around the
// target whose name stands in ROLLCALL_FUZZ_TARGET.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer's own main program wants this name, though the driver is given the callback.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Chosen.target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

enum Chosen {
    static let target: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["ROLLCALL_FUZZ_TARGET"] ?? ""
        guard let found = FuzzTarget.all.first(where: { $0.name == name }) else {
            print("ROLLCALL_FUZZ_TARGET names none of \(FuzzTarget.all.map(\.name))")
            exit(64)
        }
        return found
    }()
}

private func writeSeeds(of source: String, to folder: String) throws {
    let root = URL(filePath: folder)
    for target in FuzzTarget.all {
        try FileManager.default.createDirectory(
            at: root.appending(path: target.name), withIntermediateDirectories: true)
    }
    for seed in try Seed.all(in: URL(filePath: source)) {
        let file = root.appending(path: seed.target).appending(path: "seed-\(seed.name)")
        try Data(seed.bytes).write(to: file)
    }
}

/// The smallest first, as many as are worth keeping.
private func keep(_ folder: String, in file: String) throws {
    let inputs = try FileManager.default.contentsOfDirectory(
        at: URL(filePath: folder), includingPropertiesForKeys: nil
    ).map { Array(try Data(contentsOf: $0)) }
    try Data(Seed.grown(from: inputs).utf8).write(to: URL(filePath: file))
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
switch (CommandLine.arguments.dropFirst().first, CommandLine.arguments.count) {
case ("targets", 2): for target in FuzzTarget.all { print(target.name) }
case ("seeds", 4): try writeSeeds(of: CommandLine.arguments[2], to: CommandLine.arguments[3])
case ("keep", 4): try keep(CommandLine.arguments[2], in: CommandLine.arguments[3])
default: exit(runDriver(&count, &arguments, testOneInput))
}
