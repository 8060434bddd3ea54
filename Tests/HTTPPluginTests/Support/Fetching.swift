import NIOCore
import NIOPosix
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Testing
import TransformPlugin

@testable import HTTPPlugin

/// Runs `http.fetch` the way the engine would.
func fetch(
    _ with: ValueObject, secrets: [String] = [], clock: any Clock<Duration> = ContinuousClock(),
    in folder: String? = nil
) async throws -> Value {
    var harness = StepHarness()
    if let folder { harness.project = ProjectDirectory(path: folder) }
    harness.redactor = Redactor(secrets: secrets)
    harness.clock = clock
    await HTTPClientService.register(in: harness.services)
    await TransformPlugin().registerServices(in: harness.services)
    do {
        let output = try await harness.run(HTTPFetch.self, with: with)
        await harness.services.shutDown()
        return output
    } catch {
        await harness.services.shutDown()
        throw error
    }
}

/// The error of a fetch that has to fail.
func failedFetch(
    _ with: ValueObject, secrets: [String] = [], clock: any Clock<Duration> = ContinuousClock(),
    in folder: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> StepError {
    try await #require(throws: StepError.self, sourceLocation: sourceLocation) {
        try await fetch(with, secrets: secrets, clock: clock, in: folder)
    }
}

/// Runs `http.fetch` with settings of the network and an environment.
func fetch(
    _ url: String, _ settings: Value = [:], environment: [String: String] = [:], with: ValueObject = [:],
    data: [String: String] = [:], untrusted: [String: String]? = nil
) async throws -> Result<Value, StepError> {
    let harness = StepHarness()
    let network = Network(try NetworkSettings(field: settings)) { environment[$0] }
    await Network.register(network, in: harness.services)
    await HTTPClientService.register(in: harness.services)
    var with = with
    with["url"] = .string(url)
    var context = harness.context
    context.dataKeys = untrusted ?? data
    context.isFromOutside = untrusted != nil
    let result: Result<Value, StepError>
    do {
        result = .success(try await StepDefinition(HTTPFetch.self).run(with, context))
    } catch let error as StepError {
        result = .failure(error)
    }
    await harness.services.shutDown()
    return result
}
