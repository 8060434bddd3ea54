// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let webhook: [ErrorEntry] = [
        ErrorEntry(
            "bad-with", part: "webhook",
            sentences: ["… cannot be the path of a hook"],
            hints: ["use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"; a part in braces is a parameter: \"scan/{id}\""]),
        ErrorEntry(
            "body-too-large", part: "webhook",
            sentences: ["the body is larger than the … that this hook takes"]),
        ErrorEntry(
            "chain-too-long", part: "webhook",
            sentences: ["the event was caused by too long a chain of runs"]),
        ErrorEntry(
            "malformed-body", part: "webhook",
            sentences: []),
        ErrorEntry(
            "method-not-allowed", part: "webhook",
            sentences: ["this hook is called with …"]),
        ErrorEntry(
            "no-such-run", part: "webhook",
            sentences: ["this was delivered before, and its run \"…\" is not kept any more"]),
        ErrorEntry(
            "redirect-not-followed", part: "webhook",
            sentences: ["… answered … and points to …"],
            hints: ["webhooks are not sent on to other places; put that URL into `url` if you trust it"]),
        ErrorEntry(
            "shutting-down", part: "webhook",
            sentences: ["Runnel is shutting down; try again in … s"]),
        ErrorEntry(
            "too-many-requests", part: "webhook",
            sentences: ["this hook is called too often; try again in … s"]),
        ErrorEntry(
            "unsupported-charset", part: "webhook",
            sentences: ["the charset … is not known here"]),
        ErrorEntry(
            "unsupported-content-encoding", part: "webhook",
            sentences: ["this hook takes bodies that are compressed with … or not at all"]),
        ErrorEntry(
            "unsupported-media-type", part: "webhook",
            sentences: [
                "the content type cannot be read",
                "this hook does not take bodies of the type \"…\"",
            ]),
        ErrorEntry(
            "webhook-gone", part: "webhook",
            sentences: []),
    ]
}
