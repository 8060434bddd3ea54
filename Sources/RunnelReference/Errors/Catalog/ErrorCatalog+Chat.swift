// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let chat: [ErrorEntry] = [
        ErrorEntry(
            "answer-too-large", part: "chat",
            sentences: ["The whole answer is longer than allowed"]),
        ErrorEntry(
            "answer-truncated", part: "chat",
            sentences: ["The finish reason is `length`: the answer was cut off at the model's limit of tokens"]),
        ErrorEntry(
            "attachment-unsupported", part: "chat",
            sentences: [
                "the chat has files, and there is no place to send them to",
                "the file \"…\" is empty",
                "the files together are larger than …",
                "the file \"…\" is no PNG, JPEG, GIF or WebP image",
            ],
            hints: [
                "set `marketplace.paths.upload` to the path that takes files",
                "attach fewer files, or raise `marketplace.limits.max_file`",
                "read a text with `file.read` and put it into the prompt, or set `marketplace.paths.upload`",
            ]),
        ErrorEntry(
            "bad-request", part: "chat",
            sentences: ["400 or another 4xx: the server does not accept the request"]),
        ErrorEntry(
            "budget-exceeded", part: "chat",
            sentences: ["… is used up: …"],
            hints: ["raise it in runnel.yaml, or set `then: wait` there to wait for the next …"]),
        ErrorEntry(
            "cancelled", part: "chat",
            sentences: ["The calling task was cancelled"]),
        ErrorEntry(
            "connect-timeout", part: "chat",
            sentences: ["No connection within the time allowed"]),
        ErrorEntry(
            "connection-failed", part: "chat",
            sentences: ["No connection, or it broke before anything was answered"]),
        ErrorEntry(
            "content-filter", part: "chat",
            sentences: ["The finish reason is `content_filter`: the server's filter stopped the answer"]),
        ErrorEntry(
            "empty-answer", part: "chat",
            sentences: ["The stream ended as it should and held no text"]),
        ErrorEntry(
            "empty-prompt", part: "chat",
            sentences: ["the prompt is empty"],
            hints: ["give `prompt`, or let a step before produce a text"]),
        ErrorEntry(
            "error-in-stream", part: "chat",
            sentences: ["The server reported an error inside the stream"]),
        ErrorEntry(
            "event-too-large", part: "chat",
            sentences: ["An event of the stream is larger than allowed"]),
        ErrorEntry(
            "forbidden", part: "chat",
            sentences: ["403: the token is good but may not do this"]),
        ErrorEntry(
            "idle-timeout", part: "chat",
            sentences: ["Nothing was received for the time allowed"]),
        ErrorEntry(
            "interaction-required", part: "chat",
            sentences: ["The agent asks a person and goes on only when it is answered"]),
        ErrorEntry(
            "invalid-configuration", part: "chat",
            sentences: ["A setting of the client cannot work"]),
        ErrorEntry(
            "invalid-request", part: "chat",
            sentences: ["The request cannot be sent as it is, for example because its schema is not JSON"]),
        ErrorEntry(
            "invalid-token-response", part: "chat",
            sentences: ["The token end point's answer holds no usable token"]),
        ErrorEntry(
            "line-too-long", part: "chat",
            sentences: ["A line of the stream is longer than allowed"]),
        ErrorEntry(
            "malformed-event", part: "chat",
            sentences: ["An event's data is not what the API sends"]),
        ErrorEntry(
            "not-an-event-stream", part: "chat",
            sentences: ["200, but the body is not an event stream"]),
        ErrorEntry(
            "not-found", part: "chat",
            sentences: ["404: no such address or agent"]),
        ErrorEntry(
            "price-unknown", part: "chat",
            sentences: [
                "the budget has a cost, and `prices` has no price for …",
                "the budget is in …, and `prices` are in …",
            ],
            hints: [
                "add the price to `prices` in runnel.yaml, or limit `tokens` instead",
                "use one currency",
            ]),
        ErrorEntry(
            "rate-limited", part: "chat",
            sentences: ["429: too many requests"]),
        ErrorEntry(
            "refusal", part: "chat",
            sentences: ["The model refused to answer"]),
        ErrorEntry(
            "schema-mismatch", part: "chat",
            sentences: ["the answer does not fit the schema, also when asked again: …"],
            hints: ["loosen the schema, or say in the prompt what each key has to hold"]),
        ErrorEntry(
            "server-error", part: "chat",
            sentences: ["5xx: the server failed"]),
        ErrorEntry(
            "stream-cut-off", part: "chat",
            sentences: ["The stream ended before what has to end it: `[DONE]`, or a finish reason"]),
        ErrorEntry(
            "tls-failed", part: "chat",
            sentences: ["TLS could not be agreed on, or the certificate is not trusted"]),
        ErrorEntry(
            "token-timeout", part: "chat",
            sentences: ["The token end point did not answer in time"]),
        ErrorEntry(
            "total-timeout", part: "chat",
            sentences: ["The whole call took longer than allowed"]),
        ErrorEntry(
            "unauthorized", part: "chat",
            sentences: ["401: the token or key was refused"]),
        ErrorEntry(
            "unexpected-status", part: "chat",
            sentences: ["1xx, 2xx without a body, 3xx: an answer that is neither a stream nor an error"]),
        ErrorEntry(
            "unexpected-tool-call", part: "chat",
            sentences: ["The model wants a tool to be called, and no tool was offered"]),
        ErrorEntry(
            "unreadable-body", part: "chat",
            sentences: ["The body is compressed in a way that cannot be undone"]),
        ErrorEntry(
            "wrong-credentials", part: "chat",
            sentences: ["The token end point refused the client id and secret"]),
    ]
}
