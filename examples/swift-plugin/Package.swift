// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "writing-runnel",
    platforms: [.macOS(.v15)],
    // In a project of your own: .package(url: "…/runnel", from: "0.1.0")
    dependencies: [.package(name: "runnel", path: "../..")],
    targets: [
        .target(
            name: "WritingPlugin",
            dependencies: [
                .product(name: "RunnelKit", package: "runnel"), .product(name: "RunnelHTTP", package: "runnel"),
                .product(name: "JSONSchema", package: "runnel"),
            ]),
        .executableTarget(
            name: "writing-runnel",
            dependencies: ["WritingPlugin", .product(name: "RunnelCLI", package: "runnel")]),
        .testTarget(
            name: "WritingPluginTests",
            dependencies: [
                "WritingPlugin", "writing-runnel", .product(name: "RunnelKit", package: "runnel"),
                .product(name: "RunnelHTTP", package: "runnel"),
                .product(name: "RunnelTesting", package: "runnel"),
            ]),
    ]
)
