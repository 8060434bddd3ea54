internal import AsyncHTTPClient
internal import HTTPCalling
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import RunnelSupport
internal import RunnelValue

/// Turns what the HTTP client reports about a connection into an error that tells what to do.
enum TransportFailure {
    /// - Parameter answered: whether the response's head had arrived.
    static func error(
        _ cause: any Error, url: String, timeouts: MarketplaceConfiguration.Timeouts, answered: Bool,
        redactor: ResponseRedactor
    ) -> MarketplaceError {
        switch cause {
        case let cause as MarketplaceError: return cause
        case let cause as HTTPClientError: return clientError(cause, url, timeouts, answered)
        case is CancellationError: return cancelled
        case let cause as NIOConnectionError:
            return leads(cause, to: url) ? failed(url, why: reason(of: cause)) : proxyFailed(cause)
        case HTTPParserError.invalidEOFState where answered: return cutOff(why: "the connection was closed")
        case HTTPParserError.invalidEOFState:
            return failed(url, why: "the connection was closed before the answer was whole")
        // The server would answer the same request in the same way.
        case HTTPParserError.headerOverflow where !answered:
            return failed(
                url, why: "the header of its answer has too many fields, or too long ones", isTransient: false)
        case is HTTPParserError where !answered:
            return failed(url, why: "the server does not speak HTTP", isTransient: false)
        case is ChannelError where !answered: return failed(url, why: "the connection was closed")
        default: break
        }
        if let failure = ProxyFailure(cause) { return proxyFailed(url, failure) }
        let text = String(describing: cause)
        let failure = ConnectionFailure(describedAs: text)
        if answered, failure == .uncleanShutdown { return cutOff(why: "the connection was closed") }
        if !answered, let failure, failure != .uncleanShutdown {
            return tls(url, reason(of: failure) ?? "the handshake failed")
        }
        let why = (cause as? IOError).map(reason(of:)) ?? redactor.redact(text)
        return answered ? cutOff(why: why) : failed(url, why: why)
    }

    static var cancelled: MarketplaceError {
        MarketplaceError(
            .cancelled, "the call was cancelled", hint: "the connection was closed; nothing is left to do")
    }

    static func connectTimeout(_ url: String, _ duration: Duration) -> MarketplaceError {
        MarketplaceError(
            .connectTimeout, "no connection to \(url) within \(DurationText.format(duration))",
            hint: "check the base URL, the network and the firewall, or raise the connect time-out", isTransient: true)
    }

    static func idleTimeout(_ duration: Duration) -> MarketplaceError {
        MarketplaceError(
            .idleTimeout, "nothing was received for \(DurationText.format(duration))",
            hint: "the server may hang or the network be gone: try again, or raise the idle time-out",
            isTransient: true)
    }

    static func totalTimeout(_ duration: Duration) -> MarketplaceError {
        MarketplaceError(
            .totalTimeout, "the answer was not complete after \(DurationText.format(duration))",
            hint: "ask for less at once, or raise the total time-out")
    }

    static func cutOff(why: String?, before end: String = "[DONE]") -> MarketplaceError {
        let cause = why.map { ": \(Quote.text($0))" } ?? ""
        return MarketplaceError(
            .streamCutOff, "the stream ended before \(end)\(cause)",
            hint: "try again (the text so far is kept); a proxy that limits the time of a response is a usual cause",
            isTransient: true)
    }

    /// A body whose compression cannot be undone.
    static func undecodable(_ cause: any Error, url: String, status: Int) -> MarketplaceError {
        let why =
            switch cause {
            case let cause as ContentDecoder.Unsupported:
                "with the compression \(Quote.quoted(cause.coding, limit: 60)), which cannot be undone here"
            case let cause as ContentDecoder.Corrupt where cause.isCutOff: "with a compressed body that is cut off"
            case let cause as ContentDecoder.Corrupt: "with a body that is not \(cause.coding), as its header says"
            default: "with a body that cannot be read"
            }
        return MarketplaceError(
            .unreadableBody, "\(url) answered \(status) \(why)",
            hint: "check what stands between this machine and the server; no compression was asked for",
            httpStatus: status)
    }

