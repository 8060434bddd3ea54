/// A path below `/hooks/` of `runnel serve` that a trigger answers.
///
///     func run(_ context: TriggerContext) async throws {
///         try await context.serve(IngressRoute("orders/{shop}", methods: ["POST"]) { request in
///             try verify(request)
///             let event = TriggerEvent(dedupeKey: …, payload: ["shop": .string(request.parameters["shop"] ?? "")])
///             guard let run = try await context.emit(event).runID else { return .json(202, ["ignored": true]) }
///             return .json(202, ["run": .string(run)])
///         })
///     }
public struct IngressRoute: Sendable {
    /// How much of a request's body is taken, and in what way.
    public struct Body: Sendable, Hashable {
        /// Bytes. The server stops reading behind them and answers 413.
        public let limit: Int
        package let isStreamed: Bool

        /// The handler is called with the whole body in ``IngressRequest/body``. What is held of all callers together
        /// is bounded by the server; beyond, the answer is 503 with `Retry-After`.
        public static func whole(upTo limit: Int) -> Body { Body(limit: limit, isStreamed: false) }

        /// The handler is called when the header is there, and reads ``IngressRequest/bodyStream``.
        public static func streamed(upTo limit: Int) -> Body { Body(limit: limit, isStreamed: true) }
    }

    /// What stands behind `/hooks/`, without slashes around it. A segment in braces, such as `{id}`, is a parameter.
    public let path: String
    /// The methods that it takes, in upper case. HEAD and OPTIONS are answered without the handler unless they are here.
    public let methods: [String]
    /// Whether requests with other methods go to the handler too, instead of being answered with 405.
    public let answersOtherMethods: Bool
    /// How much of a body is taken.
    public let body: Body
    /// Whether the handler authenticates callers. If it does not, and other machines can call, `runnel serve` warns at
    /// its start.
    public let authenticatesCallers: Bool
    /// The origins whose pages may call from a browser (CORS), each as browsers send it, such as
    /// `https://example.org`; `*` stands for all.
    public let origins: [String]
    /// Whether requests from pages of origins other than ``origins`` and the server's own are refused (CSRF). They are
    /// where a request proves nothing by itself, or with credentials that a browser adds of its own accord.
    public let refusesOtherOrigins: Bool
    /// Whether the handler's task is cancelled when the caller has gone. A handler that answers at once saves the
    /// server the trouble with false. A streamed answer is always cancelled.
    public let watchesCaller: Bool
    /// The header fields, in lower case, that prove who calls. Stored deliveries leave them out, beside those whose names
    /// say that they carry credentials.
    public let proofHeaders: Set<String>
    package let handler: @Sendable (IngressRequest) async throws -> IngressResponse

    /// - Parameters:
    ///   - methods: In upper case.
    ///   - body: The size limit of request bodies, and whether they are read whole or streamed.
    ///   - watchesCaller: Whether the handler is cancelled when the client disconnects.
    ///   - answersOtherMethods: Whether requests with other methods reach the handler as well.
    ///   - authenticatesCallers: Whether the handler authenticates callers.
    ///   - origins: The origins whose pages may call from a browser; `*` for all.
    ///   - proofHeaders: The header fields, in lower case, that prove who calls.
    ///   - refusesOtherOrigins: Whether other pages are refused; unless given, where callers are not authenticated.
    ///   - path: Segments of letters, digits, `-`, `_`, `.` and `~`, or parameters in braces, at most 200 bytes in all.
    ///   - handler: Answers a request. An answer that says that an event was accepted comes after
    ///     ``TriggerContext/emit(_:)`` has returned. An ``IngressError`` and a ``TriggerRefusal`` that it throws are
    ///     answered as they say, anything else with 500; it is logged.
    public init(
        _ path: String, methods: [String] = ["POST"], answersOtherMethods: Bool = false,
        body: Body = .whole(upTo: 1 << 20), authenticatesCallers: Bool = false, origins: [String] = [],
        refusesOtherOrigins: Bool? = nil, watchesCaller: Bool = true, proofHeaders: Set<String> = [],
        handler: @escaping @Sendable (IngressRequest) async throws -> IngressResponse
    ) {
        self.path = path
        self.methods = methods
        self.answersOtherMethods = answersOtherMethods
        self.body = body
        self.authenticatesCallers = authenticatesCallers
        self.origins = origins.map { $0.lowercased() }
        self.refusesOtherOrigins = refusesOtherOrigins ?? !authenticatesCallers
        self.watchesCaller = watchesCaller
        self.proofHeaders = proofHeaders
        self.handler = handler
    }
}

extension TriggerContext {
    /// Claims the route's path and answers its requests until the task is cancelled.
    ///
    /// Of several triggers that want one path, the pipeline whose name comes first has it. Each other one reports a
    /// ``TriggerHealth/problem(_:)`` and waits until the path is free.
    /// - Throws: `CancellationError`, or a ``StepError`` with the code `bad-with` for a path that cannot be one.
    public func serve(_ route: IngressRoute) async throws {
        let ingress = try await services.get(HTTPIngress.self)
        let (claim, holders) = ingress.claim(try ClaimedRoute(route, self))
        defer { ingress.release(claim) }
        // Requests are brought by the server; this task waits for its end.
        for await holder in holders {
            switch holder {
            case .oneself:
                let methods = route.methods.joined(separator: ", ")
                await report(.waiting("\(methods) \(HTTPIngress.prefix)\(claim.path)"))
            // The trigger itself, as it was before its settings changed; it is ending.
            case .other(let other) where (other.pipeline, other.key) == (pipeline, key): break
            case .other(let other): await report(.problem(conflict(with: other)))
            }
        }
        try Task.checkCancellation()
    }

    private func conflict(with other: ClaimedRoute) -> String {
        guard pipeline != other.pipeline else {
            return "`\(key)` and `\(other.key)` of the pipeline \"\(pipeline)\" both want /hooks/\(other.path): "
                + "give one of them another `path`"
        }
        return "the pipelines \"\(pipeline)\" and \"\(other.pipeline)\" both want /hooks/\(other.path), "
            + "which \"\(other.pipeline)\" has: give one of them another `path`"
    }
}
