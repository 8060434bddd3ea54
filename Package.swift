// swift-tools-version: 6.1
import PackageDescription

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "runnel",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "runnel", targets: ["runnel"]),
        .library(name: "RunnelKit", targets: ["RunnelKit"]),
        .library(name: "RunnelValue", targets: ["RunnelValue"]),
        .library(name: "RunnelHTTP", targets: ["RunnelHTTP"]),
        .library(name: "JSONSchema", targets: ["JSONSchema"]),
        .library(name: "RunnelCLI", targets: ["RunnelCLI"]),
        .library(name: "RunnelTesting", targets: ["RunnelTesting"]),
        .library(name: "Marketplace", targets: ["Marketplace"]),
        .library(name: "MarketplaceSimulator", targets: ["MarketplaceSimulator"]),
        // For the package in Benchmarks alone. No API: it changes without notice.
        .library(
            name: "_RunnelInternals",
            targets: ["LibC", "RunnelEngine", "RunnelStore", "SchedulePlugin", "TemplatePlugin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The system's C libraries.
        .systemLibrary(
            name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),

        // What knows nobody.
        .target(
            name: "RunnelValue", dependencies: [.product(name: "OrderedCollections", package: "swift-collections")]),
        .target(name: "LibC"),
        .target(
            name: "CRunnelDecoding",
            linkerSettings: [
                .linkedLibrary("z"), .linkedLibrary("iconv", .when(platforms: [.macOS])),
                .linkedLibrary("dl", .when(platforms: [.linux])),
            ]),
        .target(name: "RunnelSupport", dependencies: ["RunnelValue", "CRunnelDecoding"]),
        .target(name: "YAML", dependencies: ["CLibYAML", "RunnelValue", "RunnelSupport"]),
        .target(name: "RunnelKit", dependencies: ["RunnelValue", "RunnelSupport", crypto, log, tracing]),
        .target(
            name: "HTTPCalling",
            dependencies: [httpClient, nio[0], nio[2], .product(name: "NIOSOCKS", package: "swift-nio-extras")]),
        .target(
            name: "Marketplace", dependencies: ["RunnelValue", "RunnelSupport", "HTTPCalling", httpClient, log] + nio),
        .target(
            name: "HTTPServing",
            dependencies: [
                "RunnelSupport", hummingbird, log, nio[0], nio[1],
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "MarketplaceSimulator",
            dependencies: ["RunnelValue", "RunnelSupport", "HTTPServing", hummingbird, log, nio[0]]),

        // What stands on RunnelKit.
        .target(name: "JSONSchema", dependencies: ["RunnelSupport", "RunnelKit"]),
        .target(name: "Templates", dependencies: ["RunnelSupport", "RunnelKit"]),
        .target(
            name: "RunnelHTTP",
            dependencies: [
                "RunnelKit", "RunnelSupport", "HTTPCalling", httpClient, log,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio),
        .target(
            name: "PipelineTesting",
            dependencies: [
                "RunnelSupport", "Templates", "RunnelEngine", "RunnelKit", "YAML", "MarketplaceSimulator", "RunnelHTTP",
                log, nio[2],
            ]),
        .target(
            name: "MCP",
            dependencies: [
                "RunnelSupport", "JSONSchema", "RunnelHTTP", "RunnelKit", "RunnelProcess", httpClient, log, nio[0],
                nio[2],
            ]),
        .target(
            name: "RunnelReference", dependencies: ["RunnelKit", "RunnelEngine", "Templates", "JSONSchema", "YAML"]),
        .target(name: "RunnelTesting", dependencies: ["JSONSchema", "RunnelKit", log]),
        .target(name: "SystemThread"),
        .target(name: "CRunnelPostgres", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "PostgresClient", dependencies: ["CRunnelPostgres"]),
        .target(name: "CRunnelFiles"),
        .target(name: "CRunnelSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CRunnelSpawn"),
        .target(
            name: "CRunnelJQ", dependencies: ["CRunnelSpawn"],
            linkerSettings: [.linkedLibrary("jq"), .linkedLibrary("gumbo")]),
        .target(
            name: "RunnelProcess",
            dependencies: [
                "RunnelKit", "RunnelSupport", "JSONSchema", "CRunnelSpawn", "SystemThread", log,
            ]),
        .target(
            name: "RunnelEngine",
            dependencies: [
                "RunnelSupport", "RunnelKit", "YAML", "JSONSchema", "Templates", crypto, log, metrics, tracing,
            ]),
        .target(
            name: "Telemetry",
            dependencies: ["RunnelSupport", "RunnelKit", "RunnelHTTP", "RunnelEngine", log, metrics, tracing, nio[2]]),

        .target(
            name: "RunnelStore",
            dependencies: [
                "RunnelEngine", "RunnelKit", "PostgresClient", "SystemThread", "CRunnelSQLite", crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),

        // The steps that ship. They have the public API alone, as a plugin of another package.
        .target(
            name: "ChatPlugin",
            dependencies: ["RunnelKit", "RunnelHTTP", "JSONSchema", "Marketplace", httpClient, log, tracing],
            path: "plugins/chat", packageAccess: false),
        .target(name: "FilePlugin", dependencies: ["RunnelKit"], path: "plugins/file", packageAccess: false),
        .target(
            name: "HTTPPlugin", dependencies: ["RunnelKit", "RunnelHTTP", nio[2]], path: "plugins/http",
            packageAccess: false),
        .target(name: "LogPlugin", dependencies: ["RunnelKit", log], path: "plugins/log", packageAccess: false),
        .target(name: "RunPlugin", dependencies: ["RunnelKit", log], path: "plugins/run", packageAccess: false),
        .target(name: "ShellPlugin", dependencies: ["RunnelKit"], path: "plugins/shell", packageAccess: false),
        .target(
            name: "SchedulePlugin", dependencies: ["RunnelKit", log], path: "plugins/schedule", packageAccess: false),
        .target(name: "TemplatePlugin", dependencies: ["RunnelKit"], path: "plugins/template", packageAccess: false),
        .target(
            name: "TransformPlugin",
            dependencies: ["RunnelKit", "RunnelHTTP", "SystemThread", "CRunnelJQ", "CRunnelSpawn"],
            path: "plugins/transform", packageAccess: false),
        .target(
            name: "WatchPlugin", dependencies: ["RunnelKit", "CRunnelFiles", "SystemThread", log],
            path: "plugins/watch", packageAccess: false),
        .target(
            name: "WebhookPlugin", dependencies: ["RunnelKit", "RunnelHTTP", crypto, log, nio[2]],
            path: "plugins/webhook", packageAccess: false),

        // What serves.
        .target(
            name: "RunnelServer",
            dependencies: [
                "HTTPServing", "RunnelEngine", "RunnelKit", "RunnelSupport", "Templates", "YAML", hummingbird, log,
                nio[0], nio[2], nioSSL,
                crypto, metrics,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ],
            resources: ["style.css", "page.js", "live.js", "worker.js", "icon.svg"].map {
                .embedInCode("Dashboard/Assets/\($0)")
            }),

        // What puts everything together.
        .target(
            name: "RunnelCLI",
            dependencies: [
                "RunnelKit", "RunnelSupport", "YAML", "JSONSchema", "Templates", "RunnelEngine", "RunnelServer",
                "RunnelStore", "RunnelHTTP",
                "MCP", "PipelineTesting", "RunnelProcess", "RunnelReference", "RunnelTesting", "Telemetry",
                "Marketplace",
                "MarketplaceSimulator", crypto,
                "ChatPlugin", "FilePlugin", "HTTPPlugin", "LogPlugin", "RunPlugin", "SchedulePlugin", "ShellPlugin",
                "TemplatePlugin", "TransformPlugin",
                "WatchPlugin", "WebhookPlugin", "HTTPCalling", "HTTPServing", log, httpClient, hummingbird, nioSSL,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + nio),
        .executableTarget(name: "runnel", dependencies: ["RunnelCLI"]),

        // A check that is a program of its own.
        .executableTarget(name: "YAMLLeakCheck", dependencies: ["YAML"], path: "Tests/YAMLLeakCheck"),

        .target(
            name: "TestSupport", dependencies: ["RunnelValue"], path: "Tests/Support", resources: [.copy("peers.py")]),
        .target(name: "HTTPTestServer", dependencies: nio, path: "Tests/HTTPPluginTests/Server"),
        .testTarget(
            name: "YAMLTests", dependencies: ["YAML", "TestSupport"],
            resources: [.copy("Resources"), .copy("yaml-test-suite.md")]),
        .testTarget(
            name: "RunnelKitTests", dependencies: ["RunnelKit", "RunnelSupport", "RunnelTesting", "TestSupport"]),
        .testTarget(
            name: "JSONSchemaTests", dependencies: ["JSONSchema", "RunnelKit"], resources: [.copy("Resources")]),
        .testTarget(name: "TemplatesTests", dependencies: ["Templates", "RunnelKit", "TestSupport"]),
        .testTarget(
            name: "MarketplaceTests",
            dependencies: [
                "Marketplace", "RunnelValue", "RunnelSupport", "HTTPTestServer", "TestSupport", httpClient, log,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio,
            resources: [.copy("Resources/sse_cases.json")]),
        .testTarget(
            name: "MarketplaceSimulatorTests",
            dependencies: [
                "RunnelSupport", "MarketplaceSimulator", "RunnelTesting", "RunnelValue", httpClient, nio[0],
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        .testTarget(
            name: "RunnelEngineTests",
            dependencies: [
                "ChatPlugin", "RunnelEngine", "RunnelKit", "RunnelTesting", "Templates", "TestSupport", "YAML", log,
            ]),
        .testTarget(
            name: "RunnelStoreTests",
            dependencies: [
                "RunnelStore", "PostgresClient", "RunnelEngine", "RunnelKit", "RunnelTesting", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], exclude: ["Resources"]),
        .testTarget(
            name: "ChatPluginTests",
            dependencies: [
                "ChatPlugin", "RunnelKit", "RunnelTesting", "Marketplace", "MarketplaceSimulator", "HTTPTestServer",
                httpClient,
            ]),
        .testTarget(name: "FilePluginTests", dependencies: ["FilePlugin", "RunnelKit", "RunnelTesting"]),
        .testTarget(
            name: "BasicPluginTests",
            dependencies: ["FilePlugin", "LogPlugin", "TemplatePlugin", "RunnelKit", "RunnelTesting", log]),
        .testTarget(
            name: "HTTPPluginTests",
            dependencies: [
                "HTTPPlugin", "HTTPTestServer", "RunnelHTTP", "RunnelKit", "RunnelSupport", "RunnelTesting",
                "TestSupport", "TransformPlugin", httpClient, nioSSL,
            ]
                + nio,
            exclude: ["Server"]),
        .testTarget(name: "RunPluginTests", dependencies: ["RunPlugin", "RunnelKit", "RunnelTesting"]),
        .testTarget(
            name: "ShellPluginTests",
            dependencies: [
                "ShellPlugin", "RunnelEngine", "RunnelProcess", "RunnelKit", "RunnelTesting", "TestSupport", log,
            ]),
        .testTarget(
            name: "SchedulePluginTests", dependencies: ["SchedulePlugin", "RunnelKit", "RunnelTesting"],
            resources: [.copy("Resources")]),
        .testTarget(
            name: "WatchPluginTests", dependencies: ["WatchPlugin", "RunnelKit", "RunnelTesting", "TestSupport"]),
        .testTarget(
            name: "WebhookPluginTests",
            dependencies: [
                "WebhookPlugin", "HTTPTestServer", "RunnelHTTP", "RunnelKit", "RunnelTesting", "TestSupport", crypto,
            ] + nio,
            resources: [.copy("Resources/signatures.json")]),
        .testTarget(
            name: "PipelineTestingTests",
            dependencies: [
                "PipelineTesting", "RunnelEngine", "RunnelKit", "RunnelTesting", "YAML", "ChatPlugin", "FilePlugin",
                "HTTPPlugin", "LogPlugin", "RunPlugin", "SchedulePlugin", "TemplatePlugin", "TransformPlugin",
                "WatchPlugin", "WebhookPlugin",
            ]),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", "RunnelEngine", "RunnelHTTP", "RunnelKit", "RunnelTesting", "ChatPlugin", "Marketplace",
                "HTTPTestServer", "TestSupport", log, tracing, httpClient,
            ], resources: [.copy("Resources")]),
        .testTarget(
            name: "RunnelServerTests",
            dependencies: [
                "RunnelServer", "RunnelEngine", "RunnelKit", "RunnelTesting", "HTTPServing", "WebhookPlugin",
                "TemplatePlugin", "LogPlugin", "RunPlugin", "SchedulePlugin", "WatchPlugin", "RunnelSupport",
                "TestSupport", hummingbird, log, crypto, metrics, nioSSL,
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio, exclude: ["Resources"]),
        .testTarget(name: "MCPServerTests", dependencies: ["MCP", "RunnelKit", "RunnelProcess"]),
        .testTarget(
            name: "RunnelReferenceTests",
            dependencies: [
                "RunnelReference", "RunnelEngine", "RunnelKit", "RunnelTesting", "JSONSchema", "Templates", "YAML",
                "ChatPlugin", "FilePlugin", "HTTPPlugin", "LogPlugin", "RunPlugin", "SchedulePlugin", "ShellPlugin",
                "TemplatePlugin", "TransformPlugin",
                "WatchPlugin", "WebhookPlugin", "RunnelCLI", "RunnelProcess",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], resources: [.copy("Resources")]),
        .testTarget(
            name: "RunnelProcessTests",
            dependencies: [
                "RunnelSupport", "MCP", "RunnelProcess", "RunnelKit", "RunnelTesting", "TestSupport", log,
            ],
            resources: [.copy("Resources")]),
        .testTarget(
            name: "TransformPluginTests",
            dependencies: ["TransformPlugin", "CRunnelJQ", "RunnelKit", "RunnelTesting", "TestSupport"]),
        .testTarget(
            name: "RunnelCrashTests",
            dependencies: [
                "runnel", "RunnelStore", "RunnelEngine", "RunnelKit", "MarketplaceSimulator", "HTTPTestServer",
                "TestSupport", httpClient,
                .product(name: "GRDB", package: "GRDB.swift"),
            ] + nio, resources: [.copy("Resources/fault.c")]),
        .testTarget(
            name: "RunnelShutdownTests",
            dependencies: ["runnel", "RunnelStore", "RunnelEngine", "RunnelKit", "TestSupport"] + nio),
        .testTarget(
            name: "RunnelCLITests",
            dependencies: [
                "runnel", "RunnelCLI", "RunnelEngine", "RunnelKit", "RunnelSupport", "RunnelProcess", "JSONSchema",
                "YAML", "HTTPTestServer", "MarketplaceSimulator", "RunnelTesting", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                log,
            ],
            exclude: ["Resources"]),
    ]
)

// One place says how every target is compiled.
for target in package.targets where target.type != .system && !target.name.hasPrefix("CRunnel") {
    // One import of the C library instead of a condition in every file.
    if target.name != "LibC" { target.dependencies.append("LibC") }
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
    if Context.environment["WARNINGS_AS_ERRORS"] != nil {
        target.swiftSettings?.append(.unsafeFlags(["-warnings-as-errors"]))
    }
}

// RUNNEL_TESTS="YAMLTests RunnelKitTests" builds these test targets alone: a short loop while writing.
if let wanted = Context.environment["RUNNEL_TESTS"]?.split(separator: " ").map(String.init) {
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}
