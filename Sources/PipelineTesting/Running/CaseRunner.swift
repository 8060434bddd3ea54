import Logging
import MarketplaceSimulator
import RunnelEngine
import RunnelHTTP
import RunnelKit
import RunnelSupport
import YAML

/// Runs one test: lays out its world, runs the pipeline in it, and looks at what came of it.
struct CaseRunner {
    let suite: PipelineTestSuite
    let test: PipelineTestCase
    let copies: ProjectCopies
    /// How long the run may really take.
    let limit: Duration
    /// nil: the test gives the answers itself.
    var live: LiveTesting?

    /// The id of every run of a test, so that a test can name a file after it.
    static let runID = "00000000-0000-7000-8000-000000000000"

    func run() async -> PipelineTestResult {
        let start = ContinuousClock.now
        guard let live else {
            let run = await once()
            return PipelineTestResult(
                file: suite.file, name: test.name, range: test.node.range, duration: start.duration(to: .now),
                mismatches: run.mismatches)
        }
        var samples: [Sample] = []
        while samples.count < live.samples, !live.budget.isSpent, !Task.isCancelled { samples.append(await once()) }
        var mismatches: [TestMismatch] = []
        if samples.count < live.samples {
            mismatches.append(
                TestMismatch(
                    "test", test.node.range,
                    "only \(samples.count) of \(live.samples) samples ran: "
                        + (Task.isCancelled ? "the test was interrupted" : "the budget of model tokens is used up")))
        }
        let passed = samples.count { $0.mismatches.isEmpty }
        if passed < live.needed(of: live.samples) {
            mismatches += samples.first { !$0.mismatches.isEmpty }?.mismatches ?? []
        }
        return PipelineTestResult(
            file: suite.file, name: test.name, range: test.node.range, duration: start.duration(to: .now),
            mismatches: mismatches, samples: .init(passed: passed, count: samples.count),
            answers: samples.first { $0.mismatches.isEmpty }?.answers ?? samples.first?.answers ?? [])
    }

    /// One run of the test, and what came of it.
    private struct Sample {
        var mismatches: [TestMismatch]
        var answers: [RecordedAnswers] = []
    }

    private func once() async -> Sample {
        do {
            return try await copies.with(of: suite.project, files: test.setting.files) { copy in
                let clock = JumpingClock()
                let agent = CannedAgent(test.chat, runID: Self.runID)
                guard live == nil else { return try await run(in: copy, clock, agent, nil) }
                return try await MarketplaceSimulator.withSimulator(TestServices.simulator(agent)) { simulator in
                    try await run(in: copy, clock, agent, simulator)
                }
            }
        } catch let failure as ProjectCopy.Failure {
            return Sample(mismatches: [TestMismatch("test", test.node.range, failure.message)])
        } catch  where Task.isCancelled {
            return Sample(mismatches: [interrupted])
        } catch let error as StepError {
            return Sample(mismatches: [TestMismatch("test", test.node.range, error.message, hint: error.hint)])
        } catch {
            return Sample(mismatches: [TestMismatch("test", test.node.range, "the test could not be run: \(error)")])
        }
    }

