/// The answer of a route to a request.
public struct IngressResponse: Sendable {
    /// What the answer holds.
    @nonexhaustive public enum Body: Sendable {
        /// Bytes that are there already.
        case bytes([UInt8])
        /// A body that is written as it is produced. The closure returns at its end. When it throws, the connection is
        /// closed, so that the caller sees that the body is incomplete. Its task is cancelled when the caller has gone.
        case stream(@Sendable (inout any IngressBodyWriter) async throws -> Void)
    }

    /// The HTTP status code.
    public var status: Int
    /// The header fields; the length of the body and the date are added.
    public var headers: HeaderList
    /// What follows the header.
    public var body: Body
    /// Why the caller was refused, for Runnel's log alone; nil where the answer itself says it, and for any other answer.
    public var refusal: String?

    /// An answer with this status, without a body unless one is given.
    public init(status: Int, headers: HeaderList = [:], body: Body = .bytes([]), refusal: String? = nil) {
        self.status = status
        self.headers = headers
        self.body = body
        self.refusal = refusal
    }

    /// An answer that holds JSON.
    public static func json(_ status: Int, _ value: Value, headers: HeaderList = [:]) -> IngressResponse {
        var headers = headers
        headers.add("content-type", "application/json")
        return IngressResponse(status: status, headers: headers, body: .bytes(value.jsonBytes()))
    }

    /// An answer that holds plain text, which no browser takes for a page.
    public static func text(_ status: Int, _ text: String, headers: HeaderList = [:]) -> IngressResponse {
        var headers = headers
        headers.add("content-type", "text/plain; charset=utf-8")
        headers.add("x-content-type-options", "nosniff")
        return IngressResponse(status: status, headers: headers, body: .bytes(Array(text.utf8)))
    }

    /// An error as every route of Runnel answers it: `{"error": {"code": …, "message": …}}`.
    ///
    /// - Parameters:
    ///   - status: The HTTP status.
    ///   - code: What is wrong, for programs: ``IngressErrorCode``, or a code of the plugin.
    ///   - message: What is wrong, for the client.
    ///   - headers: Further header fields.
    public static func error(
        _ status: Int, _ code: any ErrorCode, _ message: String, headers: HeaderList = [:]
    ) -> IngressResponse {
        json(status, ["error": ["code": .string(code.rawValue), "message": .string(message)]], headers: headers)
    }

    /// The answer to a caller who calls more often than the route allows: 429 with `Retry-After`.
    public static func tooManyRequests(retryAfter: Duration) -> IngressResponse {
        let seconds = seconds(retryAfter)
        return .error(
            429, IngressErrorCode.tooManyRequests, "this hook is called too often; try again in \(seconds) s",
            headers: ["retry-after": "\(seconds)"])
    }

    /// Whole seconds, at least one.
    private static func seconds(_ time: Duration) -> Int64 { max(1, time.wholeSeconds) }

    /// The answer to an event that was not accepted: 429 or 503 with `Retry-After`, or 508. The reason is not told to the caller.
    public init(_ refusal: TriggerRefusal) {
        let seconds = Self.seconds(refusal.retryAfter)
        let headers: HeaderList = ["retry-after": "\(seconds)"]
        self =
            switch refusal.reason {
            case .overloaded:
                .error(
                    429, IngressErrorCode.overloaded, "too many runs are waiting; try again in \(seconds) s",
                    headers: headers)
            case .shuttingDown:
                .error(
                    503, IngressErrorCode.shuttingDown, "Runnel is shutting down; try again in \(seconds) s",
                    headers: headers)
            case .journal:
                .error(
                    503, IngressErrorCode.unavailable, "runs cannot be stored now; try again in \(seconds) s",
                    headers: headers)
            case .chainTooLong:
                .error(508, IngressErrorCode.chainTooLong, "the event was caused by too long a chain of runs")
            }
        self.refusal = refusal.message
    }

    /// The message of an answer that ``error(_:_:_:headers:)`` made.
    package var errorMessage: String? {
        guard status >= 400, case .bytes(let bytes) = body else { return nil }
        return (try? Value.json(bytes))?["error"]?["message"]?.asString
    }

    /// The answer to a body that is larger than its route takes.
    package static func bodyTooLarge(limit: Int) -> IngressResponse {
        error(
            413, IngressErrorCode.bodyTooLarge, "the body is larger than the \(ByteCount(limit)) that this hook takes")
    }

    /// The answer to a method that a route does not take: 405.
    public static func methodNotAllowed(_ methods: [String]) -> IngressResponse {
        error(
            405, IngressErrorCode.methodNotAllowed, "this hook is called with \(methods.joined(separator: " or "))",
            headers: ["allow": allow(methods)])
    }

    /// The value of `Allow` for a route with these methods: HEAD and OPTIONS are answered everywhere.
    static func allow(_ methods: [String]) -> String {
        (methods + ["HEAD", "OPTIONS"].filter { !methods.contains($0) }).joined(separator: ", ")
    }
}

/// Where the pieces of a streamed answer go.
public protocol IngressBodyWriter {
    /// Sends the bytes now, also when the task is cancelled. Waits while the caller is slow to read, and throws when the
    /// caller is gone.
    mutating func write(_ bytes: [UInt8]) async throws
}

/// An answer that a handler throws instead of returning it.
public struct IngressError: Error, Sendable {
    /// What the caller gets.
    public var response: IngressResponse

    /// An error as every route of Runnel answers it.
    ///
    /// - Parameters:
    ///   - status: The HTTP status.
    ///   - code: What is wrong, for programs: ``IngressErrorCode``, or a code of the plugin.
    ///   - message: What is wrong, for the client.
    ///   - headers: Further header fields.
    public init(_ status: Int, _ code: any ErrorCode, _ message: String, headers: HeaderList = [:]) {
        response = .error(status, code, message, headers: headers)
    }

    /// An answer as it is.
    public init(_ response: IngressResponse) {
        self.response = response
    }
}

/// The codes of errors that Runnel answers on every route of a trigger.
@nonexhaustive public enum IngressErrorCode: String, ErrorCode {
    case bodyTooLarge = "body-too-large"
    case chainTooLong = "chain-too-long"
    case methodNotAllowed = "method-not-allowed"
    case noSuchHook = "no-such-hook"
    case overloaded
    case shuttingDown = "shutting-down"
    case tooManyRequests = "too-many-requests"
    case unavailable

    /// The heading in the reference.
    public static let part = "webhook"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .bodyTooLarge: ErrorExplanation("the body is larger than the … that this hook takes")
        case .chainTooLong: ErrorExplanation("the event was caused by too long a chain of runs")
        case .methodNotAllowed: ErrorExplanation("this hook is called with …")
        case .noSuchHook: ErrorExplanation("there is no hook at …")
        case .overloaded: ErrorExplanation("too many runs are waiting; try again in … s")
        case .shuttingDown: ErrorExplanation("Runnel is shutting down; try again in … s")
        case .tooManyRequests: ErrorExplanation("this hook is called too often; try again in … s")
        case .unavailable: ErrorExplanation("runs cannot be stored now; try again in … s")
        }
    }
}
