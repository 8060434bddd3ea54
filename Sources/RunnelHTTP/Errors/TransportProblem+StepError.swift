public import RunnelKit

extension TransportProblem {
    /// A few words for a note: "connection refused".
    public var brief: String {
        switch self {
        case .hostNotFound: "host not found"
        case .refused: "connection refused"
        case .unreachable: "network unreachable"
        case .reset: "connection reset"
        case .closed: "connection closed"
        case .connectTimeout: "no connection in time"
        case .timedOut(let limit): "no answer within \(DurationText.format(limit))"
        case .tlsFailed: "no secure connection"
        case .malformed: "not an HTTP answer"
        case .tooLarge: "answer too large"
        case .corruptBody: "corrupt answer"
        case .addressDenied: "address not allowed"
        case .proxyRefused: "refused by the proxy"
        case .other: "connection failed"
        }
    }

    /// Whether the same call could work a little later. A certificate or an answer's size does not mend itself.
    public var isTransient: Bool {
        switch self {
        case .tlsFailed, .malformed, .tooLarge, .corruptBody, .addressDenied, .proxyRefused: false
        default: true
        }
    }

    /// The error for the step that made the call.
    /// - Parameter call: method and URL as the message shows them.
    public func stepError(call: String) -> StepError {
        let (code, message, hint): (String, String, String?) =
            switch self {
            case .hostNotFound(let host):
                (
                    "host-not-found", "\(call) failed: the host \"\(host)\" has no address",
                    "check the URL and the network"
                )
            case .refused:
                (
                    "connection-refused", "\(call) failed: the connection was refused",
                    "check that the server runs, and the port"
                )
            case .unreachable:
                (
                    "network-unreachable", "\(call) failed: the network does not reach the host",
                    "check the network and the firewall"
                )
            case .reset: ("connection-reset", "\(call) failed: the connection was reset", nil)
            case .closed:
                ("connection-closed", "\(call) failed: the connection was closed before the answer was whole", nil)
            case .connectTimeout:
                (
                    "connect-timeout",
                    "\(call) failed: no connection within \(DurationText.format(HTTPClientService.connectTimeout))",
                    "check the URL, the network and the firewall"
                )
            case .timedOut(let limit):
                (
                    "http-timeout", "\(call) was not answered within \(DurationText.format(limit))",
                    "raise `timeout` if the server is slow"
                )
            case .tlsFailed(let why):
                (
                    "tls-failed", "\(call) failed: no secure connection, \(why)",
                    "check the server's certificate, and that scheme and port belong together; an authority of your own is "
                        + "trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE"
                )
            case .malformed:
                ("not-http", "\(call) failed: what came back is not HTTP", "check that scheme and port belong together")
            case .tooLarge(let limit):
                (
                    "response-too-large", "the answer to \(call) is larger than \(ByteCount(limit))",
                    "raise `max_size` if that is expected"
                )
            case .addressDenied(let host):
                (
                    "address-denied", "\(call) was not sent: \"\(host)\" is a private address",
                    "if that is meant, list the host or network in `http.allow` of runnel.yaml; URLs from triggers may reach "
                        + "public addresses only"
                )
            case .proxyRefused(let why):
                (
                    "proxy-refused", "\(call) failed: the proxy refused it, \(why)",
                    "check `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY"
                )
            case .corruptBody(let coding):
                (
                    "corrupt-answer", "the answer to \(call) cannot be decompressed: it is not \(coding)",
                    "the server or a proxy is at fault; the header `accept-encoding: identity` asks for no compression"
                )
            case .other(let why): ("connection-failed", "\(call) failed: \(why)", nil)
            }
        return StepError(code, message, hint: hint, isTransient: isTransient)
    }
}
