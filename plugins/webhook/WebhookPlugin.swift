public import RunnelKit

/// Telling other services what happened.
public struct WebhookPlugin: Plugin {
    public init() {}

    public let name = "webhook"

    public var steps: [StepDefinition] { [StepDefinition(WebhookSend.self)] }
}
