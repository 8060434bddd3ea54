import HTTPTypes
import Hummingbird
import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// Assigns each request an id for its response and the log, converts errors to responses, and writes the access log.
struct ErrorAndAccessLogMiddleware: RouterMiddleware {
    let logger: Logger
    /// nil while the routes are being collected.
    let routes: RouteTable?
    /// Redacts secrets.
    let redact: @Sendable (String) -> String

    static let header = HTTPField.Name("X-Request-ID")
    private static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options")
    private static let malformed = HTTPField.Name(MessageRules.malformedField)

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let given = Self.header.flatMap { request.headers[$0] }
        context.requestID = given.flatMap(Self.checked) ?? UUIDv7.make(nanoseconds: context.now)
        // A path is untrusted and may be long. Redacted before it is truncated: half a secret could not be recognised.
        let path = PercentDecoding.normalized(request.uri.path)
        var call: String { "\(request.method.rawValue) \(redact(path).prefix(200))" }
        var response: Response
        do {
            if let problem = Self.malformed.flatMap({ request.headers[$0] }) {
                throw APIError(400, .badRequest, problem)
            }
            response = try await next(request, context)
        } catch let error as APIError {
            response = masked(error).response
        } catch let error as HTTPError where error.status == .notFound {
            response = isForPeople(request) ? pageWithoutRoute(request, context) : answerWithoutRoute(request)
        } catch let error as HTTPError {
            response = APIError(error.status.code, .badRequest, error.body ?? error.status.reasonPhrase).response
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.error("\(call) failed: \(error)", metadata: ["request": .string(context.requestID)])
            response =
                APIError(
                    500, .internalError, "the request failed; the log says why under \(context.requestID)"
                ).response
        }
        if let header = Self.header { response.headers[header] = context.requestID }
        if let header = Self.contentTypeOptions, response.headers[header] == nil {
            response.headers[header] = "nosniff"
        }
        if path.hasPrefix("/api/"), response.headers[.cacheControl] == nil {
            response.headers[.cacheControl] = "no-store"
        }
        logger.debug("\(call) \(response.status.code)", metadata: ["request": .string(context.requestID)])
        return response
    }

    /// A message may quote more than the client sent.
    private func masked(_ error: APIError) -> APIError {
        var copy = error
        copy.message = redact(error.message)
        return copy
    }

    /// Whether a browser asks for a page.
    private func isForPeople(_ request: Request) -> Bool {
        request.method == .get && request.headers[.accept]?.contains("text/html") ?? false
            && !["/api/", "/hooks/", "/health/"].contains { request.uri.path.hasPrefix($0) }
    }

    private func pageWithoutRoute(_ request: Request, _ context: ServerContext) -> Response {
        let error = APIError(
            404, .notFound, "there is nothing at \(Value.string(request.uri.path).quoted(limit: 200))")
        var response = ErrorPage(error: error, message: redact(error.message)).response(request, context)
        DashboardMiddleware.confine(&response)
        return response
    }

    /// Answers 404, or 405 for an unsupported method.
    private func answerWithoutRoute(_ request: Request) -> Response {
        let path = request.uri.path
        guard let methods = routes?.methods(path) else {
            return APIError(404, .notFound, "there is nothing at \(Value.string(path).quoted(limit: 200))")
                .response
        }
        let list = methods.joined(separator: ", ")
        guard request.method != .options else { return Response(status: .noContent, headers: [.allow: list]) }
        let others = methods.filter { $0 != "HEAD" && $0 != "OPTIONS" }.joined(separator: " or ")
        var error = APIError(
            405, .methodNotAllowed,
            "\(request.method.rawValue) is not possible here; "
                + "ask \(Value.string(path).quoted(limit: 200)) with \(others)"
        )
        error.headers[.allow] = list
        return error.response
    }

    /// A request id of safe characters for the log.
    private static func checked(_ id: String) -> String? {
        let isPlain = id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain && (1...128).contains(id.utf8.count) ? id : nil
    }
}

/// Says why callers of hooks are refused. The number of lines is bounded, because anybody can cause them.
final class RefusalLog: Sendable {
    private struct State {
        var bucket = TokenBucket(size: 20, per: .seconds(60))
        var suppressed = 0
    }

    private let logger: Logger
    private let redact: @Sendable (String) -> String
    private let stopwatch: Stopwatch
    private let state = Mutex(State())

    init(
        logger: Logger, redact: @escaping @Sendable (String) -> String,
        stopwatch: Stopwatch = ContinuousClock().measureStart()
    ) {
        (self.logger, self.redact, self.stopwatch) = (logger, redact, stopwatch)
    }

    /// - Parameters:
    ///   - reason: May quote what the caller sent.
    ///   - address: The caller's.
    func note(_ reason: String, path: String, from address: String, by route: ClaimedRoute) {
        let now = stopwatch.elapsed()
        let suppressed: Int? = state.withLock { state in
            guard state.bucket.take(at: now) == nil else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        guard let suppressed else { return }
        if suppressed > 0 {
            let webhooks = suppressed == 1 ? "webhook was" : "webhooks were"
            logger.warning("\(suppressed) further \(webhooks) refused and not logged")
        }
        logger.warning(
            "a webhook was refused: \(redact(reason).prefix(1000))",
            metadata: [
                "pipeline": "\(route.pipeline)", "trigger": "\(route.key)",
                // Redacted before it is truncated: half a secret could not be recognised.
                "path": "\(redact(path).prefix(200))", "from": "\(address.prefix(64))",
            ])
    }
}
