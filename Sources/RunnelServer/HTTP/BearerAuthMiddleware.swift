import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit

/// Requires a bearer token; without a configured token, admits only clients on this machine.
struct BearerAuthMiddleware: RouterMiddleware {
    let options: ServerOptions

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.clientAddress = ForwardedClient(request, context, options).address
        let tokens = options.allTokens
        if !tokens.isEmpty {
            let given = request.headers[.authorization] ?? ""
            guard given.lowercased().hasPrefix("bearer "), let found = tokens.matching(given.dropFirst(7)) else {
                var error = APIError(401, .unauthorized, "the API needs the token: Authorization: Bearer …")
                error.headers[.wwwAuthenticate] = "Bearer"
                throw error
            }
            (context.caller, context.scope) = (found.name, found.scope)
            try AccessRule.check(request, context)
        } else {
            try check(request)
        }
        return try await next(request, context)
    }

    /// Rejects requests of web pages in a browser on this machine.
    private func check(_ request: Request) throws(APIError) {
        do throws(HostPolicy.Refusal) {
            try HostPolicy(options: options).check(request)
        } catch {
            switch error {
            case .host: throw Self.wrongHost
            case .origin:
                throw APIError(
                    403, .wrongOrigin,
                    "the API does not answer to pages of other sites; a token lets them in")
            }
        }
    }

    static let wrongHost = APIError(
        403, .wrongHost, "the API answers to localhost only; a token lets others in")
}

extension [APIToken] {
    /// The token with this value. All are compared, each in constant time, so that the time does not say which one was
    /// close.
    func matching(_ value: some StringProtocol) -> APIToken? {
        filter { ConstantTime.areEqual($0.value, value) }.first
    }
}

/// What a request needs, for the API and for the dashboard.
enum AccessRule {
    /// Forms that concern a browser alone.
    private static let open: Set<String> = ["/sign-in", "/sign-out", "/language", "/seen", "/api/v1/sign-in-links"]
    private static let administrative: Set<String> = ["audit", "settings"]
    private static let triggers: Set<String> = ["enable", "disable", "trigger"]
    private static let workers: Set<String> = ["drain", "undrain"]

    static func scope(_ method: HTTPRequest.Method, _ path: String) -> AccessScope {
        let parts = path.split(separator: "/").map(String.init)
        let own = parts.starts(with: ["api", "v1"]) ? Array(parts.dropFirst(2)) : parts
        if let first = own.first, administrative.contains(first) { return .admin }
        guard method != .get, method != .head, !open.contains(path) else { return .read }
        if own.first == "pipelines", own.count > 2, let last = own.last, triggers.contains(last) { return .admin }
        if own.first == "workers", let last = own.last, workers.contains(last) { return .admin }
        return .run
    }

    /// Throws where the token of the request does not allow it.
    static func check(_ request: Request, _ context: ServerContext) throws(APIError) {
        let needed = scope(request.method, request.uri.path)
        guard context.scope < needed else { return }
        throw APIError(
            403, .insufficientScope,
            "the token \(Value.string(context.caller).quoted(limit: 100)) has the scope `\(context.scope.rawValue)`; "
                + "this needs `\(needed.rawValue)`")
    }
}