    private static func clientError(
        _ cause: HTTPClientError, _ url: String, _ timeouts: MarketplaceConfiguration.Timeouts, _ answered: Bool
    ) -> MarketplaceError {
        switch cause {
        case .cancelled: return cancelled
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
            return connectTimeout(url, timeouts.connect)
        case .readTimeout: return idleTimeout(timeouts.idle)
        case .deadlineExceeded: return totalTimeout(timeouts.total)
        case .remoteConnectionClosed where answered: return cutOff(why: "the connection was closed")
        case .remoteConnectionClosed: return failed(url, why: "the server closed the connection without an answer")
        case .proxyAuthenticationRequired: return proxyRefused(url, "it wants other credentials (407)")
        case .invalidProxyResponse: return proxyRefused(url, "it does not allow the connection")
        case .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            return MarketplaceError(
                .connectTimeout, "no connection to \(url): the proxy did not answer in time",
                hint: "check that the proxy runs and that its address is right", isTransient: true)
        case .alreadyShutdown:
            return MarketplaceError(
                .connectionFailed, "the HTTP client is shut down", hint: "make calls before the client is shut down")
        default:
            // `description` may quote a header field, which may contain a secret.
            return answered ? cutOff(why: cause.shortDescription) : failed(url, why: cause.shortDescription)
        }
    }

    private static func failed(_ url: String, why: String, isTransient: Bool = true) -> MarketplaceError {
        MarketplaceError(
            .connectionFailed, "no connection to \(url): \(Quote.text(why))",
            hint: "check that the server runs and that the base URL is right", isTransient: isTransient)
    }

    private static func proxyFailed(_ cause: NIOConnectionError) -> MarketplaceError {
        MarketplaceError(
            .connectionFailed,
            "no connection to the proxy \(Quote.text("\(cause.host):\(cause.port)")): \(Quote.text(reason(of: cause)))",
            hint: "check that the proxy runs and that its address is right", isTransient: true)
    }

    private static func proxyFailed(_ url: String, _ failure: ProxyFailure) -> MarketplaceError {
        MarketplaceError(
            .proxyRefused, "the proxy made no connection to \(url): \(failure.why)",
            hint: "check the base URL, the proxy and its settings", isTransient: failure.isTransient)
    }

    private static func proxyRefused(_ url: String, _ why: String) -> MarketplaceError {
        MarketplaceError(
            .proxyRefused, "the proxy refused the connection to \(url): \(why)",
            hint: "check the proxy's address and its credentials")
    }

    /// Whether the connection was one to the URL's server, and not to a proxy before it.
    private static func leads(_ connection: NIOConnectionError, to url: String) -> Bool {
        let parts = url.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, let authority = parts[1].split(separator: "/").first else { return true }
        let server = URLAuthority(authority.split(separator: "@").last ?? authority)
        // The client writes the names of other scripts differently.
        guard server.host.allSatisfy(\.isASCII) else { return true }
        let host = connection.host.contains(":") ? "[\(connection.host)]" : connection.host
        let port = server.portNumber ?? (parts[0].lowercased() == "https" ? 443 : 80)
        return server.host.lowercased() == host.lowercased() && port == connection.port
    }

    private static func tls(_ url: String, _ why: String) -> MarketplaceError {
        MarketplaceError(
            .tlsFailed, "no secure connection to \(url): \(Quote.text(why))",
            hint: "check the server's certificate and that the base URL's scheme and port belong together")
    }

    private static func reason(of error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first { return reason(of: first.error) }
        if error.dnsAError != nil || error.dnsAAAAError != nil {
            return "the host \(Quote.quoted(error.host)) has no address"
        }
        return "no address of \(Quote.quoted(error.host)) answered"
    }

    private static func reason(of error: any Error) -> String {
        guard let error = error as? IOError else { return String(describing: error) }
        return ConnectionFailure(errno: error.errnoCode).flatMap(reason(of:)) ?? error.description
    }

    /// In words; nil where the library says more than is known here.
    private static func reason(of failure: ConnectionFailure) -> String? {
        switch failure {
        case .refused: "the connection was refused"
        case .reset: "the connection was reset"
        case .unreachable: "the network does not reach the host"
        case .timedOut: "the host did not answer"
        case .untrustedCertificate: "the server's certificate is not trusted"
        case .wrongCertificate: "the server's certificate is not for this host"
        case .clientCertificate:
            "the server wants a client certificate, or does not accept the one that it got"
        case .notTLS: "the server does not answer with TLS"
        case .uncleanShutdown, .handshake: nil
        }
    }
}
