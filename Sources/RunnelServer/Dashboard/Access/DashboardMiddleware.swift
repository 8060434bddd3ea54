import HTTPTypes
import Hummingbird
import NIOCore
package import RunnelEngine
import RunnelKit
import RunnelSupport

/// Admits signed-in browsers to the pages of the dashboard, rejects requests of other sites, answers errors with pages,
/// and adds the header fields that confine what a page can do.
struct DashboardMiddleware: RouterMiddleware {
    let options: ServerOptions
    let sessions: DashboardSessions
    let redact: @Sendable (String) -> String

    /// Pages run scripts and styles of this server alone, and nothing that is written into them.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.clientAddress = ForwardedClient(request, context, options).address
        var response: Response
        do {
            try checkSite(request)
            if let person = options.signIn?.person(
                of: request, from: context.remoteAddress?.ipAddress, options.trustedProxies)
            {
                context.session = sessions.session(of: person.name, scope: person.scope)
            } else {
                let cookie = DashboardSessions.cookieValue(of: request)
                context.session = await sessions.admittedSession(ofCookie: cookie, now: context.now)
                context.isAdmitted = { [sessions] in
                    await sessions.admittedSession(ofCookie: cookie, now: WallClock.nanoseconds()) != nil
                }
            }
            if let session = context.session {
                (context.caller, context.scope) = (session.caller, session.scope)
                try AccessRule.check(request, context)
            }
            if context.session != nil || DashboardRoutes.isOpen(request.uri.path) {
                response = try await next(request, context)
            } else if HostPolicy.isOpenedByOtherSite(request) {
                // The browser omits `SameSite=Strict` cookies here, so the user may be signed in.
                let to = DashboardRoutes.local("\(request.uri)")
                response = ForwardingPage(context: PageContext(request, context), to: to).response()
            } else if request.method == .get || request.method == .head {
                let signIn = Link("sign-in").with("to", request.uri.path == "/" ? nil : "\(request.uri)")
                response = .redirect(to: signIn.text)
            } else {
                throw APIError(403, .signedOut, "the session has expired; sign in again")
            }
        } catch let error as APIError {
            response = ErrorPage(error: error, message: redact(error.message)).response(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let error = APIError(404, .notFound, "there is no such page")
            response = ErrorPage(error: error, message: error.message).response(request, context)
        }
        Self.confine(&response)
        return response
    }

    /// Adds the header fields that confine what a page can do.
    static func confine(_ response: inout Response) {
        response.headers[.contentSecurityPolicy] = policy
        response.headers[.xContentTypeOptions] = "nosniff"
        for (name, value) in confinement { response.headers[name] = value }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }

    private static let confinement: [(HTTPField.Name, String)] = [
        ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("X-Frame-Options", "DENY"),
    ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }

    /// DNS rebinding: without a token the Host header must name this machine. Cross-site requests: the Origin header of
    /// a form must match.
    private func checkSite(_ request: Request) throws(APIError) {
        do throws(HostPolicy.Refusal) {
            let policy = HostPolicy(options: options)
            if !sessions.needsToken { try policy.checkHost(of: request) }
            guard request.method != .get, request.method != .head else { return }
            try policy.checkOrigin(of: request)
        } catch {
            switch error {
            case .host: throw BearerAuthMiddleware.wrongHost
            case .origin: throw APIError(403, .wrongOrigin, "the form was sent by a page of another site")
            }
        }
    }
}

/// The fields of a form, as a browser sends them (`application/x-www-form-urlencoded`).
struct Form: Sendable {
    private let fields: [(name: String, value: String)]

    /// The maximum size of a form in bytes: enough for inputs that are long texts.
    static let maximumBody = 1 << 20
    /// The maximum number of fields of a form, which bounds their memory. The longest form has a field for each selected
    /// run.
    static let maximumFields = 1000
    /// The maximum size of a form that needs no session, in bytes.
    static let maximumAnonymousBody = 16 << 10

