public import RunnelKit

/// Checks that a step keeps the promises that every step makes. For the tests of whoever writes one:
///
///     let step = StepConformance(Forecast.self, with: ["place": "Tokyo", "key": "s3cr3t"], secrets: ["s3cr3t"])
///     #expect(await step.findings() == [])
public struct StepConformance: Sendable {
    let definition: StepDefinition
    let with: ValueObject
    let secrets: [String]
    let harness: StepHarness
    let patience: Duration

    /// - Parameters:
    ///   - step: What is checked.
    ///   - with: Settings with which the step does its work.
    ///   - secrets: The parts of `with` that nobody may see.
    ///   - harness: What surrounds the step: its input, its project's folder, its services.
    ///   - patience: How long a cancelled step may take to end.
    public init<S: Step>(
        _ step: S.Type, with: ValueObject = [:], secrets: [String] = [], harness: StepHarness = StepHarness(),
        patience: Duration = .seconds(10)
    ) {
        self.init(StepDefinition(step), with: with, secrets: secrets, harness: harness, patience: patience)
    }

    /// The same for a step that is not written in Swift.
    public init(
        _ definition: StepDefinition, with: ValueObject = [:], secrets: [String] = [],
        harness: StepHarness = StepHarness(), patience: Duration = .seconds(10)
    ) {
        self.definition = definition
        self.with = with
        self.secrets = secrets
        self.harness = harness
        self.patience = patience
    }

    /// The promises that the step breaks; empty if it keeps them all.
    ///
    /// - Parameter effect: What the step changed outside, in a form that can be compared: a file's content, the ids of
    ///   the calls a server got. It is asked after each of two attempts, and must be the same. nil: not checked.
    public func findings(
        effect: (@Sendable () async throws -> Value)? = nil
    ) async -> [ConformanceFinding] {
        var findings = documentation() + schema()
        findings += await output()
        findings += await discretion()
        findings += await cancellation()
        if let effect { findings += await idempotency(effect) }
        return findings
    }
}

/// A promise that a step or a trigger broke.
public struct ConformanceFinding: Sendable, Hashable, CustomStringConvertible {
    /// What every step and trigger promises.
    @nonexhaustive public enum Promise: String, Sendable {
        /// Name, summary, output and every key are described.
        case documentation
        /// Whatever decoding accepts, the schema accepts, and what is missing or unknown is refused by both.
        case schema
        /// The output fits `Step.outputSchema`.
        case output
        /// No part of a secret reaches errors and progress in a form that Runnel cannot mask.
        case discretion
        /// A cancelled step ends soon, with `CancellationError` unless it was done already.
        case cancellation
        /// A second attempt of the same step changes nothing more.
        case idempotency
        /// Each event of a trigger is one run, also when it is refused for a while, and over restarts.
        case delivery
    }

    /// The promise that is broken.
    public let promise: Promise
    /// One sentence.
    public let message: String

    /// The text for a person.
    public var description: String { "\(promise.rawValue): \(message)" }
}
