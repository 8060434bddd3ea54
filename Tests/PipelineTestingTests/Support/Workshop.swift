import ChatPlugin
import FilePlugin
import HTTPPlugin
import LogPlugin
import PipelineTesting
import RunPlugin
import RunnelEngine
import RunnelKit
import RunnelTesting
import SchedulePlugin
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

/// A project in a temporary folder with one pipeline and its tests.
struct Workshop {
    static let plugins: [any Plugin] = [
        FilePlugin(), HTTPPlugin(), TemplatePlugin(), ChatPlugin(), TransformPlugin(), SchedulePlugin(), WatchPlugin(),
        WebhookPlugin(), LogPlugin(), RunPlugin(),
    ]

    let directory: String
    var names = ProjectNames(secrets: ["hook"], env: ["REGION"])
    var plugins = Self.plugins
    var makeRegistry: TestProject.MakeRegistry?
    var followedLinks: Set<String> = []

    /// Runs the tests of a file for a pipeline.
    static func report(
        _ pipeline: String, _ tests: String, limit: Duration = .seconds(60)
    ) async throws -> PipelineTestReport {
        try await withTemporaryDirectory { directory in
            try await Workshop(directory: directory).report(pipeline, tests, limit: limit)
        }
    }

    func report(_ pipeline: String, _ tests: String, limit: Duration = .seconds(60)) async throws -> PipelineTestReport
    {
        await PipelineTester(limit: limit).run([try suite(pipeline, tests)])
    }

    /// Writes both files and reads them.
    func suite(_ pipeline: String, _ tests: String) throws -> PipelineTestSuite {
        try write(pipeline, to: "p.yaml")
        try write(tests, to: "p.test.yaml")
        return try PipelineTestSuite.load(
            directory + "/p.test.yaml",
            project: TestProject(
                directory: directory, names: names, registry: StepRegistry(plugins), makeRegistry: makeRegistry,
                followedLinks: followedLinks))
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    /// What is wrong with a test file: line, column, code, message and hint.
    static func problems(_ pipeline: String, _ tests: String) async throws -> [String] {
        try await withTemporaryDirectory { directory in
            try Workshop(directory: directory).suite(pipeline, tests).diagnostics.map { diagnostic in
                let place = diagnostic.range.map { "\($0.start.line):\($0.start.column) " } ?? ""
                return "\(place)\(diagnostic.code): \(diagnostic.message)"
                    + (diagnostic.hint.map { " (\($0))" } ?? "")
            }.map { $0.replacing(directory + "/", with: "") }
        }
    }
}

/// Runs `body` with a workshop of its own.
func withWorkshop<Result>(_ body: (Workshop) async throws -> Result) async throws -> Result {
    try await withTemporaryDirectory { try await body(Workshop(directory: $0)) }
}
