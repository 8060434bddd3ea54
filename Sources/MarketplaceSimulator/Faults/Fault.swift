internal import RunnelSupport

/// A way in which the API can fail, chosen by its name.
///
/// A fault applies by plan (`FaultPlan`), or to one request: by the header `X-Simulate: <fault>`, or by a line
/// `simulate: <fault>` in its last user message.
@nonexhaustive public enum Fault: String, CaseIterable, Sendable {
    case tokenRejected = "token-rejected"
    case tokenExpiresEarly = "token-expires-early"
    case unauthorizedOnce = "unauthorized-once"
    case unauthorizedAlways = "unauthorized-always"
    case forbidden
    case notFound = "not-found"
    case badRequest = "bad-request"
    case rateLimited = "rate-limited"
    case serverErrorOnce = "server-error-once"
    case serverErrorAlways = "server-error-always"
    case connectionReset = "connection-reset"
    case htmlInsteadOfStream = "html-instead-of-stream"
    case jsonInsteadOfStream = "json-instead-of-stream"
    case malformedJSON = "malformed-json"
    case errorMidStream = "error-mid-stream"
    case cutOff = "cut-off"
    case resetMidStream = "reset-mid-stream"
    case stall
    case stallWithHeartbeats = "stall-with-heartbeats"
    case slowStart = "slow-start"
    case hugeLine = "huge-line"
    case schemaMismatchOnce = "schema-mismatch-once"
    case proseAroundJSON = "prose-around-json"
    case fencedJSON = "fenced-json"
    case emptyAnswer = "empty-answer"
    case quickstartShape = "quickstart-shape"
    case missingDone = "missing-done"
    case doneWithoutBlankLine = "done-without-blank-line"
    case finishError = "finish-error"
    case finishLength = "finish-length"
    case contentFilter = "content-filter"
    case refusal
    case flatError = "flat-error"
    case toolCall = "tool-call"
    case interactionRequired = "interaction-required"
    case emptyEvents = "empty-events"
    case contentParts = "content-parts"
    case splitCharacter = "split-character"
    case jsonInThink = "json-in-think"

    /// The fault of that name.
    ///
    /// - Throws: `SimulatorError` with the code `unknown-fault` and the nearest name.
    public init(named name: String) throws(SimulatorError) {
        guard let fault = Fault(rawValue: name) else { throw .unknownFault(name) }
        self = fault
    }

    /// What happens, in one sentence.
    public var summary: String {
        switch self {
        case .tokenRejected: "The token request is answered with 401, as for wrong credentials."
        case .tokenExpiresEarly:
            "The first token is refused with 401 long before it should expire; the next one is good."
        case .unauthorizedOnce: "The first chat request is answered with 401, although its token is good."
        case .unauthorizedAlways: "Every chat request is answered with 401."
        case .forbidden: "The chat request is answered with 403: the token lacks the scope."
        case .notFound: "The chat request is answered with 404: the agent does not exist."
        case .badRequest: "The chat request is answered with 400."
        case .rateLimited: "The first chat requests are answered with 429 and Retry-After."
        case .serverErrorOnce: "The first chat request is answered with 500."
        case .serverErrorAlways: "Every chat request is answered with 503."
        case .connectionReset: "The connection is reset before any header of the answer."
        case .htmlInsteadOfStream: "The answer is 200 with an HTML page, as from a proxy's sign-in."
        case .jsonInsteadOfStream: "The answer is 200 with one JSON document that is no stream."
        case .malformedJSON: "One event in the middle of the stream holds broken JSON."
        case .errorMidStream: "An error object takes the place of the second half of the text."
        case .cutOff: "The body ends after half of the text, without [DONE]."
        case .resetMidStream: "The connection is reset after half of the text."
        case .stall: "Nothing more is sent after half of the text, until the client leaves."
        case .stallWithHeartbeats: "Only heartbeats are sent after half of the text, until the client leaves."
        case .slowStart: "The stream is silent for a while after the headers, then complete."
        case .hugeLine: "One line of the stream is longer than 16 MiB."
        case .schemaMismatchOnce: "The first JSON answer does not fit the schema; the next one does."
        case .proseAroundJSON: "The JSON answer stands between two sentences."
        case .fencedJSON: "The JSON answer stands in a Markdown code fence."
        case .emptyAnswer: "The stream is complete and holds no text."
        case .quickstartShape: "The stream has the quickstart's bare form."
        case .missingDone: "The answer is whole and has a finish reason, but the body ends without [DONE]."
        case .doneWithoutBlankLine: "The body ends right behind [DONE], without a line end."
        case .finishError: "The finish reason is error, after half of the text."
        case .finishLength: "The finish reason is length, after half of the text."
        case .contentFilter: "The finish reason is content_filter, after half of the text."
        case .refusal: "The model refuses: the stream holds a refusal and no text."
        case .flatError: "The stream holds an error object without the key error, and [DONE]."
        case .toolCall: "The model calls a tool after half of the text."
        case .interactionRequired: "The agent asks a person for a permission after half of the text."
        case .emptyEvents: "Events without data and pings stand in the middle of the stream."
        case .contentParts: "The text comes as lists of parts, with thinking before it."
        case .splitCharacter: "A character in the middle of the text lies over two chunks."
        case .jsonInThink: "The JSON answer stands behind a <think> block with another JSON in it."
        }
    }

    /// Whether it befalls token requests rather than chat requests.
    var concernsToken: Bool { self == .tokenRejected || self == .tokenExpiresEarly }
}

/// The line `simulate: <fault>` in a message, by which its writer chooses what goes wrong.
enum FaultDirective {
    /// The name that the first such line gives. Only a single word of letters, digits and hyphens counts, so that
    /// prose which happens to begin with the same word stays prose.
    static func name(in message: String) -> String? {
        for line in message.split(whereSeparator: \.isNewline) {
            if let name = name(ofLine: line) { return name }
        }
        return nil
    }

    /// The message without such lines.
    static func removed(from message: String) -> String {
        message.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .filter { name(ofLine: $0) == nil }
            .joined(separator: "\n")
    }

    private static func name(ofLine line: Substring) -> String? {
        let line = line.trimmed
        guard line.hasPrefix("simulate:") else { return nil }
        let name = line.dropFirst("simulate:".count).trimmed
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
            return nil
        }
        return String(name)
    }
}

/// Which fault applies to which request.
@nonexhaustive public enum FaultPlan: Sendable, Equatable {
    /// Nothing goes wrong.
    case none
    /// One fault for all requests. A fault that is over after some requests (`unauthorized-once`, `rate-limited`, …)
    /// befalls only the first ones.
    case every(Fault)
    /// One entry for each request in turn, nil for none; afterwards nothing goes wrong. Token requests take the faults
    /// `token-rejected` and `token-expires-early`, chat requests all other entries.
    case each([Fault?])

    /// A plan as a person writes it: `cut-off` for all requests, `rate-limited,none,cut-off` for one request each.
    ///
    /// - Throws: `SimulatorError` with the code `unknown-fault`.
    public init(parsing text: String) throws(SimulatorError) {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed) }
        var faults: [Fault?] = []
        for name in names { faults.append(name == "none" ? nil : try Fault(named: name)) }
        if faults.count > 1 {
            self = .each(faults)
        } else if let fault = faults.first ?? nil {
            self = .every(fault)
        } else {
            self = .none
        }
    }
}
