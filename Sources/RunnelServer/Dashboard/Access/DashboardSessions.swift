import Crypto
import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// A signed-in browser.
struct DashboardSession: Sendable, Hashable {
    /// The name of the access token; ``local`` without one.
    let caller: String
    /// Sent with each form, against cross-site request forgery (CSRF).
    let formToken: String
    /// What the token allows.
    var scope = AccessScope.admin
    /// Whether it ends when the browser signs out here; not so for one that a proxy has signed in.
    var canEnd = true

    /// The caller on this machine where the server has no token.
    static let local = "local"
}

/// Makes and checks the signed cookies of signed-in browsers, their form tokens, and one-time links.
///
/// A cookie is `caller.expiry.nonce.signature`, where the caller is the name of an access token. The key of the signature
/// comes from that token, so that a session outlives a restart of the server and ends when the token changes. Only
/// signed-out cookies are stored.
final class DashboardSessions: Sendable {
    /// The name of the cookie. It contains the port, because browsers share cookies among all ports of a host: servers on
    /// two ports would overwrite each other's cookies.
    static func cookie(for request: Request) -> String {
        let authority = request.head.authority ?? ""
        let port = authority.dropFirst(HostPolicy.host(authority).count).dropFirst()
        return port.isEmpty ? "runnel-session" : "runnel-session-\(port)"
    }

    /// In seconds.
    static let lifetime: Int64 = 14 * 86_400
    /// The maximum lifetime of a one-time link, in seconds.
    static let linkLifetime = 600
    /// The maximum number of one-time links of a token. Beyond it, the oldest one is removed.
    private static let maximumLinks = 32

    /// An expiry in nanoseconds since 1970, and a token.
    private typealias Entry = (expiry: Int64, token: APIToken)

    private let tokensInUse: Watched<[APIToken]>
    private var tokens: [APIToken] { tokensInUse.value }
    /// Signs forms where there is no token.
    private let processKey = SymmetricKey(size: .bits256)
    /// The one-time codes, each with the token that it signs in as.
    private let links = Mutex<[String: Entry]>([:])
    private let signOuts: SignOuts

    /// - Parameter tokens: Those of the API; without any, everybody on this machine is admitted.
    init(tokens: Watched<[APIToken]>, signOuts: SignOuts) {
        tokensInUse = tokens
        self.signOuts = signOuts
    }

    /// Whether browsers have to sign in.
    var needsToken: Bool { !tokens.isEmpty }

