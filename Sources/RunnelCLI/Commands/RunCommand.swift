import ArgumentParser
import MarketplaceSimulator
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a pipeline once.",
        discussion: """
            The output of the last step goes to standard output, everything else to standard error.
            Exit status: 0 the run succeeded, 1 it failed, 2 usage or an invalid pipeline, 130 interrupted.
            """)

    @Argument(help: "The pipeline's file; `.yaml` may be left out.", completion: .file(extensions: ["yaml", "yml"]))
    var pipeline: String

    @Option(name: .customLong("input"), help: ArgumentHelp("Set an input of the pipeline.", valueName: "name=value"))
    var inputs: [String] = []

    @Option(
        help: "Give the first step the content of this file as its input; `-` is standard input.", completion: .file())
    var inputFile: String?

    @Flag(help: "Talk to an embedded simulator instead of the Marketplace.")
    var simulate = false

    @Option(help: ArgumentHelp("With --simulate: what goes wrong, such as `cut-off`.", valueName: "fault"))
    var fault: String?

    @Flag(help: "Write every event as a line of JSON to standard output.")
    var json = false

    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func validate() throws {
        if fault != nil, !simulate { throw ValidationError("--fault needs --simulate") }
        for input in inputs where !input.contains("=") {
            throw ValidationError("--input \(input): expected name=value")
        }
    }

    func run() async throws {
        let loaded = try LoadedPipeline(pipeline, config: config)
        let request = try request(for: loaded.pipeline)
        let faults = try fault.map { text in
            do {
                return try FaultPlan(parsing: text)
            } catch {
                Streams.error.write("error: \(error)\n")
                throw ExitStatus.usage
            }
        }
        let command = self
        let (result, isInterrupted) = try await withInterrupt {
            guard command.simulate else { return await command.execute(loaded, request, simulator: nil) }
            var configuration = SimulatorConfiguration()
            configuration.faults = faults ?? .none
            return try await MarketplaceSimulator.withSimulator(configuration) { running in
                await command.execute(
                    loaded, request,
                    simulator: SimulatedMarketplace(
                        baseURL: running.baseURL, clientID: configuration.clientID,
                        clientSecret: configuration.clientSecret, agentID: configuration.agentID))
            }
        }
        switch result.outcome {
        case .succeeded: return
        case .cancelled: throw ExitStatus.interrupted
        case .failed: throw isInterrupted ? ExitStatus.interrupted : ExitStatus.runFailed
        }
    }

    private func execute(
        _ loaded: LoadedPipeline, _ request: RunRequest, simulator: SimulatedMarketplace?
    ) async -> RunResult {
        let granted = inputFile.map { $0 == "-" ? [] : Set([FileReading.absolute($0)]) } ?? []
        let agent = await Agent(
            plugins: RunnelCommand.plugins, registry: loaded.loader.registry, environment: loaded.loader.environment,
            project: loaded.project, grantedFiles: granted, simulator: simulator)
        let reporter = reporter(for: loaded, isSimulated: simulator != nil)
        let result = await agent.runner.run(loaded.pipeline, request) { await reporter.report($0) }
        await agent.services.shutDown()
        await reporter.finish(result)
        return result
    }

    private func reporter(for loaded: LoadedPipeline, isSimulated: Bool) -> any RunReporter {
        if json { return JSONReporter() }
        return TextReporter(
            style: TextStyle(
                isTerminal: Streams.error.isTerminal, environment: ProcessInfo.processInfo.environment),
            printer: DiagnosticPrinter(sources: [loaded.pipeline.source]), redactor: loaded.project.redactor,
            note: isSimulated ? "simulated" : nil)
    }

    private func request(for pipeline: Pipeline) throws -> RunRequest {
        do {
            let given = inputs.map { input in
                let parts = input.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (name: String(parts[0]), text: parts.count > 1 ? String(parts[1]) : "")
            }
            let values = try pipeline.inputValues(given)
            let (input, trigger) = try ManualInput.read(inputFile)
            return RunRequest(
                id: UUIDv7.make(nanoseconds: WallClock.nanoseconds()), inputs: values, trigger: trigger, input: input)
        } catch let error as InputError {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
    }
}
