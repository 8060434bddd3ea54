import ArgumentParser
import PipelineTesting
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelSupport
import Templates
import YAML

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
            nothing in the project changes, and no request of a built-in step leaves the machine. Programs of plugins \
            and scripts of `shell` really run, in the copy. With `--live` the configured agent is really asked, which may \
            cost something: only the tests run that hold answers of an agent. `runnel usage` and `marketplace.budget` do \
            not count it; `--budget` limits it.
            """,
            "Exit status: 0 all passed, 1 one failed, 2 a test file has errors.",
            examples: [
                "runnel test": "All tests below the current folder.",
                "runnel test hello": "Those of one pipeline.",
                "runnel test pipelines --filter label --junit out/tests.xml":
                    "Some of them, with results for a CI server.",
                "runnel test --live --samples 5 --at-least 0.8 --budget 100000":
                    "Asks the agent itself, five times a test.",
            ]))

    @Argument(
        help: "Test files, folders of them, or pipelines; default is the project's folder, or the current one.",
        completion: .file())
    var paths: [String] = []
    @Option(help: ArgumentHelp("Only tests whose name contains this text.", valueName: "text")) var filter: String?
    @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"), completion: .file())
    var junit: String?
    @Option(parsing: .unconditional, help: "Number of tests to run in parallel; default is the number of processors.")
    var parallel: Int?
    @Option(parsing: .unconditional, help: ArgumentHelp("Time limit of one test.", valueName: "duration"))
    var limit: DurationArgument?
    @Flag(help: "Ask the configured agent instead of taking the answers in the test files.") var live = false
    @Option(parsing: .unconditional, help: ArgumentHelp("With --live: how often each test runs.", valueName: "number"))
    var samples = 1
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("With --live: the share of samples that has to pass, from 0 to 1.", valueName: "share"))
    var atLeast = 1.0
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("With --live: begin no sample beyond this many model tokens.", valueName: "tokens"))
    var budget: Int?
    @Flag(help: "With --live: write the agent's answers into the test files.") var record = false
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if let parallel, parallel < 1 { throw ValidationError("--parallel \(parallel): expected 1 or more") }
        if samples < 1 { throw ValidationError("--samples \(samples): expected 1 or more") }
        if !(0...1).contains(atLeast) { throw ValidationError("--at-least \(atLeast): expected 0 to 1") }
        if let budget, budget < 1 { throw ValidationError("--budget \(budget): expected 1 or more") }
        guard !live else { return }
        let given = [
            ("--samples", samples != 1), ("--at-least", atLeast != 1), ("--budget", budget != nil),
            ("--record", record),
        ]
        if let option = given.first(where: { $0.1 })?.0 { throw ValidationError("\(option) needs --live") }
    }

    func run() async throws {
        let suites = try await suites()
        let agent = live ? LiveTesting(samples: samples, atLeast: atLeast, budget: budget) : nil
        let tester = PipelineTester(
            parallel: parallel ?? ProcessInfo.processInfo.activeProcessorCount,
            limit: limit?.duration ?? (live ? .seconds(600) : .seconds(60)), live: agent)
        let (report, isInterrupted) = try await withInterrupt { await tester.run(suites) }
        Streams.output.write(styled: report.text(color: TextStyle.standardOutput.hasColor))
        if let agent { Streams.error.write("\(agent.budget.usedTokens) model tokens were used\n") }
        if record { try write(report, of: suites) }
        if let junit {
            do {
                try report.junit().write(toFile: junit, atomically: true, encoding: .utf8)
            } catch {
                throw ExitStatus.runFailed.reporting(
                    "cannot write the results to \"\(junit)\": \(NewFiles.reason(error))")
            }
        }
        if isInterrupted { throw ExitStatus.interrupted }
        if report.broken > 0 { throw ExitStatus.usage }
        if !report.isSuccess { throw ExitStatus.runFailed }
    }

    /// Writes what the agent answered into the test files.
    private func write(_ report: PipelineTestReport, of suites: [PipelineTestSuite]) throws {
        for (suite, results) in zip(suites, report.suites.map(\.results)) {
            guard let recorded = suite.recorded(results) else { continue }
            for name in recorded.leftOut {
                Streams.error.write(
                    "warning: \(suite.file): the answers of \"\(name)\" are not recorded\n"
                        + "  = write each key of the test on a line of its own, `name` first\n")
            }
            do {
                try recorded.text.write(toFile: suite.file, atomically: true, encoding: .utf8)
            } catch {
                throw ExitStatus.runFailed.reporting("cannot write \"\(suite.file)\": \(NewFiles.reason(error))")
            }
        }
    }

    private func suites() async throws -> [PipelineTestSuite] {
        let usual = options.directory ?? "."
        var projects: [String: TestProject] = [:]
        var files: [String]
        do throws(FileReading.Failure) {
            _ = try options.folder()
            files =
                try paths.isEmpty
                ? Self.files(of: PipelineTestFiles.under(usual, entering: PipelineFolder.entered(usual))) : named()
        } catch {
            throw ExitStatus.usage.reporting(error.message)
        }
        if paths.isEmpty, !files.isEmpty, Project.isProject(usual) {
            let project = try await project(from: FileReading.absolute(usual), &projects)
            files = try Self.withoutArrivals(files, in: project)
        }
        for file in files where !PipelineTestFiles.isTestFile(file) {
            let bytes = try? FileReading.yaml(of: file)
            let root = bytes.flatMap { try? YAMLParser.parse($0, name: file).root }
            guard root?["steps"] != nil else { continue }
            let tests = Self.tests(of: file)
            let hint = FileReading.exists(tests) ? "its tests are in \(tests)" : "`runnel new test \(file)` adds one"
            throw ExitStatus.usage.reporting("\"\(file)\" is a pipeline, not a test", hint: hint)
        }
        guard !files.isEmpty else {
            throw ExitStatus.usage.reporting(
                "there are no tests (.test.yaml) in \(paths.isEmpty ? usual : paths.joined(separator: ", "))",
                hint: "`runnel new test PIPELINE` creates one")
        }
        var suites: [PipelineTestSuite] = []
        for file in files {
            let project = try await project(
                from: options.folder() ?? FileReading.folder(of: FileReading.absolute(file)), &projects)
            let suite = try PipelineTestSuite.load(file, project: project)
            if let link = suite.sources.map(\.name).first(where: { FileReading.leads(out: project.directory, $0) }) {
                throw ExitStatus.usage.reporting(OutsideLink.message(link), hint: OutsideLink.hint)
            }
            suites.append(filter.map { text in suite.filter { $0.contains(text) } } ?? suite)
        }
        if let filter, suites.allSatisfy({ $0.isEmpty }) {
            throw ExitStatus.usage.reporting("no test's name contains \"\(filter)\"")
        }
        return suites
    }

    /// The files without those in folders that triggers name: anybody could have sent them. Says which are left out.
    private static func withoutArrivals(_ files: [String], in project: TestProject) throws -> [String] {
        let directory = project.directory
        let folder = ProjectDirectory(
            path: directory, protected: project.files, followedLinks: project.followedLinks)
        let loader = try PipelineLoader(registry: project.registry, project: folder)
        let served = PipelineFolder.usual(in: directory)
        let pipelines = ((try? PipelineFolder(searching: served).contents()) ?? []).compactMap { file, bytes in
            bytes.flatMap { loader.load($0, file: file, isStored: true).pipeline }
        }
        let vars = ValueObject(project.names.vars.map { ($0.key, $0.value) })
        let checker = FolderChecker(
            registry: project.registry, project: folder, scope: DictionaryScope(["vars": .object(vars)]))
        var kept = files
        for name in checker.folders(ofTriggersIn: pipelines).sorted() {
            let path = "\(directory)/\(name)/"
            // Tests beside pipelines are the author's.
            guard !name.isEmpty, !"\(served)/".hasPrefix(path) else { continue }
            let found = kept.filter { FileReading.absolute($0).hasPrefix(path) }
            guard !found.isEmpty else { continue }
            kept.removeAll { found.contains($0) }
            let (count, verb) = found.count == 1 ? ("1 test file", "is") : ("\(found.count) test files", "are")
            let shown = FileReading.shown(directory + "/" + name)
            Streams.error.write(
                "warning: \(count) in \"\(shown)\" \(verb) left out: a trigger names the folder for files that arrive\n"
                    + "  = if you trust them: `runnel test \(shown)`\n")
        }
        return kept
    }

    /// The test files that the arguments name: the files themselves, those below folders, and those of pipelines.
    private func named() throws(FileReading.Failure) -> [String] {
        var files: [String] = []
        for path in paths {
            if let found = PipelineTestFiles.under(path) {
                files += try Self.files(of: found)
                continue
            }
            let pipeline = LoadedPipeline.path(path, in: options.directory)
            guard FileReading.exists(pipeline) else {
                throw PipelineFiles.missing(path, in: options.directory)
            }
            let tests = Self.tests(of: pipeline)
            files.append(FileReading.exists(tests) ? tests : pipeline)
        }
        return files
    }

    /// Throws where a folder cannot be listed: its tests would not run, and nobody would know.
    private static func files(of found: FolderListing.Found?) throws(FileReading.Failure) -> [String] {
        if let folder = found?.unreadable.first { throw PipelineFolder.unreadable(folder) }
        return found?.files ?? []
    }

    /// The test file that belongs to a pipeline.
    private static func tests(of pipeline: String) -> String {
        pipeline.withoutYAMLEnding + ".test.yaml"
    }

    private func project(from folder: String, _ known: inout [String: TestProject]) async throws -> TestProject {
        let found: Result<Project, InvalidConfiguration>
        do {
            // Tests are isolated from the real environment, unless they ask the real agent.
            found = try Project.find(
                from: folder, config: options.config, environment: live ? ProcessInfo.processInfo.environment : [:],
                hasSecrets: live, runsCommands: live)
        } catch {
            throw ExitStatus.usage.reporting(error.message)
        }
        let project = try found.mapError { $0.reported() }.get()
        if let known = known[project.directory] { return known }
        let plugins = try await ProjectPlugins.load(project, simulates: !live)
        plugins.write(redactor: project.redactor)
        let files = project.files()
        var made = TestProject(
            directory: project.directory, names: project.names, registry: plugins.registry,
            files: files.protected, followedLinks: files.followedLinks)
        made.distrust = project.distrust
        made.prices = project.settings.prices
        if !plugins.folders.isEmpty {
            made.makeRegistry = { [live] world in try await Self.registry(of: project, in: world, simulates: !live) }
        }
        known[project.directory] = made
        return made
    }

    /// The plugins of one test: their processes get its copy of the project and its secrets.
    private static func registry(
        of project: Project, in world: TestWorld, simulates: Bool
    ) async throws -> StepRegistry {
        var variables = world.env
        for name in EnvironmentList.always where variables[name] == nil {
            variables[name] = ProcessInfo.processInfo.environment[name]
        }
        let (secrets, declared) = (world.secrets, Set(project.settings.secrets.keys))
        let host = ProcessHost(
            variables: variables, project: world.directory, secret: { secrets[$0] },
            missing: { name in
                guard declared.contains(name) else { return nil }
                return (
                    "has no stand-in in this test",
                    "a test reads no real secrets: give it a stand-in under `secrets:`"
                )
            })
        return try await ProjectPlugins(project, host: host, simulates: simulates).registry
    }
}
