import JSONSchema
public import RunnelKit
import Synchronization

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

extension StepConformance {
    /// Whether the output is what the step says it is.
    func output() async -> [ConformanceFinding] {
        guard let outputSchema = definition.outputSchema else { return [] }
        func find(_ message: String) -> [ConformanceFinding] {
            [ConformanceFinding(promise: .output, message: message)]
        }
        do {
            let schema = try JSONSchema(outputSchema)
            let output = try await definition.run(with, harness.context)
            return schema.validate(output).prefix(1).flatMap { find("the output does not fit its schema: \($0)") }
        } catch let error as SchemaError {
            return find("the schema of the output is no JSON schema: \(error)")
        } catch {
            // What fails here fails the other checks too, which say how.
            return []
        }
    }

    /// Whether secrets stay where they belong, when all goes well and when it does not.
    func discretion() async -> [ConformanceFinding] {
        guard !secrets.isEmpty else { return [] }
        var findings: [ConformanceFinding] = []
        // Besides the settings that work, some in which one key at a time is of the wrong kind.
        var attempts = [with]
        for key in with.keys {
            var broken = with
            broken[key] = with[key]?.asString.map { .list([.string($0)]) } ?? .string(secrets[0])
            attempts.append(broken)
        }
        for settings in attempts {
            let (error, progress) = await seen(settings)
            for (place, text) in [("error", error), ("progress", progress)] {
                // Whole secrets are masked by the engine. What it cannot know is a secret that was changed or cut; a
                // cut that shows as `…` is masked as well, but it is better not made.
                let masked = Redactor(secrets: secrets).redact(text.replacing("…", with: " ")).lowercased()
                guard secrets.contains(where: { $0.fragments.contains(where: masked.contains) }) else { continue }
                findings.append(
                    ConformanceFinding(promise: .discretion, message: "a part of a secret stands in its \(place)"))
            }
        }
        return Array(Set(findings)).sorted { $0.message < $1.message }
    }

    private func seen(_ settings: ValueObject) async -> (error: String, progress: String) {
        let progress = SeenText()
        let context = harness.context(progress: progress)
        do {
            _ = try await definition.run(settings, context)
            return ("", progress.text)
        } catch let error as StepError {
            return ("\(error.message)\n\(error.hint ?? "")", progress.text)
        } catch {
            return ("\(error)", progress.text)
        }
    }

    /// Whether a cancelled step ends, and says that it was cancelled.
    func cancellation() async -> [ConformanceFinding] {
        let context = harness.context
        let (outcomes, continuation) = AsyncStream.makeStream(of: CancelledOutcome.self)
        // Neither is waited for: a step that does not end must not hold the test for ever.
        let work = Task { [definition, with] in
            do {
                _ = try await definition.run(with, context)
                continuation.yield(.ended)
            } catch is CancellationError {
                continuation.yield(.ended)
            } catch {
                continuation.yield(.failed("\(error)"))
            }
        }
        work.cancel()
        let limit = Task { [patience] in
            try await ContinuousClock().sleep(for: patience)
            continuation.yield(.late)
        }
        var outcome = CancelledOutcome.ended
        for await first in outcomes {
            outcome = first
            break
        }
        limit.cancel()
        switch outcome {
        case .ended: return []
        case .late:
            return [
                ConformanceFinding(promise: .cancellation, message: "it went on for \(patience) after its cancellation")
            ]
        case .failed(let error):
            return [
                ConformanceFinding(
                    promise: .cancellation, message: "its cancellation became another error: \(error)")
            ]
        }
    }

    private enum CancelledOutcome: Sendable {
        case ended, late
        case failed(String)
    }

    /// Whether a second attempt changes nothing more.
    func idempotency(_ effect: @Sendable () async throws -> Value) async -> [ConformanceFinding] {
        func find(_ message: String) -> [ConformanceFinding] {
            [ConformanceFinding(promise: .idempotency, message: message)]
        }
        var harness = harness
        do {
            _ = try await definition.run(with, harness.context)
            let first = try await effect()
            harness.identity.attempt = 2
            _ = try await definition.run(with, harness.context)
            let second = try await effect()
            guard first == second else {
                return find("the second attempt changed something: \(first.json()) became \(second.json())")
            }
            return []
        } catch {
            return find("it could not be tried: \(error)")
        }
    }
}

/// What a step reported, as one text.
private final class SeenText: Sendable {
    private let storage = Mutex("")
    var text: String { storage.withLock { $0 } }
    func append(_ progress: StepProgress) {
        storage.withLock { storage in
            switch progress {
            case .text(let text), .note(let text): storage += text + "\n"
            }
        }
    }
}

extension StepHarness {
    fileprivate func context(progress: SeenText) -> StepContext {
        let context = context
        return StepContext(
            identity: context.identity, input: context.input, logger: context.logger, clock: context.clock,
            now: context.now, redactor: context.redactor, services: context.services, project: context.project,
            render: context.render, journal: context.journal, prices: context.prices, progress: { progress.append($0) })
    }
}

extension String {
    /// Everything of half its length, and at least four characters: what would give it away.
    var fragments: [String] {
        let characters = Array(lowercased())
        let length = Swift.max(4, characters.count / 2)
        guard characters.count >= length else { return [] }
        return (0...(characters.count - length)).map { String(characters[$0..<($0 + length)]) }
    }
}
