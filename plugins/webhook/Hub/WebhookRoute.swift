/// A hook that can be called: what the server has to know of it, and what it asks.
public struct WebhookRoute: Sendable {
    /// What stands behind `/hooks/`.
    public let path: String
    /// Whose runs it starts.
    public let pipeline: String
    /// The trigger's entry under `on:`.
    public let key: String
    /// How many bytes of a body are taken. The server stops reading behind them and answers
    /// ``WebhookResponse/bodyTooLarge(limit:)``.
    public let bodyLimit: Int
    /// Whether anybody who reaches the hook may call it: `verify: { scheme: none }`.
    public let isOpenToAnybody: Bool
    /// Whether a call may wait for a run. Otherwise it ends as soon as the run is on disk, and a caller who goes before
    /// changes nothing, so the server need not look out for that.
    public let waitsForRuns: Bool
    private let handler: @Sendable (WebhookRequest) async -> WebhookResponse

    init(
        path: String, pipeline: String, key: String, bodyLimit: Int, isOpenToAnybody: Bool, waitsForRuns: Bool,
        handler: @escaping @Sendable (WebhookRequest) async -> WebhookResponse
    ) {
        self.path = path
        self.pipeline = pipeline
        self.key = key
        self.bodyLimit = bodyLimit
        self.isOpenToAnybody = isOpenToAnybody
        self.waitsForRuns = waitsForRuns
        self.handler = handler
    }

    /// Answers a call. An answer that says so comes only after the run is on disk.
    ///
    /// Where ``waitsForRuns`` the server cancels the task when the caller has gone. Before it cancels calls because it
    /// shuts down it calls ``WebhookHub/shutDown()``, so that this is not taken for a caller who went.
    public func handle(_ request: WebhookRequest) async -> WebhookResponse {
        await handler(request)
    }
}
