import RunnelKit

/// The trigger `submissions`.
struct Submissions: Trigger {
    static let name = "submissions"
    static let summary = "Starts a run for each text that is sent to a path of this server."
    static let documentation = TriggerDocumentation(
        details: "Texts are sent to `POST /hooks/<path>/<author>` with `Authorization: Bearer <key>`.",
        payload: [.init("author", "Who wrote it."), .init("words", "How many words it has.")],
        examples: [.init("Take texts in", "submissions: { path: texts, key: \"{{ secrets.editors }}\" }")])

    @Field("Where it is called, behind `/hooks/`.") var path: String = "submissions"
    @Field("What callers have to show.") var key: String

    func run(_ context: TriggerContext) async throws {
        let route = IngressRoute(
            "\(path)/{author}", methods: ["POST"], body: .whole(upTo: 256 << 10), authenticatesCallers: true,
            watchesCaller: false
        ) { request in
            guard request.headers.first("authorization") == "Bearer \(key)" else {
                throw IngressError(401, WritingErrorCode.unauthorized, "show the key: Authorization: Bearer …")
            }
            guard let text = String(validating: request.body, as: UTF8.self), !text.isEmpty else {
                throw IngressError(400, WritingErrorCode.noText, "send a text in UTF-8")
            }
            let author = request.parameters["author"] ?? ""
            let event = TriggerEvent(
                dedupeKey: "\(author)/\(request.headers.first("idempotency-key") ?? text)",
                payload: ["author": .string(author), "words": .int(Int64(wordCount(text)))], input: .string(text))
            // A refusal that is thrown here is answered with 429 or 503.
            guard let run = try await context.emit(event).runID else { return .json(202, ["ignored": true]) }
            return .json(202, ["run": .string(run)])
        }
        try await context.serve(route)
    }
}
