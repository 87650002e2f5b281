// swift-tools-version: 6.2
import PackageDescription

// Measures ingest against a C program that does the same upserts. A package of its own, so that nobody builds
// it by accident: `swift run -c release --package-path tools/bench`.

let package = Package(
    name: "bench",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "rollcall", path: "../.."),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
    ],
    targets: [
        .target(name: "CFloor", linkerSettings: [.linkedLibrary("sqlite3")]),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CFloor",
                .product(name: "RollcallStore", package: "rollcall"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Sources/Bench"),
    ],
    swiftLanguageModes: [.v6]
)
