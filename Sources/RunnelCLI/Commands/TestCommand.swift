import ArgumentParser
import PipelineTesting
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel test`
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Run the tests of pipelines (*.test.yaml).",
        discussion: HelpText.text(
            """
            Each test runs in a copy of its project, with stand-ins for secrets, for the web and for the agent: \
            nothing in the project changes, and no request leaves the machine.
            """,
            "Exit status: 0 all passed, 1 one failed, 2 a test file has errors.",
            examples: [
                "runnel test": "All tests below the current folder.",
                "runnel test pipelines --filter label --junit out/tests.xml":
                    "Some of them, with results for a CI server.",
            ]))

    @Argument(
        help: "Test files, or folders with test files; default is the project's folder, or the current one.",
        completion: .file())
    var paths: [String] = []
    @Option(help: ArgumentHelp("Only tests whose name contains this text.", valueName: "text")) var filter: String?
    @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"), completion: .file())
    var junit: String?
    @Option(help: "Number of tests to run in parallel; default is the number of processors.") var parallel: Int?
    @Option(help: ArgumentHelp("Time limit of one test.", valueName: "time")) var limit: DurationArgument?
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if let parallel, parallel < 1 { throw ValidationError("--parallel \(parallel): expected 1 or more") }
    }

    func run() async throws {
        let suites = try await suites()
        let tester = PipelineTester(
            parallel: parallel ?? ProcessInfo.processInfo.activeProcessorCount, limit: limit?.duration ?? .seconds(60))
        let (report, isInterrupted) = try await withInterrupt { await tester.run(suites) }
        Streams.output.write(styled: report.text(color: TextStyle.standardOutput.hasColor))
        if let junit {
            do {
                try report.junit().write(toFile: junit, atomically: true, encoding: .utf8)
            } catch {
                Streams.error.write("error: cannot write the results to \"\(junit)\"\n")
                throw ExitStatus.runFailed
            }
        }
        if isInterrupted { throw ExitStatus.interrupted }
        if report.broken > 0 { throw ExitStatus.usage }
        if !report.isSuccess { throw ExitStatus.runFailed }
    }

    private func suites() async throws -> [PipelineTestSuite] {
        var files: [String] = []
        let paths = paths.isEmpty ? [options.directory ?? "."] : paths
        for path in paths {
            guard let found = PipelineTestFiles.under(path) else {
                Streams.error.write("error: there is no file or folder \"\(path)\"\n")
                throw ExitStatus.usage
            }
            files += found
        }
        guard !files.isEmpty else {
            Streams.error.write(
                "error: there are no tests (.test.yaml) in \(paths.joined(separator: ", "))\n"
                    + "  = `runnel new test PIPELINE` creates one\n")
            throw ExitStatus.usage
        }
        var projects: [String: TestProject] = [:]
        var suites: [PipelineTestSuite] = []
        for file in files {
            let suite = try PipelineTestSuite.load(file, project: try await project(of: file, &projects))
            suites.append(filter.map { text in suite.filter { $0.contains(text) } } ?? suite)
        }
        if let filter, suites.allSatisfy({ $0.isEmpty }) {
            Streams.error.write("error: no test's name contains \"\(filter)\"\n")
            throw ExitStatus.usage
        }
        return suites
    }

    private func project(of file: String, _ known: inout [String: TestProject]) async throws -> TestProject {
        let found: Result<Project, InvalidConfiguration>
        do {
            // Tests are isolated from the real environment.
            found = try Project.find(
                from: options.folder() ?? FileReading.folder(of: FileReading.absolute(file)),
                config: options.config, environment: [:],
                hasSecrets: false)
        } catch {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
        switch found {
        case .failure(let invalid):
            DiagnosticOutput.write([invalid.report], format: .text)
            throw ExitStatus.usage
        case .success(let project):
            if let known = known[project.directory] { return known }
            let plugins = try await ProjectPlugins.load(project, simulates: true)
            plugins.write(redactor: project.redactor)
            var made = TestProject(
                directory: project.directory, names: project.names, registry: plugins.registry,
                files: project.files().protected)
            if !plugins.folders.isEmpty {
                made.makeRegistry = { world in try await Self.registry(of: project, in: world) }
            }
            known[project.directory] = made
            return made
        }
    }

    /// The plugins of one test: their processes get its copy of the project and its secrets.
    private static func registry(of project: Project, in world: TestWorld) async throws -> StepRegistry {
        var variables = world.env
        for name in EnvironmentList.always where variables[name] == nil {
            variables[name] = ProcessInfo.processInfo.environment[name]
        }
        let secrets = world.secrets
        let host = ProcessHost(variables: variables, project: world.directory, secret: { secrets[$0] })
        return try await ProjectPlugins(project, host: host, simulates: true).registry
    }
}
