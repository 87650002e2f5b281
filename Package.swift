// swift-tools-version: 6.2
import PackageDescription

// Every target is in Swift 6 language mode. Each module exists to forbid an import: what a target may import
// is what it lists here, and `tools/check` builds with `--explicit-target-dependency-import-check error`.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
]

let forms = [
    "unit", "placement", "person", "membership", "excuse", "check-in", "daily-report", "alert", "definition",
    "concern",
    "duty-shift", "test-call", "appointment",
]

let boards = ["coverage", "reports", "alerts", "silence", "concerns"]

let package = Package(
    name: "rollcall",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "aggregator", targets: ["aggregator"]),
        .executable(name: "branch-agent", targets: ["branch-agent"]),
        .executable(name: "sync-inspect", targets: ["sync-inspect"]),
        // For tools/bench, which measures them from outside.
        .library(
            name: "RollcallBenchTargets",
            targets: [
                "SyncCore", "SyncWire", "Forms", "SyncStore", "SQLiteStore", "SyncTransport", "LinkKit",
                "AllocationCount",
            ]),
        // For tools/fuzz, which builds them with sanitizers.
        .library(name: "RollcallFuzzTargets", targets: ["FuzzTargets"]),
        // Loaded into programs by tests that run them at another date.
        .library(name: "FalseClock", type: .dynamic, targets: ["FalseClock"]),
        .executable(name: "sync-sim", targets: ["sync-sim"]),
        .executable(name: "make-college", targets: ["make-college"]),
        .executable(name: "flaky-link", targets: ["flaky-link"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        // MARK: - Values and machines, without input or output

        .target(name: "SyncCore", swiftSettings: settings),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["libz-dev"])]),
        .target(
            name: "SyncWire", dependencies: ["SyncCore", "CZlib"],
            resources: [.embedInCode("../../Protocol/dictionary/dictionary-1.bin")], swiftSettings: settings),
        .target(
            name: "Forms", dependencies: ["SyncCore"],
            resources: forms.map { .embedInCode("../../Protocol/forms/\($0).json") }
                + boards.map { .embedInCode("../../Protocol/boards/\($0).json") },
            swiftSettings: settings),
        .target(name: "SyncStore", dependencies: ["SyncCore", "Forms"], swiftSettings: settings),

        // MARK: - The world: disk and network

        .target(
            name: "SQLiteStore",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "Forms", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        // SHA-256 by the processor's own instructions.
        .target(name: "CSHA256"),
        .target(
            name: "SyncTransport",
            dependencies: [
                "SyncCore", "SyncWire", "CSHA256",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        // MARK: - Programs: libraries and thin mains

        .target(
            name: "Console",
            dependencies: [
                "SyncCore", "SyncStore", "Forms",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "BranchAgent",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "SyncTransport", "Forms", "Console",
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(
            name: "Aggregator",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "SyncTransport", "Forms", "Console",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "aggregator",
            dependencies: ["Aggregator", "Console"],
            path: "Sources/Programs/aggregator",
            swiftSettings: settings),
        .executableTarget(
            name: "branch-agent",
            dependencies: ["BranchAgent", "Console"], path: "Sources/Programs/branch-agent",
            swiftSettings: settings),
        .executableTarget(
            name: "sync-inspect",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "SyncTransport", "Forms", "Console",
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/sync-inspect", swiftSettings: settings),

        // SQLite's files on a disk that fails as it is told: for tests and for the simulator.
        .target(
            name: "FaultKit", dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
            path: "tools/fault-kit", swiftSettings: settings),
        .target(name: "FalseClock", path: "tools/false-clock"),
        .target(name: "AllocationCount", path: "tools/allocation-count"),
        .executableTarget(
            name: "sync-sim",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "Forms", "FaultKit", "LinkKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/sync-sim", swiftSettings: settings),

        .target(
            name: "FuzzTargets", dependencies: ["SyncCore", "SyncWire", "SyncTransport", "Forms", "Console"],
            path: "tools/fuzz/Targets", swiftSettings: settings),

        // MARK: - What the demonstration needs: a made-up college and a link that breaks

        .executableTarget(name: "make-college", path: "tools/make-college", swiftSettings: settings),
        // A link with a rate, a delay, a buffer, losses and cuts, for tests, tools and benchmarks.
        .target(name: "LinkKit", path: "tools/link-kit", swiftSettings: settings),
        .executableTarget(
            name: "flaky-link", dependencies: ["LinkKit"], path: "tools/flaky-link", swiftSettings: settings),

        // MARK: - Tests, one target per module

        .testTarget(name: "SyncCoreTests", dependencies: ["SyncCore"], swiftSettings: settings),
        .testTarget(
            name: "SyncWireTests", dependencies: ["AllocationCount", "SyncCore", "SyncWire"],
            swiftSettings: settings),
        .testTarget(
            name: "VectorTests",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SyncTransport",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings),
        .testTarget(name: "FormsTests", dependencies: ["SyncCore", "Forms"], swiftSettings: settings),
        .testTarget(
            name: "SyncStoreTests",
            dependencies: [
                "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "Forms", "FaultKit",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SyncTransportTests",
            dependencies: [
                "SyncCore", "SyncWire", "SyncTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConsoleTests", dependencies: ["Console", "Forms", "SyncCore", "SyncStore"],
            swiftSettings: settings),
        .testTarget(
            name: "BranchAgentTests",
            dependencies: [
                "BranchAgent", "SyncCore", "SyncStore", "Forms", "Console",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SyncInspectTests",
            dependencies: [
                "sync-inspect", "SyncCore", "SyncWire", "SyncStore", "SQLiteStore", "SyncTransport", "Forms",
                "Console",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Snapshots"], swiftSettings: settings),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["sync-sim", "SyncCore"], swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "aggregator", "branch-agent", "sync-inspect", "BranchAgent", "Aggregator", "SyncCore",
                "SyncWire", "SyncStore", "SQLiteStore", "SyncTransport", "Forms", "Console", "LinkKit",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
