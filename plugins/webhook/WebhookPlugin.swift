internal import RunnelHTTP
public import RunnelKit

/// Telling other services what happened, and being told by them.
public struct WebhookPlugin: Plugin {
    public init() {}

    public let name = "webhook"

    public var steps: [StepDefinition] { [StepDefinition(WebhookSend.self)] }
    public var triggers: [TriggerDefinition] { [TriggerDefinition(WebhookTrigger.self)] }
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [IngressErrorCode.self, WebhookErrorCode.self, HTTPErrorCode.self] }
}
