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

/// The codes of errors of hooks.
enum WebhookErrorCode: String, ErrorCode {
    case malformedBody = "malformed-body"
    case noSuchRun = "no-such-run"
    case redirectNotFollowed = "redirect-not-followed"
    case unsupportedCharset = "unsupported-charset"
    case unsupportedContentEncoding = "unsupported-content-encoding"
    case unsupportedMediaType = "unsupported-media-type"
    case webhookGone = "webhook-gone"

    static let part = "webhook"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .malformedBody: ErrorExplanation("the body is not what its Content-Type says")
        case .noSuchRun: ErrorExplanation("this was delivered before, and its run \"…\" is not kept any more")
        case .redirectNotFollowed:
            ErrorExplanation(
                "… answered … and points to …",
                hints: "webhooks are not sent on to other places; put that URL into `url` if you trust it")
        case .unsupportedCharset: ErrorExplanation("the charset … is not known here")
        case .unsupportedContentEncoding:
            ErrorExplanation("this hook takes bodies that are compressed with … or not at all")
        case .unsupportedMediaType:
            ErrorExplanation("the content type cannot be read", "this hook does not take bodies of the type \"…\"")
        case .webhookGone: ErrorExplanation("the receiver answered 410 Gone: it takes no more deliveries")
        }
    }
}
