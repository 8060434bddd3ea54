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
