public import RunnelKit
import Synchronization

/// What starts a run.
public struct RunRequest: Sendable {
    /// UUIDv7 in lower case.
    public var id: String
    /// The values of the pipeline's inputs; see ``Pipeline/inputValues(_:)``.
    public var inputs: ValueObject
    /// `trigger` in templates: its `type` and what came with it.
    public var trigger: Value
    /// The first step's `input`.
    public var input: Value

    public init(id: String, inputs: ValueObject = [:], trigger: Value = ["type": "manual"], input: Value = .null) {
        self.id = id
        self.inputs = inputs
        self.trigger = trigger
        self.input = input
    }
}

/// What a project's configuration brings into scope. Not to be printed.
public struct ProjectValues: Sendable {
    public var secrets: [String: String]
    public var env: [String: String]

    public init(secrets: [String: String] = [:], env: [String: String] = [:]) {
        self.secrets = secrets
        self.env = env
    }
}

/// How a run went.
public struct RunResult: Sendable {
    public let id: String
    public let outcome: RunOutcome
    /// The outputs of the steps that ran; null for those that were skipped. Not redacted.
    public let outputs: ValueObject
}

extension RunResult {
    /// How a run of the journal ended, wherever that was, without the outputs of its steps. Sealed secrets are masked.
    /// nil where it has not ended, or was never begun.
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

/// How the work on a run ended, in this process.
public enum DriveResult: Sendable {
    /// The run has ended.
    case ended(RunResult)
    /// The process was told to stop; the run goes on in another one.
    case released
    /// The run rests until this time, in nanoseconds since 1970, and belongs to nobody meanwhile.
    case waiting(until: Int64)
    /// The run belongs to another process by now.
    case lost
    /// The journal could not be written. What it holds is right; the run goes on from there.
    case broken(JournalError)
}

/// Lets somebody outside end the work on a run.
public struct RunControl: Sendable {
    enum Signal: Sendable { case cancel, stop, fence }

    let signals: AsyncStream<Signal>
    private let continuation: AsyncStream<Signal>.Continuation
    private let fencing = Fencing()

    private final class Fencing: Sendable {
        let isFenced = Mutex(false)
    }

    /// Whether the run may belong to somebody else by now, so that nothing of it may be written any more.
    var isFenced: Bool { fencing.isFenced.withLock(\.self) }

    public init() {
        // More than these few change nothing.
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(4))
    }

    /// The run ends as cancelled, after its `finally`. Asked once more, that ends too.
    public func cancel() { continuation.yield(.cancel) }

    /// No further step begins; the steps that go on have a while to end. Asked once more, they are cancelled at once.
    public func stop() { continuation.yield(.stop) }

    /// The steps that go on are cancelled, and nothing is written any more: the run goes on elsewhere.
    func fence() {
        fencing.isFenced.withLock { $0 = true }
        continuation.yield(.fence)
    }
}
