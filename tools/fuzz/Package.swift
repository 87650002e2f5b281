// swift-tools-version: 6.2
import PackageDescription

// libFuzzer around the targets of the main package. A package of its own, because everything in it is built
// with the sanitizers: `tools/fuzz/run` builds and runs it.

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "rollcall", path: "../..")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: [.product(name: "RollcallFuzzTargets", package: "rollcall")])
    ],
    swiftLanguageModes: [.v6]
)
