import HTTPTypes
import Hummingbird

/// Lets those in who show the token; without one, those who called this machine by its own name.
struct Doorkeeper: RouterMiddleware {
    let options: ServerOptions

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        if let token = options.token {
            let given = request.headers[.authorization] ?? ""
            guard given.lowercased().hasPrefix("bearer "), Self.isEqual(given.dropFirst(7), token) else {
                var error = APIError(401, "unauthorized", "the API needs the token: Authorization: Bearer …")
                error.headers[.wwwAuthenticate] = "Bearer"
                throw error
            }
        } else {
            // A page in a browser can make its own name lead here; the name that it called betrays it.
            let name = Self.host(request.head.authority ?? "")
            guard ["localhost", "[::1]", options.host].contains(name) || name.hasPrefix("127.") else {
                throw APIError(403, "wrong-host", "the API answers to localhost only; a token lets others in")
            }
        }
        return try await next(request, context)
    }

    private static func host(_ authority: String) -> String {
        guard let colon = authority.lastIndex(of: ":"), authority[colon...].dropFirst().allSatisfy(\.isNumber) else {
            return authority
        }
        return String(authority[..<colon])
    }

    /// In a time that does not tell how much was right.
    private static func isEqual(_ given: some StringProtocol, _ token: String) -> Bool {
        let (given, token) = (Array(given.utf8), Array(token.utf8))
        var difference = given.count ^ token.count
        for index in token.indices { difference |= Int(token[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
