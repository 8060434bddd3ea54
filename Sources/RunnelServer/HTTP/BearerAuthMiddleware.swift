import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// Requires a bearer token; without a configured token, admits only clients on this machine.
struct BearerAuthMiddleware: RouterMiddleware {
    let options: ServerOptions
    let tokens: TokenCheck

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.clientAddress = ForwardedClient(request, context, options).address
        if !tokens.isEmpty {
            let given = request.headers[.authorization] ?? ""
            guard given.lowercased().hasPrefix("bearer "),
                let found = try tokens.token(given.dropFirst(7), from: context.clientAddress)
            else { throw Self.unauthorized }
            (context.caller, context.scope) = (found.name, found.scope)
            context.isAdmitted = { [tokens] in tokens.isInUse(found) }
            try AccessRule.check(request, context)
        } else {
            try check(request)
            context.isAdmitted = { [tokens] in tokens.isEmpty }
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

    static var unauthorized: APIError {
        var error = APIError(401, .unauthorized, "the API needs the token: Authorization: Bearer …")
        error.headers[.wwwAuthenticate] = "Bearer"
        return error
    }

    static let wrongHost = APIError(
        403, .wrongHost, "the API answers to localhost only; a token lets others in")
}

/// Looks up the token that a client sends, and rate-limits wrong tokens by address.
///
/// An address without attempts left is refused even with the right token: otherwise it could go on guessing.
final class TokenCheck: Sendable {
    /// The wrong tokens that an address may send at once. It regains one attempt each second.
    static let attempts = 60
    static let maximumClients = 4096

    private let tokens: Watched<[APIToken]>
    private let stopwatch: Stopwatch
    /// The clients that have sent wrong tokens, each with the time of its last one.
    private let clients = Mutex<[[UInt8]: (bucket: TokenBucket, last: Duration)]>([:])

    init(tokens: Watched<[APIToken]>, stopwatch: Stopwatch = ContinuousClock().measureStart()) {
        (self.tokens, self.stopwatch) = (tokens, stopwatch)
    }

    /// Whether no token is configured: every client on this machine is admitted.
    var isEmpty: Bool { tokens.value.isEmpty }

    /// Whether a token that was found is still valid.
    func isInUse(_ token: APIToken) -> Bool { tokens.value.contains { $0.value == token.value } }

    /// The token with this value; nil if there is none.
    ///
    /// - Parameter address: The client's address.
    /// - Throws: If the address has sent too many wrong tokens.
    func token(_ value: some StringProtocol, from address: String) throws(APIError) -> APIToken? {
        // Constant-time comparison with every token, so that none can be guessed byte by byte.
        let found = tokens.value.filter { ConstantTime.areEqual($0.value, value) }.first
        let client = Self.client(address)
        let now = stopwatch.elapsed()
        let wait: Duration? = clients.withLock { clients in
            var bucket = clients[client]?.bucket ?? TokenBucket(size: Self.attempts, per: .seconds(Self.attempts))
            let wait = bucket.take(at: now)
            guard wait == nil, found == nil else { return wait }
            if clients[client] == nil, clients.count >= Self.maximumClients,
                let oldest = clients.min(by: { $0.value.last < $1.value.last })
            {
                clients[oldest.key] = nil
            }
            clients[client] = (bucket, now)
            return nil
        }
        guard let wait else { return found }
        let seconds = max(1, wait.wholeSeconds)
        var error = APIError(
            429, .tooManyAttempts, "too many wrong tokens came from this address; try again in \(seconds) s")
        error.headers[.retryAfter] = "\(seconds)"
        throw error
    }

    /// An IPv4 address, or the /64 prefix of an IPv6 address: a client usually has a whole /64 network.
    private static func client(_ address: String) -> [UInt8] {
        guard let bytes = IPAddress(address)?.bytes else { return [] }
        return bytes.count == 16 ? Array(bytes.prefix(8)) : bytes
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
