// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let httpFetchAndWebhookSend: [ErrorEntry] = [
        ErrorEntry(
            "address-denied", part: "http.fetch and webhook.send",
            sentences: ["… was not sent: \"…\" is a private address"],
            hints: ["if that is meant, list the host or network in `http.allow` of runnel.yaml; URLs from triggers may reach public addresses only"]),
        ErrorEntry(
            "bad-proxy", part: "http.fetch and webhook.send",
            sentences: ["the environment variable …: …"]),
        ErrorEntry(
            "bad-redirect", part: "http.fetch and webhook.send",
            sentences: ["… redirects to an invalid URL: …"],
            hints: ["the server is at fault; fetch the page's final URL if you know it"]),
        ErrorEntry(
            "bad-tls-settings", part: "http.fetch and webhook.send",
            sentences: ["`…`: cannot read \"…\": …", "`…`: \"…\" is not a PEM file of that kind"],
            hints: ["certificates begin with -----BEGIN CERTIFICATE-----, keys with -----BEGIN PRIVATE KEY-----"]),
        ErrorEntry(
            "compressed-answer", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is compressed (…), which cannot be decompressed here"],
            hints: ["use `as: bytes` for the raw bytes, or send the header `accept-encoding: identity`"]),
        ErrorEntry(
            "connect-timeout", part: "http.fetch and webhook.send",
            sentences: ["… failed: no connection within …"],
            hints: ["check the URL, the network and the firewall"]),
        ErrorEntry(
            "connection-closed", part: "http.fetch and webhook.send",
            sentences: ["… failed: the connection was closed before the answer was whole"]),
        ErrorEntry(
            "connection-failed", part: "http.fetch and webhook.send",
            sentences: ["… failed: …"]),
        ErrorEntry(
            "connection-refused", part: "http.fetch and webhook.send",
            sentences: ["… failed: the connection was refused"],
            hints: ["check that the server runs, and the port"]),
        ErrorEntry(
            "connection-reset", part: "http.fetch and webhook.send",
            sentences: ["… failed: the connection was reset"]),
        ErrorEntry(
            "corrupt-answer", part: "http.fetch and webhook.send",
            sentences: ["the answer to … cannot be decompressed: it is not …"],
            hints: ["the server or a proxy is at fault; the header `accept-encoding: identity` asks for no compression"]),
        ErrorEntry(
            "host-not-found", part: "http.fetch and webhook.send",
            sentences: ["… failed: the host \"…\" has no address"],
            hints: ["check the URL and the network"]),
        ErrorEntry(
            "http-status", part: "http.fetch and webhook.send",
            sentences: ["… answered …"]),
        ErrorEntry(
            "http-timeout", part: "http.fetch and webhook.send",
            sentences: ["… was not answered within …"],
            hints: ["raise `timeout` if the server is slow"]),
        ErrorEntry(
            "network-unreachable", part: "http.fetch and webhook.send",
            sentences: ["… failed: the network does not reach the host"],
            hints: ["check the network and the firewall"]),
        ErrorEntry(
            "not-http", part: "http.fetch and webhook.send",
            sentences: ["… failed: what came back is not HTTP"],
            hints: ["check that scheme and port belong together"]),
        ErrorEntry(
            "not-json", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is not JSON: …"],
            hints: ["use `as: text` to get the text"]),
        ErrorEntry(
            "proxy-refused", part: "http.fetch and webhook.send",
            sentences: ["… failed: the proxy refused it, …"],
            hints: ["check `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY"]),
        ErrorEntry(
            "redirect-loop", part: "http.fetch and webhook.send",
            sentences: ["… was redirected in a loop, back to …"],
            hints: ["some pages do that to clients without cookies; send the page's `cookie` header if it needs one"]),
        ErrorEntry(
            "redirect-with-body", part: "http.fetch and webhook.send",
            sentences: ["… is redirected (…) to another origin, …, which would get its body"],
            hints: ["send to that URL directly if you trust it"]),
        ErrorEntry(
            "response-too-large", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is larger than …"],
            hints: ["raise `max_size` if that is expected"]),
        ErrorEntry(
            "shutting-down", part: "http.fetch and webhook.send",
            sentences: ["the HTTP clients are shut down"]),
        ErrorEntry(
            "tls-failed", part: "http.fetch and webhook.send",
            sentences: ["… failed: no secure connection, …"],
            hints: ["check the server's certificate, and that scheme and port belong together; an authority of your own is trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE"]),
        ErrorEntry(
            "too-many-redirects", part: "http.fetch and webhook.send",
            sentences: ["… was redirected more than … …, last to …"],
            hints: ["raise `redirects` if that is expected"]),
        ErrorEntry(
            "unknown-charset", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is in …, which is not supported"],
            hints: ["name its real encoding with `encoding`, or use `as: bytes` for the raw bytes"]),
    ]
}
