import ChatPlugin
import FilePlugin
import HTTPPlugin
import LogPlugin
import RunPlugin
import RunnelEngine
import RunnelKit
import SchedulePlugin
import ShellPlugin
import TemplatePlugin
import TransformPlugin
import WatchPlugin
import WebhookPlugin
import YAML

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The project's own files, and what ships with it.
enum Project {
    static func registry(with others: [any Plugin] = []) throws -> StepRegistry {
        try StepRegistry(
            [
                FilePlugin(), HTTPPlugin(), TemplatePlugin(), ChatPlugin(), TransformPlugin(), SchedulePlugin(),
                WatchPlugin(), WebhookPlugin(), RunPlugin(), ShellPlugin(), LogPlugin(),
            ] + others)
    }

    /// The folder of the package.
    static let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        .joined(separator: "/")

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(folder)/\(path)")))
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        let url = URL(filePath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    static func remove(_ path: String) throws {
        try FileManager.default.removeItem(at: URL(filePath: "\(folder)/\(path)"))
    }

    /// The files below a folder that end in `suffix`, sorted.
    static func files(in path: String, suffix: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/\(path)").filter { $0.hasSuffix(suffix) }
            .map { "\(path)/\($0)" }.sorted()
    }

    /// The pipelines that ship; beside them are their tests.
    static func pipelines() throws -> [String] {
        try files(in: "pipelines", suffix: ".yaml").filter { !$0.hasSuffix(".test.yaml") }
    }

    /// What the engine makes of a pipeline.
    static func load(_ yaml: String, registry: StepRegistry? = nil) throws -> (Pipeline?, [Diagnostic]) {
        let loader = try PipelineLoader(registry: try registry ?? self.registry())
        let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
        return (pipeline, report.diagnostics)
    }

    static func data(_ yaml: String) throws -> Value {
        let document = try YAMLParser.parse(Array(yaml.utf8), name: "p.yaml")
        return document.root.map { Value($0) } ?? .null
    }
}

extension String {
    /// With spaces before each line.
    func indented(by width: Int) -> String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : String(repeating: " ", count: width) + $0 }.joined(separator: "\n")
    }
}
