// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let httpFetchAndWebhookSend: [ErrorEntry] = [
        ErrorEntry(
            "bad-redirect", part: "http.fetch and webhook.send",
            sentences: ["… redirects to an invalid URL: …"],
            hints: ["the server is at fault; fetch the page's final URL if you know it"]),
        ErrorEntry(
            "compressed-answer", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is compressed (…), which was not requested"],
            hints: ["use `as: bytes` for the raw bytes"]),
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
            "redirect-loop", part: "http.fetch and webhook.send",
            sentences: ["… was redirected in a loop, back to …"],
            hints: ["some pages do that to clients without cookies; send the page's `cookie` header if it needs one"]),
        ErrorEntry(
            "response-too-large", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is larger than …"],
            hints: ["raise `max_size` if that is expected"]),
        ErrorEntry(
            "tls-failed", part: "http.fetch and webhook.send",
            sentences: ["… failed: no secure connection, …"],
            hints: ["check the server's certificate, and that scheme and port belong together"]),
        ErrorEntry(
            "too-many-redirects", part: "http.fetch and webhook.send",
            sentences: ["… was redirected more than … …, last to …"],
            hints: ["raise `redirects` if that is expected"]),
        ErrorEntry(
            "unknown-charset", part: "http.fetch and webhook.send",
            sentences: ["the answer to … is in …, which is not supported"],
            hints: ["use `as: bytes` for the raw bytes; UTF-8, UTF-16, Latin-1 and Windows-1252 are supported"]),
    ]
}
