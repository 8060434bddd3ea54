internal import AsyncHTTPClient
internal import HTTPCalling
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
public import RunnelKit
internal import RunnelSupport

/// Why there is no answer, or not a whole one.
@nonexhaustive public enum TransportProblem: Error, Sendable, Hashable {
    /// The host with this name has no address.
    case hostNotFound(String)
    /// Nothing listens at the port.
    case refused
    /// The network has no route to the host.
    case unreachable
    /// The peer reset the connection.
    case reset
    /// The connection ended before the answer did.
    case closed
    /// No connection within ``HTTPClientService/connectTimeout``.
    case connectTimeout
    /// The whole call took too long.
    case timedOut(Duration)
    /// The TLS handshake failed, or the certificate is not trusted; with the reason.
    case tlsFailed(String)
    /// The server wants a client certificate, or does not accept the one that it got.
    case clientCertificate
    /// What came is not HTTP.
    case malformed
    /// The header of the answer has too many fields, or too long ones.
    case headerTooLarge
    /// The body of the answer is larger than this number of bytes.
    case tooLarge(limit: Int)
    /// The address policy refuses the host, or one of its addresses.
    case addressDenied(String)
    /// There is no connection to the proxy, and why.
    case proxyUnreachable(proxy: String, String)
    /// The proxy refused to connect: it wants credentials, or does not allow it.
    case proxyRefused(String)
    /// The proxy made no connection to the server, and why.
    case proxyFailed(proxy: String, String, isTransient: Bool)
    /// The body is not in the coding that its `Content-Encoding` names.
    case corruptBody(coding: String)
    /// Any other problem, as the HTTP client describes it.
    case other(String)

    /// Reads what the HTTP client reports.
    ///
    /// - Parameter proxy: The proxy that leads to the host. A connection that cannot be made is one to the proxy.
    package init(_ cause: any Error, host: String, proxy: Proxy?) {
        if let proxy, let failure = ProxyFailure(cause) {
            self = .proxyFailed(proxy: proxy.shown, failure.why, isTransient: failure.isTransient)
            return
        }
        let problem = TransportProblem(cause, host: host)
        let isOfConnection =
            switch problem {
            case .hostNotFound, .refused, .unreachable: true
            default: cause is NIOConnectionError || Self.isProxyTimeout(cause)
            }
        self =
            if let proxy, isOfConnection { .proxyUnreachable(proxy: proxy.shown, problem.failure.why) } else { problem }
    }

    private init(_ cause: any Error, host: String) {
        switch cause {
        case let cause as TransportProblem: self = cause
        case let cause as ContentDecoder.Corrupt:
            self = cause.isCutOff ? .closed : .corruptBody(coding: cause.coding)
        case let cause as NIOConnectionError:
            if let first = cause.connectionErrors.first {
                self.init(first.error, host: host)
            } else {
                self = .hostNotFound(cause.host)
            }
        case let cause as IOError:
            self.init(ConnectionFailure(errno: cause.errnoCode), text: cause.description)
        case is StaleConnection: self = .closed
        case HTTPParserError.headerOverflow: self = .headerTooLarge
        case is HTTPParserError: self = (cause as? HTTPParserError) == .invalidEOFState ? .closed : .malformed
        case let cause as ChannelError:
            if case .connectTimeout = cause { self = .connectTimeout } else { self = .closed }
        case let cause as HTTPClientError: self = Self.clientProblem(cause)
        default:
            let text = String(describing: cause)
            self.init(ConnectionFailure(describedAs: text), text: text)
        }
    }

    private static func isProxyTimeout(_ cause: any Error) -> Bool {
        let error = cause as? HTTPClientError
        return error == .httpProxyHandshakeTimeout || error == .socksHandshakeTimeout
    }

    private static func clientProblem(_ cause: HTTPClientError) -> TransportProblem {
        switch cause {
        case .remoteConnectionClosed: .closed
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout,
            .socksHandshakeTimeout:
            .connectTimeout
        case .proxyAuthenticationRequired: .proxyRefused("it wants other credentials (407)")
        case .invalidProxyResponse: .proxyRefused("it does not allow the connection")
        // `description` may quote a header field, which may contain a secret.
        default: .other(cause.shortDescription)
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
            case .clientCertificate: .clientCertificate
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
        case .tlsFailed, .clientCertificate: "no secure connection"
        case .malformed: "not an HTTP answer"
        case .headerTooLarge, .tooLarge: "answer too large"
        case .corruptBody: "corrupt answer"
        case .addressDenied: "address not allowed"
        case .proxyUnreachable: "proxy not reached"
        case .proxyRefused, .proxyFailed: "refused by the proxy"
        case .other: "connection failed"
        }
    }

