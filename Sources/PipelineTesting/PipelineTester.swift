public import RunnelEngine
public import RunnelKit
import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Runs the tests of pipelines, several at once, each in a world of its own.
///
/// A test works in a temporary copy of the project, with a clock of its own and stand-ins for secrets, the web and the
/// agent: nothing in the project changes, no request leaves the machine, and a pause between two attempts takes no time.
public struct PipelineTester: Sendable {
    private let parallel: Int
    private let limit: Duration
    private let live: LiveTesting?

    /// - Parameters:
    ///   - parallel: How many tests run at once.
    ///   - limit: How long one test, or one sample of it, may take in real time.
    ///   - live: nil: the tests give the answers of the agent themselves.
    public init(parallel: Int = 4, limit: Duration = .seconds(60), live: LiveTesting? = nil) {
        self.parallel = max(1, parallel)
        self.limit = limit
        self.live = live
    }

    /// Runs all tests of the suites. Suites with errors have none, and make the report fail.
    ///
    /// When the task is cancelled, the tests that go on end, and those that have not begun count as failed.
    public func run(_ suites: [PipelineTestSuite]) async -> PipelineTestReport {
        let start = ContinuousClock.now
        let copies = ProjectCopies()
        defer { copies.removeAll() }
        let work = suites.indices.flatMap { suite in
            suites[suite].cases.filter { live == nil || $0.chat.canBeLive }.map { test in
                (
                    suite: suite,
                    runner: CaseRunner(suite: suites[suite], test: test, copies: copies, limit: limit, live: live)
                )
            }
        }
        var results = [PipelineTestResult?](repeating: nil, count: work.count)
        await withTaskGroup(of: (Int, PipelineTestResult).self) { group in
            for (index, item) in work.enumerated() {
                if index >= parallel, let (done, result) = await group.next() { results[done] = result }
                group.addTask { (index, await item.runner.run()) }
            }
            for await (done, result) in group { results[done] = result }
        }
        let all = zip(work.map(\.suite), results)
        return PipelineTestReport(
            suites: suites.enumerated().map { index, suite in
                PipelineTestReport.Suite(
                    file: suite.file, diagnostics: suite.diagnostics, sources: suite.sources,
                    results: all.filter { $0.0 == index }.compactMap(\.1))
            }, duration: start.duration(to: .now))
    }
}

/// The project that a test file belongs to, as far as its tests need it. Secrets are not part of it.
public struct TestProject: Sendable {
    /// Makes the steps of one test, which see that test's world and nothing of the real one.
    public typealias MakeRegistry = @Sendable (TestWorld) async throws -> StepRegistry

    /// Absolute, without a slash at the end.
    public var directory: String
    /// What `runnel.yaml` makes available to templates. Whether a secret has a value does not matter.
    public var names: ProjectNames
    /// All steps and triggers there are.
    public var registry: StepRegistry
    /// For plugins that are told of the project or its secrets when they are made, such as those that start programs;
    /// nil where ``registry`` will do for every test.
    public var makeRegistry: MakeRegistry?
    /// What pipelines do not touch of the project.
    public var files: ProtectedPlaces
    /// The links that pipelines follow; see `ProjectDirectory`. What they lead to is copied, and stays as it is.
    public var followedLinks: Set<String>
    /// Asked about each file that holds a script; nil to trust all.
    public var distrust: PipelineLoader.Distrust?
    /// What calls of models cost.
    public var prices = PriceTable()

    /// A project; see the properties.
    public init(
        directory: String, names: ProjectNames, registry: StepRegistry, makeRegistry: MakeRegistry? = nil,
        files: ProtectedPlaces = .standard, followedLinks: Set<String> = []
    ) {
        self.directory = directory
        self.names = ProjectNames(secrets: names.secrets, env: names.env, vars: names.vars)
        self.registry = registry
        self.makeRegistry = makeRegistry
        self.files = files
        self.followedLinks = followedLinks
        distrust = nil
    }
}

/// What one test takes for the real world.
public struct TestWorld: Sendable {
    /// The copy of the project, absolute.
    public let directory: String
    /// The stand-ins that the test gives.
    public let secrets: [String: String]
    /// The values of `env` in templates.
    public let env: [String: String]
}

/// Finds test files.
public enum PipelineTestFiles {
    /// Whether a file of this name holds tests of a pipeline.
    public static func isTestFile(_ name: String) -> Bool {
        name.isYAMLFileName && name.withoutYAMLEnding.lowercased().hasSuffix(".test")
    }

    /// The file itself, or all test files below a folder, without those in folders that ``FolderListing`` skips. nil if
    /// there is no such file or folder.
    ///
    /// - Parameter entered: The names of the folders in the outermost one that are searched; nil for all.
    public static func under(_ path: String, entering entered: Set<String>? = nil) -> FolderListing.Found? {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
        guard isDirectory else { return FolderListing.Found(files: [path]) }
        return FolderListing(path, entering: entered, where: isTestFile).look()
    }
}

/// How tests ask the configured agent, instead of giving the answers themselves.
///
/// Such a test runs several times, since an agent does not answer the same twice; the share that passes is reported.
/// Tests without an answer of an agent, and those whose answers go wrong on purpose, are left out.
public struct LiveTesting: Sendable {
    /// How often each test runs.
    public var samples: Int
    /// The share of the samples of a test that has to pass, from 0 to 1.
    public var atLeast: Double
    /// Keeps further samples from beginning once it is spent.
    public let budget: TokenBudget

    /// - Parameters:
    ///   - samples: At least 1.
    ///   - atLeast: From 0 to 1.
    ///   - budget: In model tokens, for all tests together; nil for no limit.
    public init(samples: Int = 1, atLeast: Double = 1, budget: Int? = nil) {
        self.samples = max(1, samples)
        self.atLeast = min(max(atLeast, 0), 1)
        self.budget = TokenBudget(limit: budget)
    }

    /// The samples of `count` that have to pass.
    func needed(of count: Int) -> Int { Int((Double(count) * atLeast - 1e-9).rounded(.up)) }
}

/// Counts the model tokens that tests have used.
public final class TokenBudget: Sendable {
    /// In model tokens; nil for no limit.
    public let limit: Int?
    private let used = Mutex(0)

    init(limit: Int?) {
        self.limit = limit
    }

    /// The model tokens that were used so far.
    public var usedTokens: Int { used.withLock { $0 } }
    var isSpent: Bool { limit.map { usedTokens >= $0 } ?? false }

    /// Adds what one call of a model has used. What the server did not tell is estimated.
    func add(_ usage: UsageRecord) {
        used.withLock { $0 += usage.countedTokens }
    }
}
