// swift-tools-version: 6.2
import PackageDescription

// Measures figures beside their floors, both in one run. A package of its own, so that nobody builds it by
// accident: `tools/bench/run` does all of it.

let package = Package(
    name: "bench",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "rollcall", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    ],
    targets: [
        .target(
            name: "CFloor", linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("z")]),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CFloor",
                .product(name: "RollcallBenchTargets", package: "rollcall"),
                // Only built: parts run them as programs of their own.
                .product(name: "aggregator", package: "rollcall"),
                .product(name: "branch-agent", package: "rollcall"),
                .product(name: "make-college", package: "rollcall"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/Bench"),
    ],
    swiftLanguageModes: [.v6]
)
