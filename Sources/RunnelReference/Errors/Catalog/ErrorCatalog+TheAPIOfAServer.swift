// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let theAPIOfAServer: [ErrorEntry] = [
        ErrorEntry(
            "bad-body", part: "The API of a server",
            sentences: [
                "the body: expected an object, found …",
                "the body has a key …; there are …",
                "`…`: expected a time such as 2026-11-24T09:00:00Z, found …",
                "`limit`: expected a number from 1 to …, found …",
                "`…`: expected true or false, found …",
                "`from` is after `to`",
                "`to` lies in the future; the schedule runs those ticks itself",
            ]),
        ErrorEntry(
            "bad-header", part: "The API of a server",
            sentences: [
                "Last-Event-ID: expected the number of an event, found …",
                "Idempotency-Key: expected 1 to 200 characters, found …",
            ]),
        ErrorEntry(
            "bad-input", part: "The API of a server",
            sentences: []),
        ErrorEntry(
            "bad-parameter", part: "The API of a server",
            sentences: []),
        ErrorEntry(
            "bad-request", part: "The API of a server",
            sentences: []),
        ErrorEntry(
            "body-too-large", part: "The API of a server",
            sentences: ["the form is larger than …", "the body is larger than …"]),
        ErrorEntry(
            "has-ended", part: "The API of a server",
            sentences: ["the run has ended already: …"]),
        ErrorEntry(
            "incomplete-body", part: "The API of a server",
            sentences: ["the body did not come whole"]),
        ErrorEntry(
            "insufficient-scope", part: "The API of a server",
            sentences: ["the token … has the scope `…`; this needs `…`"]),
        ErrorEntry(
            "internal", part: "The API of a server",
            sentences: ["the request failed; the log says why under …"]),
        ErrorEntry(
            "link-used", part: "The API of a server",
            sentences: ["the link has been used or has expired; `runnel open` makes a new one"]),
        ErrorEntry(
            "malformed", part: "The API of a server",
            sentences: ["the body is not JSON", "the body is not JSON: …"]),
        ErrorEntry(
            "method-not-allowed", part: "The API of a server",
            sentences: ["… is not possible here; ask … with …"]),
        ErrorEntry(
            "no-result", part: "The API of a server",
            sentences: ["the step \"…\" has no result in the run; retry from that step or an earlier one"]),
        ErrorEntry(
            "no-such-file", part: "The API of a server",
            sentences: ["there is no file …"]),
        ErrorEntry(
            "no-such-hook", part: "The API of a server",
            sentences: ["there is no hook at …"]),
        ErrorEntry(
            "no-such-pipeline", part: "The API of a server",
            sentences: ["there is no pipeline …"]),
        ErrorEntry(
            "no-such-run", part: "The API of a server",
            sentences: ["there is no run …", "the run is gone"]),
        ErrorEntry(
            "no-such-step", part: "The API of a server",
            sentences: ["the pipeline has no step …; …"]),
        ErrorEntry(
            "no-such-trigger", part: "The API of a server",
            sentences: ["the pipeline \"…\" has no trigger …; …"]),
        ErrorEntry(
            "no-such-value", part: "The API of a server",
            sentences: ["the run has no such value"]),
        ErrorEntry(
            "not-ended", part: "The API of a server",
            sentences: ["the run has not ended yet"]),
        ErrorEntry(
            "not-found", part: "The API of a server",
            sentences: ["there is no such page", "there is no such file", "there is nothing at …"]),
        ErrorEntry(
            "not-served", part: "The API of a server",
            sentences: ["the pipeline \"…\" is not served any more"]),
        ErrorEntry(
            "overloaded", part: "The API of a server",
            sentences: ["too many bodies are being read; try again in 1 s"]),
        ErrorEntry(
            "shutting-down", part: "The API of a server",
            sentences: ["Runnel is shutting down; try again in 5 s"]),
        ErrorEntry(
            "signed-out", part: "The API of a server",
            sentences: ["the session has expired; sign in again", "sign in first"]),
        ErrorEntry(
            "too-slow", part: "The API of a server",
            sentences: ["the body did not come within …"]),
        ErrorEntry(
            "unauthorized", part: "The API of a server",
            sentences: ["the API needs the token: Authorization: Bearer …"]),
        ErrorEntry(
            "unsupported-media-type", part: "The API of a server",
            sentences: ["expected a form", "the body is …; send application/json instead"]),
        ErrorEntry(
            "wrong-form", part: "The API of a server",
            sentences: ["the page is out of date; load it again, then repeat the action"]),
        ErrorEntry(
            "wrong-host", part: "The API of a server",
            sentences: [
                "the API answers to localhost only; a token lets others in",
                "this hook lets everybody call, so it answers to localhost and to `server.public_url` only",
            ]),
        ErrorEntry(
            "wrong-origin", part: "The API of a server",
            sentences: [
                "the form was sent by a page of another site",
                "the API does not answer to pages of other sites; a token lets them in",
                "this hook does not answer to pages of other sites; `origins` lets them in",
            ]),
    ]
}