    /// Reads the form, and checks its token.
    ///
    /// - Parameter session: nil for a form that needs no session.
    static func read(
        _ request: Request, _ context: ServerContext, _ bodies: BodyReading, session: DashboardSession?
    ) async throws -> Form {
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            throw APIError(415, .unsupportedMediaType, "expected a form")
        }
        let isAnonymous = session == nil
        let limit = isAnonymous ? maximumAnonymousBody : maximumBody
        let form = try await bodies.withBody(of: request, context, upTo: limit, isAnonymous: isAnonymous) { bytes in
            guard let bytes = bytes?.take() else {
                throw APIError(413, .bodyTooLarge, "the form is larger than \(ByteCount(limit))")
            }
            return try Form(String(decoding: bytes, as: UTF8.self))
        }
        if let session {
            guard ConstantTime.areEqual(session.formToken, form["form-token"] ?? "") else {
                throw APIError(
                    403, .wrongForm, "the page is out of date; load it again, then repeat the action")
            }
        }
        return form
    }

    private init(_ text: String) throws(APIError) {
        var fields: [(String, String)] = []
        let pairs = text.split(separator: "&", maxSplits: Self.maximumFields)
        guard pairs.count <= Self.maximumFields else {
            throw APIError(413, .bodyTooLarge, "the form has more than \(Self.maximumFields) fields")
        }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields.append((try Query.decoded(parts[0]), parts.count == 2 ? try Query.decoded(parts[1]) : ""))
        }
        self.fields = fields
    }

    /// The dedupe key of the run that the form starts, so that a double click starts only one run; nil for a form without
    /// an id.
    ///
    /// - Parameter subject: Distinguishes the runs of a form that starts several, such as the id of the retried run.
    func dedupeKey(_ subject: String? = nil) -> String? {
        guard let id = self["form-id"], (1...100).contains(id.utf8.count) else { return nil }
        return "form:\(id)" + (subject.map { ":\($0)" } ?? "")
    }

    /// The value of a required field, which must be one of the choices.
    func choice(_ name: String, of choices: [String]) throws(APIError) -> String {
        guard let value = self[name], choices.contains(value) else {
            let found = self[name].map { Value.string($0).quoted(limit: 100) } ?? "nothing"
            throw APIError(
                400, .badBody, "`\(name)`: expected \(choices.joined(separator: " or ")), found \(found)")
        }
        return value
    }

    func flag(_ name: String) throws(APIError) -> Bool { try choice(name, of: ["true", "false"]) == "true" }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
    /// The fields whose name begins with the prefix, without it.
    func under(_ prefix: String) -> [(name: String, value: String)] {
        fields.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0.value) }
    }
}

extension Response {
    /// A redirect after a form, or to the sign-in page (`303 See Other`).
    static func redirect(to location: String) -> Response {
        Response(status: .seeOther, headers: [.location: location])
    }

    static func page(_ html: String, status: Int = 200) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "text/html; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
}

/// Signs in people whom a reverse proxy has signed in, such as by OpenID Connect, and names in a header field.
///
/// The field counts only in requests that come from a trusted proxy itself, and only if it stands there once: a second
/// one may be what a browser has sent. Every user of this machine connects from the address of a proxy on it, so a secret
/// proves the proxy.
package struct ProxySignIn: Sendable {
    private let header: HTTPField.Name
    private let scope: AccessScope
    private let scopes: [String: AccessScope]
    private let secret: String?

    /// The header field of the secret. Only this type reads it.
    static let secretHeader = HTTPField.Name("X-Runnel-Proxy-Secret")

    /// Longer names are none. In bytes.
    private static let maximumName = 200

    /// - Parameters:
    ///   - header: The name of the header field.
    ///   - scope: For people who are not in `scopes`.
    ///   - secret: nil if the address alone proves the proxy.
    /// - Returns: nil if the header field can have no such name.
    package init?(header: String, scope: AccessScope, scopes: [String: AccessScope], secret: String? = nil) {
        guard let header = HTTPField.Name(header) else { return nil }
        (self.header, self.scope, self.scopes, self.secret) = (header, scope, scopes, secret)
    }

    /// Who sends the request, and what they may do; nil if no trusted proxy says so.
    ///
    /// - Parameter peer: The address of the connection's other end.
    func person(of request: Request, from peer: String?, _ proxies: TrustedProxies) -> (
        name: String, scope: AccessScope
    )? {
        guard let peer, proxies.contains(ForwardedClient.plain(peer)), hasSecret(request) else { return nil }
        let names = request.headers[values: header]
        guard names.count == 1, let name = names.first, (1...Self.maximumName).contains(name.utf8.count),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { return nil }
        return (name, scopes[name] ?? scope)
    }

    private func hasSecret(_ request: Request) -> Bool {
        guard let secret else { return true }
        let given = Self.secretHeader.map { request.headers[values: $0] } ?? []
        // Constant-time comparison, so that the secret cannot be guessed byte by byte.
        return given.count == 1 && ConstantTime.areEqual(secret, given[0])
    }
}
