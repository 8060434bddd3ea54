import HTTPTypes
import Hummingbird

/// Lets those in who show the token; without one, programs on this machine.
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
            try check(request)
        }
        return try await next(request, context)
    }

    /// Keeps pages out that a browser on this machine shows. One can make its own name lead here, which the name that
    /// it called betrays; and one can send a form here, which its origin betrays.
    private func check(_ request: Request) throws(APIError) {
        let authority = (request.head.authority ?? "").lowercased()
        let host = Self.host(authority)
        guard LoopbackName.matches(host) || host == options.host.lowercased() else {
            throw APIError(403, "wrong-host", "the API answers to localhost only; a token lets others in")
        }
        if let origin = request.headers[.origin], origin.lowercased() != "http://" + authority {
            throw APIError(403, "wrong-origin", "the API does not answer to pages of other sites; a token lets them in")
        }
    }

    private static func host(_ authority: String) -> String {
        guard let colon = authority.lastIndex(of: ":"), authority[colon...].dropFirst().allSatisfy(\.isNumber) else {
            return authority
        }
        return String(authority[..<colon])
    }

    /// In a time that does not tell how much was right.
    static func isEqual(_ given: some StringProtocol, _ token: String) -> Bool {
        let (given, token) = (Array(given.utf8), Array(token.utf8))
        var difference = given.count ^ token.count
        for index in token.indices { difference |= Int(token[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
