import RunnelHTTP
import RunnelKit
import YAML

/// One entry of `http:`: what comes back to one request.
struct CannedHTTP: Sendable {
    /// Why there is no answer, by the code of the step's error.
    enum Problem: String, Sendable, FieldChoice {
        case hostNotFound = "host-not-found"
        case refused = "connection-refused"
        case unreachable = "network-unreachable"
        case reset = "connection-reset"
        case closed = "connection-closed"
        case connectTimeout = "connect-timeout"
        case tlsFailed = "tls-failed"

        func transportProblem(host: String) -> TransportProblem {
            switch self {
            case .hostNotFound: .hostNotFound(host)
            case .refused: .refused
            case .unreachable: .unreachable
            case .reset: .reset
            case .closed: .closed
            case .connectTimeout: .connectTimeout
            case .tlsFailed: .tlsFailed("its certificate is not trusted")
            }
        }
    }

    var url: Matcher
    /// In upper case; nil: any.
    var method: String?
    var status = 200
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var problem: Problem?
    /// Given as often as it is asked for.
    var isRepeated = false
    var node: YAMLNode
}
