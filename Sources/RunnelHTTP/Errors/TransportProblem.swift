internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
public import RunnelKit
internal import RunnelSupport

/// Why there is no answer, or not a whole one.
@nonexhaustive public enum TransportProblem: Error, Sendable, Hashable {
    case hostNotFound(String)
    case refused
    case unreachable
    case reset
    /// The connection ended before the answer did.
    case closed
    case connectTimeout
    /// The whole call took too long.
    case timedOut(Duration)
    case tlsFailed(String)
    /// What came is not HTTP.
    case malformed
    case tooLarge(limit: Int)
    /// The address policy refuses the host, or one of its addresses.
    case addressDenied(String)
    /// The proxy refused to connect: it wants credentials, or does not allow it.
    case proxyRefused(String)
    /// The body is not in the coding that its `Content-Encoding` names.
    case corruptBody(coding: String)
    case other(String)

    /// Reads what the HTTP client reports.
    init(_ cause: any Error, host: String) {
        switch cause {
        case let cause as TransportProblem: self = cause
        case let cause as ContentDecoder.Corrupt:
            self = cause.isCutOff ? .closed : .corruptBody(coding: cause.coding)
        case let cause as NIOConnectionError:
            if let first = cause.connectionErrors.first {
                self.init(first.error, host: host)
            } else {
                self = .hostNotFound(host)
            }
        case let cause as IOError:
            self.init(ConnectionFailure(errno: cause.errnoCode), text: cause.description)
        case is HTTPParserError: self = (cause as? HTTPParserError) == .invalidEOFState ? .closed : .malformed
        case let cause as ChannelError:
            if case .connectTimeout = cause { self = .connectTimeout } else { self = .closed }
        case let cause as HTTPClientError: self = Self.clientProblem(cause)
        default:
            let text = String(describing: cause)
            self.init(ConnectionFailure(describedAs: text), text: text)
        }
    }

    private static func clientProblem(_ cause: HTTPClientError) -> TransportProblem {
        switch cause {
        case .remoteConnectionClosed: .closed
        case .connectTimeout, .getConnectionFromPoolTimeout: .connectTimeout
        case .proxyAuthenticationRequired: .proxyRefused("it wants other credentials (407)")
        case .invalidProxyResponse: .proxyRefused("it does not allow the connection")
        case .httpProxyHandshakeTimeout, .socksHandshakeTimeout: .proxyRefused("it did not answer in time")
        case .tlsHandshakeTimeout: .tlsFailed("the handshake took too long")
        default: .other(cause.description)
        }
    }

    private init(_ failure: ConnectionFailure?, text: String) {
        self =
            switch failure {
            case .refused: .refused
            case .reset: .reset
            case .unreachable: .unreachable
            case .timedOut: .connectTimeout
            case .uncleanShutdown: .closed
            case .untrustedCertificate: .tlsFailed("its certificate is not trusted")
            case .wrongCertificate: .tlsFailed("its certificate is not for this host")
            case .notTLS: .tlsFailed("it does not speak TLS on this port")
            case .handshake: .tlsFailed("the handshake failed")
            case nil: .other(text)
            }
    }
}

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