    private func run(
        in copy: ProjectCopy, _ clock: JumpingClock, _ agent: CannedAgent, _ simulator: RunningSimulator?
    ) async throws -> Sample {
        guard let (pipeline, environment) = suite.subject else { return Sample(mismatches: []) }
        guard let request = request(in: copy) else {
            return Sample(mismatches: [
                TestMismatch(
                    "input_file", test.start.inputFileNode?.range,
                    "there is no file \"\(test.start.inputFile ?? "")\" in the project",
                    hint: "add it to `files:`, or name another")
            ])
        }
        let web = CannedWeb(test.http, clock: clock)
        let steps = StandInSteps(test.steps)
        let setting = test.setting
        let world = TestWorld(directory: copy.directory, secrets: setting.secrets, env: setting.env)
        let registry = try await suite.project.makeRegistry?(world) ?? suite.project.registry
        // Stand-ins are for the run alone: services are those of the plugins themselves.
        let asked = AskedChats()
        let plugins = live == nil ? registry.plugins : try asked.registry(registry.plugins).plugins
        let stepRegistry =
            !test.steps.isEmpty
            ? try steps.registry(plugins) : live == nil ? registry : try asked.registry(registry.plugins)
        let services = await TestServices.make(plugins: registry.plugins, web: web, simulator: simulator, clock: clock)
        let runner = PipelineRunner(
            registry: stepRegistry, environment: environment, services: services,
            project: ProjectDirectory(
                path: copy.directory, protected: suite.project.files, followedLinks: suite.project.followedLinks),
            values: ProjectValues(
                secrets: setting.secrets, env: setting.env, vars: suite.project.names.vars),
            redactor: Redactor(secrets: setting.secrets.values),
            logger: Logger(label: "runnel.test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
            now: { setting.now + clock.passed.nanoseconds }, grace: .seconds(1),
            prices: suite.project.prices,
            onUsage: { [budget = live?.budget] in budget?.add($0) }, jitter: { 1 })
        func sample() async -> Sample {
            let skipped = Watched<Set<String>>([])
            let (ended, isLate) = await withDeadline(limit, clock: ContinuousClock()) {
                await runner.run(pipeline, request) { event in
                    switch event.kind {
                    // An item of a list is no step.
                    case .stepSkipped(let place) where !place.id.hasSuffix("]"):
                        skipped.update { _ = $0.insert(place.id) }
                    // What follows is a pause, and nobody has to wait for it.
                    case .stepFailed(_, _, _, let retryIn?): clock.skip(retryIn)
                    default: break
                    }
                }
            }
            guard !Task.isCancelled else { return Sample(mismatches: [interrupted]) }
            guard !isLate, case .success(let result) = ended else { return Sample(mismatches: [tooLong]) }
            let missing = (web.missing + agent.missing + steps.missing).map {
                TestMismatch("test", test.node.range, $0.message, hint: $0.hint)
            }
            // What follows from a call without an answer says nothing.
            guard missing.isEmpty else { return Sample(mismatches: missing) }
            let run = TestRun(
                outcome: result.outcome, outputs: result.outputs, skipped: skipped.value,
                prompts: live == nil ? agent.sent : asked.sent,
                requests: web.sent, copy: copy)
            var expect = test.expect
            var unused = unused(web, agent, steps)
            if live != nil {
                // The agent gives its own answers, so it may be asked for fewer of them.
                unused.removeAll { $0.subject == "chat" }
                expect.prompts = expect.prompts.map { $0.without(repeatsBeyond: run.prompts(for: $0).count) }
            }
            var mismatches =
                ExpectationCheck(run: run, expect: expect, test: test, sources: suite.sources).mismatches + unused
            if live != nil, mismatches.isEmpty, let judge = expect.judge, case .succeeded(let output) = result.outcome {
                let judge = Judge(expected: judge, runner: runner, registry: registry, names: suite.project.names)
                mismatches = await judge.mismatches(output, Self.runID)
            }
            return Sample(
                mismatches: mismatches,
                answers: live == nil
                    ? []
                    : RecordedAnswers.all(in: result.outputs, of: pipeline, agentSteps: registry.agentSteps))
        }
        let sample = await sample()
        await services.shutDown()
        return sample
    }

    private var tooLong: TestMismatch {
        TestMismatch(
            "test", test.node.range, "the run took longer than \(DurationText.format(limit)) and was cancelled",
            hint: "a step waits for something that does not come in a test")
    }

    private var interrupted: TestMismatch { TestMismatch("test", test.node.range, "the test was interrupted") }

    private func request(in copy: ProjectCopy) -> RunRequest? {
        let completion = TriggerCompletion(now: test.setting.now) { copy.contents(of: $0) }
        let started =
            test.start.inputFile.map { completion.inputFile($0) } ?? completion.complete(test.start)
        guard let started else { return nil }
        return RunRequest(
            id: Self.runID, inputs: test.start.inputs, trigger: .object(started.trigger), input: started.input)
    }

    private func unused(_ web: CannedWeb, _ agent: CannedAgent, _ steps: StandInSteps) -> [TestMismatch] {
        let hint = "remove it, or find out why the run did not ask"
        return web.unused.filter { !$0.isRepeated }.map {
            TestMismatch("http", $0.node.range, "this answer was not asked for", hint: hint)
        }
            + agent.unused.filter { !$0.isRepeated }.map {
                TestMismatch("chat", $0.node.range, "this answer was not asked for", hint: hint)
            }
            + steps.unused.map {
                TestMismatch("steps.\($0.id)", $0.step.node.range, "the step ran less often than this", hint: hint)
            }
    }
}

/// What is known of a run when it is over.
struct TestRun {
    let outcome: RunOutcome
    let outputs: ValueObject
    /// The steps that were skipped, without the items of a list.
    let skipped: Set<String>
    let prompts: [SentPrompt]
    let requests: [SentRequest]
    let copy: ProjectCopy

    /// Those that an expectation is about.
    func prompts(for expected: Expectations.Prompts) -> [SentPrompt] {
        expected.step.map { prompts(of: $0) } ?? prompts
    }

    /// Those of one step, in the order of its items: items that run side by side ask in any order.
    func prompts(of step: String) -> [SentPrompt] {
        prompts.enumerated().filter { $0.element.step == step }.sorted { left, right in
            let (first, second) = (left.element.items, right.element.items)
            return first == second ? left.offset < right.offset : first.lexicographicallyPrecedes(second)
        }.map(\.element)
    }
}

/// The clients of one test. Only that of an agent that is really asked leaves this machine.
enum TestServices {
    /// The simulator behind the Marketplace client, with the answers of a test.
    static func simulator(_ agent: CannedAgent) -> SimulatorConfiguration {
        var configuration = SimulatorConfiguration()
        configuration.pace = .zero
        configuration.cannedAnswer = { agent.answer($0) }
        return configuration
    }

    /// - Parameter simulator: nil: the agent that the project is configured for.
    static func make(
        plugins: [any Plugin], web: CannedWeb, simulator: RunningSimulator?, clock: JumpingClock
    ) async -> Services {
        let services = Services()
        await HTTPClientService.register(web, in: services)
        guard let simulator else {
            for plugin in plugins { await plugin.registerServices(in: services) }
            return services
        }
        let simulated = simulator.configuration
        let standIn = AgentStandIn(
            baseURL: simulator.baseURL, clientID: simulated.clientID, clientSecret: simulated.clientSecret,
            agentID: simulated.agentID,
            pacing: AgentStandIn.Pacing(clock: PauseClock(time: clock), timeLimit: PauseClock.limit))
        for plugin in plugins { await plugin.talking(toAny: standIn).registerServices(in: services) }
        return services
    }
}
