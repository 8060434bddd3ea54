import HTTPTypes
import Hummingbird
import Logging
import RunnelEngine

/// Gives each request an id, which stands in its response and in the log.
struct RequestIDs: RouterMiddleware {
    let logger: Logger

    static let header = HTTPField.Name("X-Request-ID")

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let given = Self.header.flatMap { request.headers[$0] }
        context.requestID = given.flatMap(Self.checked) ?? UUIDv7.make(nanoseconds: context.now)
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as APIError {
            response = error.response
        } catch let error as HTTPError where error.status == .notFound {
            response = APIError(404, "not-found", "there is nothing at \(request.uri.path)").response
        } catch let error as HTTPError {
            response = APIError(error.status.code, "bad-request", error.body ?? error.status.reasonPhrase).response
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.error(
                "\(request.method.rawValue) \(request.uri.path) failed: \(error)",
                metadata: ["request": .string(context.requestID)])
            response =
                APIError(500, "internal", "the request failed; the log says why under \(context.requestID)").response
        }
        if let header = Self.header { response.headers[header] = context.requestID }
        logger.info(
            "\(request.method.rawValue) \(request.uri.path) \(response.status.code)",
            metadata: ["request": .string(context.requestID)])
        return response
    }

    /// An id that cannot break a line of the log.
    private static func checked(_ id: String) -> String? {
        let isPlain = id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain && (1...128).contains(id.utf8.count) ? id : nil
    }
}