    /// Whether the same call could work a little later. A certificate or an answer's size does not mend itself.
    public var isTransient: Bool {
        switch self {
        case .tlsFailed, .clientCertificate, .malformed, .headerTooLarge, .tooLarge, .corruptBody, .addressDenied,
            .proxyRefused:
            false
        case .proxyFailed(_, _, let isTransient): isTransient
        default: true
        }
    }

    /// The error for the step that made the call.
    /// - Parameter call: method and URL as the message shows them.
    public func stepError(call: String) -> StepError {
        let (code, why, hint) = failure
        let message =
            switch self {
            case .timedOut: "\(call) was not answered within \(why)"
            case .tooLarge: "the answer to \(call) is larger than \(why)"
            case .addressDenied: "\(call) was not sent: \(why)"
            case .corruptBody: "the answer to \(call) cannot be decompressed: \(why)"
            default: "\(call) failed: \(why)"
            }
        return StepError(code, message, hint: hint, isTransient: isTransient)
    }

    /// The code, what the message ends with, and what to do.
    package var failure: (code: HTTPErrorCode, why: String, hint: String?) {
        switch self {
        case .hostNotFound(let host):
            (.hostNotFound, "the host \"\(host)\" has no address", "check the URL and the network")
        case .refused: (.connectionRefused, "the connection was refused", "check that the server runs, and the port")
        case .unreachable:
            (.networkUnreachable, "the network does not reach the host", "check the network and the firewall")
        case .reset: (.connectionReset, "the connection was reset", nil)
        case .closed: (.connectionClosed, "the connection was closed before the answer was whole", nil)
        case .connectTimeout:
            (
                .connectTimeout, "no connection within \(DurationText.format(HTTPClientService.connectTimeout))",
                "check the URL, the network and the firewall"
            )
        case .timedOut(let limit):
            (.httpTimeout, DurationText.format(limit), "raise `timeout` if the server is slow")
        case .tlsFailed(let why):
            (
                .tlsFailed, "no secure connection, \(why)",
                "check the server's certificate, and that scheme and port belong together; an authority of your own is "
                    + "trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE"
            )
        case .clientCertificate:
            (
                .tlsFailed,
                "no secure connection, the server wants a client certificate, or does not accept the one that it got",
                "set `http.tls.certificate` and `http.tls.key` in runnel.yaml"
            )
        case .malformed: (.notHTTP, "what came back is not HTTP", "check that scheme and port belong together")
        case .headerTooLarge:
            (
                .responseTooLarge, "the header of the answer has too many fields, or too long ones",
                "the server or a proxy is at fault"
            )
        case .tooLarge(let limit):
            (.responseTooLarge, "\(ByteCount(limit))", "raise `max_size` if that is expected")
        case .addressDenied(let host):
            (
                .addressDenied, "\"\(host)\" is a private address",
                "if that is meant, list the host or network in `http.allow` of runnel.yaml; a host from a trigger may "
                    + "only have a public address, one from other data any but a link-local or metadata address"
            )
        case .proxyUnreachable(let proxy, let why):
            (
                .proxyUnreachable, "no connection to the proxy \(proxy), \(why)",
                "check that the proxy runs, and `http.proxy` in runnel.yaml, or HTTPS_PROXY and HTTP_PROXY"
            )
        case .proxyRefused(let why):
            (
                .proxyRefused, "the proxy refused it, \(why)",
                "check `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY"
            )
        case .proxyFailed(let proxy, let why, _):
            (
                .proxyRefused, "the proxy \(proxy) made no connection, \(why)",
                "check the URL and the proxy, and `http.proxy` in runnel.yaml, or HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            )
        case .corruptBody(let coding):
            (
                .corruptAnswer, "it is not \(coding)",
                "the server or a proxy is at fault; the header `accept-encoding: identity` asks for no compression"
            )
        case .other(let why): (.connectionFailed, why, nil)
        }
    }
}
