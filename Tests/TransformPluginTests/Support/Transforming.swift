import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

/// Runs the step on `input` with what is given as its `with:`.
func transform(_ with: ValueObject, input: Value = .null, harness: StepHarness = StepHarness()) async throws -> Value {
    var harness = harness
    harness.input = input
    return try await harness.run(Transform.self, with: with)
}

/// The error that the step ends with.
func transformError(
    _ with: ValueObject, input: Value = .null, harness: StepHarness = StepHarness(),
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> StepError {
    try await #require(throws: StepError.self, sourceLocation: sourceLocation) {
        _ = try await transform(with, input: input, harness: harness)
    }
}
