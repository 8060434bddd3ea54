internal import JSONSchema
public import RunnelKit

/// Checks that a trigger keeps the promises that every trigger makes. For the tests of whoever writes one, in Swift or in
/// another language; `runnel plugins check` does the same for a folder in `plugins/`:
///
///     let trigger = TriggerConformance(MailTrigger.self, entry: ["host": "127.0.0.1"], secrets: ["s3cr3t"])
///     #expect(await trigger.findings { try await mailbox.deliver("mail \($0)") } == [])
public struct TriggerConformance: Sendable {
    private let definition: TriggerDefinition
    private let entry: ValueObject
    private let secrets: [String]
    private let harness: TriggerHarness
    private let patience: Duration
    private let keepsPosition: Bool

    /// - Parameters:
    ///   - trigger: What is checked.
    ///   - entry: Settings with which the trigger does its work.
    ///   - secrets: The parts of `entry` that nobody may see.
    ///   - harness: What surrounds the trigger. What it accepts can be read there afterwards.
    ///   - patience: How long an event may take to arrive, and a cancelled trigger to end.
    ///   - keepsPosition: Whether what happens while the trigger does not run is an event later.
    public init<T: Trigger>(
        _ trigger: T.Type, entry: ValueObject = [:], secrets: [String] = [], harness: TriggerHarness = TriggerHarness(),
        patience: Duration = .seconds(10), keepsPosition: Bool = true
    ) {
        self.init(
            TriggerDefinition(trigger), entry: entry, secrets: secrets, harness: harness, patience: patience,
            keepsPosition: keepsPosition)
    }

    /// The same for a trigger that is not written in Swift.
    public init(
        _ definition: TriggerDefinition, entry: ValueObject = [:], secrets: [String] = [],
        harness: TriggerHarness = TriggerHarness(), patience: Duration = .seconds(10), keepsPosition: Bool = true
    ) {
        self.definition = definition
        self.entry = entry
        self.secrets = secrets
        self.harness = harness
        self.patience = patience
        self.keepsPosition = keepsPosition
    }

    /// The promises that the trigger breaks; empty if it keeps them all.
    ///
    /// - Parameter happen: Makes the thing happen outside that the trigger tells of, once per call; gets 1, 2, 3 and 4.
    public func findings(_ happen: @escaping @Sendable (_ number: Int) async throws -> Void) async
        -> [ConformanceFinding]
    {
        var findings = documentation() + schema()
        let runs = harness.runs
        // An event becomes a run.
        findings += await during("the first event") {
            try await happen(1)
            try await runs.waitForAccepted(1)
        }
        guard await runs.accepted.count > 0 else { return findings }
        // One that is refused is told again, and becomes one run.
        findings += await during("an event that was refused for a while") {
            await runs.refuse(TriggerRefusal(.overloaded, "too many runs are queued", retryAfter: .milliseconds(1)))
            try await happen(2)
            try await runs.wait { $0.refusals > 0 }
            await runs.refuse(nil)
            try await runs.waitForAccepted(2)
        }
        await runs.refuse(nil)
        if keepsPosition {
            do { try await happen(3) } catch { findings.append(finding("an event could not be made: \(error)")) }
            findings += await during("an event while the trigger did not run", isReady: false) {
                try await runs.waitForAccepted(3)
            }
        }
        // After a restart, only what is new is a run.
        let before = await runs.accepted.count
        findings += await during("an event after a restart") {
            try await happen(4)
            try await runs.waitForAccepted(before + 1)
        }
        let accepted = await runs.accepted
        if accepted.count > before + 1 {
            findings.append(finding("\(before + 1) events became \(accepted.count) runs"))
        }
        let known = definition.documentation.payload.map(\.name)
        let strangers = Set(accepted.flatMap(\.payload.keys)).subtracting(known).sorted()
        if !known.isEmpty, let stranger = strangers.first {
            findings.append(
                ConformanceFinding(promise: .documentation, message: "nothing says what `trigger.\(stranger)` is"))
        }
        return findings + (await discretion())
    }

    // MARK: - Checks

