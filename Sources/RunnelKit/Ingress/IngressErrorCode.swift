/// The codes of errors that Runnel answers on every route of a trigger.
public enum IngressErrorCode: String, ErrorCode {
    case bodyTooLarge = "body-too-large"
    case chainTooLong = "chain-too-long"
    case methodNotAllowed = "method-not-allowed"
    case noSuchHook = "no-such-hook"
    case overloaded
    case shuttingDown = "shutting-down"
    case tooManyRequests = "too-many-requests"
    case unavailable

    /// The heading in the reference.
    public static let part = "webhook"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .bodyTooLarge: ErrorExplanation("the body is larger than the … that this hook takes")
        case .chainTooLong: ErrorExplanation("the event was caused by too long a chain of runs")
        case .methodNotAllowed: ErrorExplanation("this hook is called with …")
        case .noSuchHook: ErrorExplanation("there is no hook at …")
        case .overloaded: ErrorExplanation("too many runs are waiting; try again in … s")
        case .shuttingDown: ErrorExplanation("Runnel is shutting down; try again in … s")
        case .tooManyRequests: ErrorExplanation("this hook is called too often; try again in … s")
        case .unavailable: ErrorExplanation("runs cannot be stored now; try again in … s")
        }
    }
}