    private func key(_ token: APIToken) -> SymmetricKey {
        SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(
                for: Array("runnel dashboard sessions".utf8), using: SymmetricKey(data: Array(token.value.utf8))))
    }

    /// The value of a request's session cookie.
    static func cookieValue(of request: Request) -> String? { Cookies.value(of: cookie(for: request), in: request) }

    /// The session of a cookie; nil without one, or if it has expired or was signed out on any server of the journal.
    func admittedSession(
        ofCookie cookie: String?, now: Int64, at instant: ContinuousClock.Instant = .now
    ) async -> DashboardSession? {
        guard let session = session(ofCookie: cookie, now: now) else { return nil }
        guard needsToken, let cookie else { return session }
        // While the journal cannot be read, what is known of it holds. No page shows data then.
        try? await signOuts.refresh(at: instant)
        return signOuts.contains(cookie) ? nil : session
    }

    /// The session of a cookie; nil without a cookie, or if the session has expired or was signed out, as far as this process
    /// knows.
    func session(ofCookie cookie: String?, now: Int64) -> DashboardSession? {
        guard needsToken else {
            let local = DashboardSession.local
            return DashboardSession(caller: local, formToken: Self.sign(processKey, "form", local))
        }
        guard let cookie else { return nil }
        let parts = cookie.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let expiry = Int64(parts[1]), expiry > now / 1_000_000_000,
            let token = tokens.first(where: { Self.encoded($0.name) == parts[0] }), case let key = key(token),
            ConstantTime.areEqual(Self.sign(key, "session", parts[0], parts[1], parts[2]), parts[3]),
            !signOuts.contains(cookie)
        else { return nil }
        return DashboardSession(
            caller: token.name, formToken: Self.sign(key, "form", cookie), scope: token.scope)
    }

    /// Invalidates the cookie and all copies of it.
    ///
    /// - Throws: If the journal cannot store it. The session goes on then, so that the sign-out can be repeated.
    func signOut(cookie: String, now: Int64) async throws {
        guard needsToken, session(ofCookie: cookie, now: now) != nil else { return }
        let now = now / 1_000_000_000
        try await signOuts.add(cookie, expiry: now + Self.lifetime, now: now)
    }

    /// The session of a person whom a proxy has signed in. Its form token is derived from an access token, so that it is
    /// the same after a restart and on other servers.
    func session(of person: String, scope: AccessScope) -> DashboardSession {
        let key = tokens.max(by: { $0.scope < $1.scope }).map(key) ?? processKey
        return DashboardSession(
            caller: person, formToken: Self.sign(key, "form of a person", person), scope: scope, canEnd: false)
    }

    /// The value of a new session's cookie.
    func makeCookie(for token: APIToken, now: Int64) -> String {
        let expiry = "\(now / 1_000_000_000 + Self.lifetime)"
        let (caller, nonce) = (Self.encoded(token.name), Self.random())
        return "\(caller).\(expiry).\(nonce).\(Self.sign(key(token), "session", caller, expiry, nonce))"
    }

    private func token(named name: String) -> APIToken? { tokens.first { $0.name == name } }

    /// Creates a one-time code that signs in as the token with this name. The code expires after a number of seconds, or
    /// when the token is replaced.
    func makeLinkCode(for caller: String, within seconds: Int = linkLifetime, now: Int64) -> String {
        let code = Self.random()
        guard let token = token(named: caller) else { return code }
        links.withLock { links in
            links = links.filter { $0.value.expiry > now }
            let own = links.filter { $0.value.token.name == token.name }
            if own.count >= Self.maximumLinks, let oldest = own.min(by: { $0.value.expiry < $1.value.expiry }) {
                links[oldest.key] = nil
            }
            links[code] = (expiry: now + Int64(seconds) * 1_000_000_000, token: token)
        }
        return code
    }

    /// The address of a one-time link that signs in and opens a page; the page's own address if there is no token.
    ///
    /// - Parameters:
    ///   - caller: The name of the token to sign in as; nil for the one with the widest scope.
    ///   - seconds: How long the link is valid.
    func signInPath(
        to path: String, as caller: String? = nil, within seconds: Int = linkLifetime, now: Int64
    ) -> String {
        guard let most = tokens.max(by: { $0.scope < $1.scope }) else { return path }
        return Link("sign-in").with("once", makeLinkCode(for: caller ?? most.name, within: seconds, now: now))
            .with("to", path == "/" ? nil : path).text
    }

    /// The token that the code signs in as; it does not a second time.
    func redeem(_ code: String, now: Int64) -> APIToken? {
        let found = links.withLock { $0.removeValue(forKey: code) }
        guard let found, found.expiry > now else { return nil }
        return tokens.first { $0.name == found.token.name && $0.value == found.token.value }
    }

    /// Without a full stop, which separates the parts of a cookie.
    private static func encoded(_ name: String) -> String {
        PercentEncoding.encode(name, allowed: Set("-_".utf8))
    }

    private static func sign(_ key: SymmetricKey, _ parts: String...) -> String {
        let text = parts.joined(separator: "\n")
        return HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key).hexadecimal
    }

    private static func random() -> String {
        SymmetricKey(size: .init(bitCount: 192)).withUnsafeBytes { $0.hexadecimal }
    }
}

/// Cookies of requests and responses (RFC 6265).
enum Cookies {
    static func value(of name: String, in request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
                if parts.count == 2, parts[0] == name { return parts[1] }
            }
        }
        return nil
    }

    /// A cookie that scripts cannot read and that other sites' pages do not cause to be sent.
    ///
    /// - Parameter seconds: How long it is kept; 0 removes it.
    static func field(_ name: String, _ value: String, seconds: Int64, isSecure: Bool) -> HTTPField {
        HTTPField(
            name: .setCookie,
            value: "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
                + (isSecure ? "; Secure" : ""))
    }
}