    private func documentation() -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        func find(_ message: String) { findings.append(ConformanceFinding(promise: .documentation, message: message)) }
        if !definition.summary.hasSuffix(".") { find("the summary is not a sentence: \"\(definition.summary)\"") }
        for field in definition.fields where field.help.isEmpty { find("nothing says what \"\(field.key)\" means") }
        if definition.documentation.payload.isEmpty { find("nothing says what `trigger` holds") }
        findings += definition.nameHints.findings(fields: definition.fields)
        return findings
    }

    private func schema() -> [ConformanceFinding] {
        let schema: JSONSchema
        do {
            schema = try JSONSchema(definition.schema)
        } catch {
            return [ConformanceFinding(promise: .schema, message: "it is no JSON schema: \(error)")]
        }
        var findings: [ConformanceFinding] = []
        func find(_ message: String) { findings.append(ConformanceFinding(promise: .schema, message: message)) }
        if let issue = schema.validate(.object(entry)).first {
            find("the schema refuses settings the trigger works with: \(issue.message)")
        }
        var strange = entry
        strange["no such key"] = 1
        if schema.validate(.object(strange)).isEmpty { find("the schema accepts a key that does not exist") }
        for field in definition.fields where field.isRequired {
            if schema.validate(.object(entry.removing(field.key))).isEmpty {
                find("the schema does without \"\(field.key)\", which is required")
            }
        }
        return findings
    }

    /// What the trigger reports is masked by the engine; a part of a secret cannot be.
    private func discretion() async -> [ConformanceFinding] {
        let redactor = Redactor(secrets: secrets)
        let texts = await harness.runs.health.flatMap { health in
            switch health {
            case .waiting(let text, let translations): [text] + translations.values
            case .problem(let text): [text]
            }
        }.map { redactor.redact($0).lowercased() }
        let isTold = secrets.contains { secret in
            secret.fragments.contains { fragment in texts.contains { $0.contains(fragment) } }
        }
        return isTold
            ? [ConformanceFinding(promise: .discretion, message: "a part of a secret stands in what it reports")] : []
    }

    private func finding(_ message: String) -> ConformanceFinding {
        ConformanceFinding(promise: .delivery, message: message)
    }

    // MARK: - Running

    private enum Outcome: Sendable {
        case done, late
        case failed(String)
    }

    /// Runs the trigger while `body` goes on, then cancels it.
    private func during(
        _ what: String, isReady: Bool = true, _ body: @escaping @Sendable () async throws -> Void
    ) async -> [ConformanceFinding] {
        let told = await harness.runs.health.count
        let (ends, ended) = AsyncStream.makeStream(of: Outcome.self)
        let (outcomes, continuation) = AsyncStream.makeStream(of: Outcome.self)
        // Neither is waited for: a trigger that does not end must not hold the test for ever.
        let work = Task { [definition, entry, context = harness.context] in
            do {
                try await definition.run(entry, context)
                continuation.yield(.failed("the trigger ended"))
            } catch {
                continuation.yield(.failed("\(error)"))
            }
            ended.yield(.done)
        }
        let events = Task { [runs = harness.runs] in
            do {
                if isReady { try await runs.waitUntilReady(after: told) }
                try await body()
                continuation.yield(.done)
            } catch {
                continuation.yield(.failed("\(error)"))
            }
        }
        let limit = Task { [patience] in
            try await ContinuousClock().sleep(for: patience)
            continuation.yield(.late)
        }
        let outcome = await outcomes.first { _ in true } ?? .late
        limit.cancel()
        events.cancel()
        work.cancel()
        var findings: [ConformanceFinding] = []
        switch outcome {
        case .done: break
        case .late:
            let problems = await harness.runs.health.compactMap {
                if case .problem(let text) = $0 { text } else { nil }
            }
            let why = problems.last.map { ": \($0)" } ?? ""
            findings.append(finding("\(what) did not become a run within \(patience)\(why)"))
        case .failed(let message): findings.append(finding("\(what) did not become a run: \(message)"))
        }
        let end = Task { [patience] in
            try await ContinuousClock().sleep(for: patience)
            ended.yield(.late)
        }
        if case .late = await ends.first(where: { _ in true }) ?? .late {
            findings.append(
                ConformanceFinding(
                    promise: .cancellation, message: "it went on for \(patience) after its cancellation"))
        }
        end.cancel()
        return findings
    }
}

extension RecordedRuns {
    /// Waits until the trigger has said that it waits, after so many reports of earlier lives.
    fileprivate func waitUntilReady(after count: Int) async throws {
        try await wait { $0.health.dropFirst(count).contains { if case .waiting = $0 { true } else { false } } }
    }
}
