internal import AsyncHTTPClient
internal import LibC
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import RunnelSupport

/// Why there is no answer, or not a whole one.
public enum TransportProblem: Error, Sendable, Hashable {
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
        case let cause as IOError: self = Self.ioProblem(cause)
        case is HTTPParserError: self = (cause as? HTTPParserError) == .invalidEOFState ? .closed : .malformed
        case let cause as ChannelError:
            if case .connectTimeout = cause { self = .connectTimeout } else { self = .closed }
        case let cause as HTTPClientError: self = Self.clientProblem(cause)
        default: self = Self.unknown(String(describing: cause))
        }
    }

    private static func ioProblem(_ cause: IOError) -> TransportProblem {
        switch cause.errnoCode {
        case ECONNREFUSED: .refused
        case ECONNRESET, EPIPE: .reset
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL: .unreachable
        case ETIMEDOUT: .connectTimeout
        default: .other(cause.description)
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

    private static func unknown(_ text: String) -> TransportProblem {
        let mentions = { (words: [String]) in words.contains { text.contains($0) } }
        if mentions(["uncleanShutdown"]) { return .closed }
        if mentions(["CERTIFICATE_VERIFY_FAILED"]) { return .tlsFailed("its certificate is not trusted") }
        if mentions(["unableToValidateCertificate", "failedToValidateHostname"]) {
            return .tlsFailed("its certificate is not for this host")
        }
        if mentions(["WRONG_VERSION_NUMBER"]) { return .tlsFailed("it does not speak TLS on this port") }
        if mentions(["handshake", "SSL", "TLS"]) { return .tlsFailed("the handshake failed") }
        return .other(text)
    }
}
