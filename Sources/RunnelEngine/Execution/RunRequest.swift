public import RunnelKit
import Synchronization

/// The parameters of a run.
public struct RunRequest: Sendable {
    /// UUIDv7 in lower case.
    public var id: String
    /// The values of the pipeline's inputs; see ``Pipeline/inputValues(_:)``.
    public var inputs: ValueObject
    /// `trigger` in templates: its `type` and its fields.
    public var trigger: Value
    /// The first step's `input`.
    public var input: Value
    /// How many runs led to this one; see ``RunRecord/chain``.
    public var chain: Int

    package init(
        id: String, inputs: ValueObject = [:], trigger: Value = ["type": "manual"], input: Value = .null, chain: Int = 0
    ) {
        self.id = id
        self.inputs = inputs
        self.trigger = trigger
        self.input = input
        self.chain = chain
    }
}

/// The values of a project's configuration in scope. They contain secrets. The object is shared: ``replace(secrets:env:)``
/// takes effect for everything that holds it.
public final class ProjectValues: Sendable {
    private let changing: Mutex<(secrets: [String: String], env: [String: String])>
    package var secrets: [String: String] { changing.withLock { $0.secrets } }
    package var env: [String: String] { changing.withLock { $0.env } }
    /// `vars` of `runnel.yaml`.
    public let vars: [String: Value]
    /// The secrets of commands that have not been run. They hold something else, which must not be sent.
    package let unfetchedSecrets: Set<String>
    /// The secrets that had no value at the start, and the reasons.
    let unavailableSecrets: [String: String]

    /// Values by name; none unless given.
    public convenience init(
        secrets: [String: String] = [:], env: [String: String] = [:], vars: [String: Value] = [:]
    ) {
        self.init(secrets: secrets, env: env, vars: vars, unfetchedSecrets: [])
    }

    package init(
        secrets: [String: String], env: [String: String], vars: [String: Value], unfetchedSecrets: Set<String>,
        unavailableSecrets: [String: String] = [:]
    ) {
        changing = Mutex((secrets, env))
        self.vars = vars
        (self.unfetchedSecrets, self.unavailableSecrets) = (unfetchedSecrets, unavailableSecrets)
    }

    /// Replaces the secrets and the variables. The seal must have the new secrets already.
    package func replace(secrets: [String: String], env: [String: String]) {
        changing.withLock { $0 = (secrets, env) }
    }

    /// The values without secrets that have not been fetched.
    var fetched: ProjectValues {
        guard !unfetchedSecrets.isEmpty else { return self }
        let (secrets, env) = changing.withLock { ($0.secrets, $0.env) }
        return ProjectValues(
            secrets: secrets.filter { !unfetchedSecrets.contains($0.key) }, env: env, vars: vars, unfetchedSecrets: [],
            unavailableSecrets: unavailableSecrets)
    }

    /// What does not depend on a run: `secrets`, `env` and `vars`.
    public var scope: ValueObject {
        func object<Element>(_ values: [String: Element], _ make: (Element) -> Value) -> Value {
            .object(ValueObject(values.sorted { $0.key < $1.key }.map { ($0.key, make($0.value)) }))
        }
        let (secrets, env) = changing.withLock { ($0.secrets, $0.env) }
        return [
            "secrets": object(secrets) { .string($0) }, "env": object(env) { .string($0) },
            "vars": object(vars) { $0 },
        ]
    }
}

/// The result of a run.
public struct RunResult: Sendable {
    /// The id of the run.
    public let id: String
    /// How the run ended.
    public let outcome: RunOutcome
    /// The outputs of the steps that ran; null for those that were skipped. Not redacted.
    public let outputs: ValueObject
    /// See ``RunRecord/took(now:)``; nil for one that has not run.
    package var took: Duration?
}

extension RunResult {
    /// The result of an ended run of the journal, without the outputs of its steps. Sealed secrets are masked. nil if
    /// it has not ended or never started.
    public init?(_ record: RunRecord) {
        let outcome: RunOutcome
        switch record.state {
        case .succeeded: outcome = .succeeded(output: SecretSeal.masked(record.output ?? .null))
        case .failed: outcome = .failed(RunError(json: record.error ?? .null))
        case .cancelled: outcome = .cancelled
        case .queued, .running, .waiting, .skipped: return nil
        }
        self.init(id: record.id, outcome: outcome, outputs: [:])
    }
}

/// How this process's work on a run ended.
public enum DriveResult: Sendable {
    /// The run has ended.
    indirect case ended(RunResult)
    /// The process was stopped; another one resumes the run.
    case released
    /// The run waits until this time, in nanoseconds since 1970, without an owner.
    case waiting(until: Int64)
    /// The lease was lost: another process owns the run.
    case lost
    /// The journal could not be written. The run resumes from its stored state.
    case broken(JournalError)
}

/// Signals to the driver of a run: ends the work on it from outside, or has text written.
public struct RunControl: Sendable {
    enum Signal: Sendable { case cancel, stop, fence, flush }

    let signals: AsyncStream<Signal>
    private let continuation: AsyncStream<Signal>.Continuation
    private let fencing = Fencing()
    private let isOwner: @Sendable () -> Bool

    private final class Fencing: Sendable {
        let isFenced = Mutex(false)
    }

    /// Whether another worker may own the run, so that nothing may be written any more.
    var isFenced: Bool { fencing.isFenced.withLock(\.self) }

    /// - Parameter isOwner: Whether the lease is certain to hold right now.
    init(isOwner: @escaping @Sendable () -> Bool = { true }) {
        self.isOwner = isOwner
        // Further signals have no effect. Of flushes there is never more than one; see ``TextBuffer``.
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(6))
    }

    /// Cancels the run; its `finally` runs. A second call cancels that too.
    public func cancel() { send(.cancel) }

    /// No new step starts; running steps get a grace period. A second call cancels them at once.
    public func stop() { send(.stop) }

    /// A flush is not requested again until it has begun, so it must not be displaced.
    private func send(_ signal: Signal) {
        if case .dropped(.flush) = continuation.yield(signal) { continuation.yield(.flush) }
    }

    /// Writes the buffered text of steps soon.
    func flush() { continuation.yield(.flush) }

    /// Cancels running steps without writing anything: another worker continues the run.
    func fence() {
        fencing.isFenced.withLock { $0 = true }
        continuation.yield(.fence)
    }

    /// Fences the run if the lease may be lost.
    ///
    /// - Throws: `CancellationError` for a fenced run.
    func checkOwnership() throws {
        if isFenced { throw CancellationError() }
        guard isOwner() else {
            fence()
            throw CancellationError()
        }
    }
}
