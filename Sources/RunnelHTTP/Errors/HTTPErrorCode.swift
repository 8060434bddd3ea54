public import RunnelKit

/// The codes of errors of calls over HTTP.
@nonexhaustive public enum HTTPErrorCode: String, ErrorCode {
    case addressDenied = "address-denied"
    case badProxy = "bad-proxy"
    case badRedirect = "bad-redirect"
    case badTLSSettings = "bad-tls-settings"
    case compressedAnswer = "compressed-answer"
    case connectTimeout = "connect-timeout"
    case connectionClosed = "connection-closed"
    case connectionFailed = "connection-failed"
    case connectionRefused = "connection-refused"
    case connectionReset = "connection-reset"
    case corruptAnswer = "corrupt-answer"
    case hostNotFound = "host-not-found"
    case httpStatus = "http-status"
    case httpTimeout = "http-timeout"
    case networkUnreachable = "network-unreachable"
    case notHTTP = "not-http"
    case notJSON = "not-json"
    case proxyRefused = "proxy-refused"
    case proxyUnreachable = "proxy-unreachable"
    case redirectLoop = "redirect-loop"
    case redirectWithBody = "redirect-with-body"
    case responseTooLarge = "response-too-large"
    case shuttingDown = "shutting-down"
    case tlsFailed = "tls-failed"
    case tooManyRedirects = "too-many-redirects"
    case unknownCharset = "unknown-charset"

    /// The heading in the reference.
    public static let part = "http.fetch and webhook.send"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .addressDenied:
            ErrorExplanation(
                "… was not sent: \"…\" is a private address",
                hints: """
                    if that is meant, list the host or network in `http.allow` of runnel.yaml; a host from a trigger may \
                    only have a public address, one from other data any but a link-local or metadata address
                    """
            )
        case .badProxy:
            ErrorExplanation(
                "the environment variable …: …", "`http.proxy_credentials`: …",
                hints: "use a proxy that wants no password, or an HTTP proxy")
        case .badRedirect:
            ErrorExplanation(
                "… redirects to an invalid URL: …",
                hints: "the server is at fault; fetch the page's final URL if you know it")
        case .badTLSSettings:
            ErrorExplanation(
                "`…`: cannot read \"…\": …", "`…`: \"…\" is not a PEM file of that kind",
                hints: "create the file, change the path, or let the user who runs Runnel read it",
                "certificates begin with -----BEGIN CERTIFICATE-----, keys with -----BEGIN PRIVATE KEY-----")
        case .compressedAnswer:
            ErrorExplanation(
                "the answer to … is compressed (…), which cannot be decompressed here",
                hints: "use `as: bytes` for the raw bytes, or send the header `accept-encoding: identity`")
        case .connectTimeout:
            ErrorExplanation("… failed: no connection within …", hints: "check the URL, the network and the firewall")
        case .connectionClosed: ErrorExplanation("… failed: the connection was closed before the answer was whole")
        case .connectionFailed: ErrorExplanation("… failed: …")
        case .connectionRefused:
            ErrorExplanation("… failed: the connection was refused", hints: "check that the server runs, and the port")
        case .connectionReset: ErrorExplanation("… failed: the connection was reset")
        case .corruptAnswer:
            ErrorExplanation(
                "the answer to … cannot be decompressed: it is not …",
                hints:
                    "the server or a proxy is at fault; the header `accept-encoding: identity` asks for no compression")
        case .hostNotFound:
            ErrorExplanation("… failed: the host \"…\" has no address", hints: "check the URL and the network")
        case .httpStatus: ErrorExplanation("… answered …")
        case .httpTimeout:
            ErrorExplanation("… was not answered within …", hints: "raise `timeout` if the server is slow")
        case .networkUnreachable:
            ErrorExplanation(
                "… failed: the network does not reach the host", hints: "check the network and the firewall")
        case .notHTTP:
            ErrorExplanation(
                "… failed: what came back is not HTTP", hints: "check that scheme and port belong together")
        case .notJSON: ErrorExplanation("the answer to … is not JSON: …", hints: "use `as: text` to get the text")
        case .proxyRefused:
            ErrorExplanation(
                "… failed: the proxy refused it, …", "… failed: the proxy … made no connection, …",
                hints: "check `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY",
                "check the URL and the proxy, and `http.proxy` in runnel.yaml, or HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            )
        case .proxyUnreachable:
            ErrorExplanation(
                "… failed: no connection to the proxy …, …",
                hints: "check that the proxy runs, and `http.proxy` in runnel.yaml, or HTTPS_PROXY and HTTP_PROXY")
        case .redirectLoop:
            ErrorExplanation(
                "… was redirected in a loop, back to …",
                hints: """
                    some pages do that to clients without cookies; send the page's `cookie` header if it \
                    needs one
                    """)
        case .redirectWithBody:
            ErrorExplanation(
                "… is redirected (…) to another origin, …, which would get its body",
                hints: "send to that URL directly if you trust it")
        case .responseTooLarge:
            ErrorExplanation(
                "the answer to … is larger than …",
                "… failed: the header of the answer has too many fields, or too long ones",
                hints: "raise `max_size` if that is expected", "the server or a proxy is at fault")
        case .shuttingDown: ErrorExplanation("the HTTP clients are shut down")
        case .tlsFailed:
            ErrorExplanation(
                "… failed: no secure connection, …",
                hints:
                    "check the server's certificate, and that scheme and port belong together; an authority of your own is trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE",
                "set `http.tls.certificate` and `http.tls.key` in runnel.yaml")
        case .tooManyRedirects:
            ErrorExplanation(
                "… was redirected more than … …, last to …", hints: "raise `redirects` if that is expected")
        case .unknownCharset:
            ErrorExplanation(
                "the answer to … is in …, which is not supported",
                hints: "name its real encoding with `encoding`, or use `as: bytes` for the raw bytes")
        }
    }
}
