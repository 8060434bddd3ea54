public import RunnelKit

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
