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
        let (code, message, hint): (HTTPErrorCode, String, String?) =
            switch self {
            case .hostNotFound(let host):
                (
                    HTTPErrorCode.hostNotFound, "\(call) failed: the host \"\(host)\" has no address",
                    "check the URL and the network"
                )
            case .refused:
                (
                    HTTPErrorCode.connectionRefused, "\(call) failed: the connection was refused",
                    "check that the server runs, and the port"
                )
            case .unreachable:
                (
                    HTTPErrorCode.networkUnreachable, "\(call) failed: the network does not reach the host",
                    "check the network and the firewall"
                )
            case .reset: (HTTPErrorCode.connectionReset, "\(call) failed: the connection was reset", nil)
            case .closed:
                (
                    HTTPErrorCode.connectionClosed,
                    "\(call) failed: the connection was closed before the answer was whole", nil
                )
            case .connectTimeout:
                (
                    HTTPErrorCode.connectTimeout,
                    "\(call) failed: no connection within \(DurationText.format(HTTPClientService.connectTimeout))",
                    "check the URL, the network and the firewall"
                )
            case .timedOut(let limit):
                (
                    HTTPErrorCode.httpTimeout, "\(call) was not answered within \(DurationText.format(limit))",
                    "raise `timeout` if the server is slow"
                )
            case .tlsFailed(let why):
                (
                    HTTPErrorCode.tlsFailed, "\(call) failed: no secure connection, \(why)",
                    "check the server's certificate, and that scheme and port belong together; an authority of your own is "
                        + "trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE"
                )
            case .malformed:
                (
                    HTTPErrorCode.notHTTP, "\(call) failed: what came back is not HTTP",
                    "check that scheme and port belong together"
                )
            case .tooLarge(let limit):
                (
                    HTTPErrorCode.responseTooLarge, "the answer to \(call) is larger than \(ByteCount(limit))",
                    "raise `max_size` if that is expected"
                )
            case .addressDenied(let host):
                (
                    HTTPErrorCode.addressDenied, "\(call) was not sent: \"\(host)\" is a private address",
                    "if that is meant, list the host or network in `http.allow` of runnel.yaml; URLs from triggers may reach "
                        + "public addresses only"
                )
            case .proxyRefused(let why):
                (
                    HTTPErrorCode.proxyRefused, "\(call) failed: the proxy refused it, \(why)",
                    "check `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY"
                )
            case .corruptBody(let coding):
                (
                    HTTPErrorCode.corruptAnswer, "the answer to \(call) cannot be decompressed: it is not \(coding)",
                    "the server or a proxy is at fault; the header `accept-encoding: identity` asks for no compression"
                )
            case .other(let why): (HTTPErrorCode.connectionFailed, "\(call) failed: \(why)", nil)
            }
        return StepError(code, message, hint: hint, isTransient: isTransient)
    }
}
