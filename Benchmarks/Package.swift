// swift-tools-version: 6.1
import PackageDescription

// The benchmarks' own programs. Build with the cache of the repository: scripts/benchmark.sh NAME.
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let internals: Target.Dependency = .product(name: "_RunnelInternals", package: "runnel")
let kit: Target.Dependency = .product(name: "RunnelKit", package: "runnel")

let package = Package(
    name: "runnel-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "runnel", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        .executableTarget(
            name: "StreamBenchmark",
            dependencies: [
                .product(name: "Marketplace", package: "runnel"), internals,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], path: "stream", exclude: ["run.sh", "peer.py"]),
        .executableTarget(
            name: "JournalBenchmark", dependencies: [kit, internals, log], path: "journal",
            exclude: ["run.sh", "peer.py"]),
        .executableTarget(
            name: "PostgresBenchmark", dependencies: [kit, internals, log], path: "postgres",
            exclude: ["run.sh", "peer.py", "batch.sql"]),
        .executableTarget(
            name: "ServeBenchmark",
            dependencies: [kit, internals, .product(name: "RunnelTesting", package: "runnel"), log], path: "serve",
            exclude: ["common.sh", "idle.sh", "probe.py", "idle-connections.py"]),
    ]
)

for target in package.targets {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
