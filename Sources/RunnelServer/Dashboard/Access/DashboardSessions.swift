import Crypto
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

    /// The caller on this machine where the server has no token.
    static let local = "local"
}

/// Makes and checks the signed cookies of signed-in browsers, their form tokens, and one-time links.
///
/// A cookie is `caller.expiry.nonce.signature`. The key of the signature comes from the access token, so that a session
/// outlives a restart of the server and ends when the token changes. Nothing is stored.
final class DashboardSessions: Sendable {
    static let cookie = "runnel-session"
    /// In seconds.
    static let lifetime: Int64 = 14 * 86_400
    /// How long a one-time link is valid, in nanoseconds.
    static let linkLifetime: Int64 = 600_000_000_000
    private static let maximumLinks = 32

    private let token: String?
    private let key: SymmetricKey
    private let links = Mutex<[String: Int64]>([:])

    /// - Parameter token: The API's token; nil: everybody on this machine is admitted.
    init(token: String?) {
        self.token = token
        let secret = token.map { SymmetricKey(data: Array($0.utf8)) } ?? SymmetricKey(size: .bits256)
        key = SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(for: Array("runnel dashboard sessions".utf8), using: secret))
    }

    /// Whether browsers have to sign in.
    var needsToken: Bool { token != nil }

    func accepts(_ given: String) -> Bool { token.map { ConstantTime.areEqual($0, given) } ?? false }

    /// The session of a request; nil if it has none, or one that has expired.
    func session(of request: Request, now: Int64) -> DashboardSession? {
        guard needsToken else {
            return DashboardSession(caller: DashboardSession.local, formToken: sign("form", DashboardSession.local))
        }
        guard let cookie = Cookies.value(of: Self.cookie, in: request) else { return nil }
        let parts = cookie.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let expiry = Int64(parts[1]), expiry > now / 1_000_000_000,
            ConstantTime.areEqual(sign("session", parts[0], parts[1], parts[2]), parts[3])
        else { return nil }
        return DashboardSession(caller: parts[0], formToken: sign("form", cookie))
    }

    /// The value of a new session's cookie.
    func makeCookie(now: Int64) -> String {
        let expiry = "\(now / 1_000_000_000 + Self.lifetime)"
        let (caller, nonce) = ("token", Self.random())
        return "\(caller).\(expiry).\(nonce).\(sign("session", caller, expiry, nonce))"
    }

    /// A code that signs in once, within ``linkLifetime``.
    func makeLinkCode(now: Int64) -> String {
        let code = Self.random()
        links.withLock { links in
            links = links.filter { $0.value > now }
            while links.count >= Self.maximumLinks, let oldest = links.min(by: { $0.value < $1.value }) {
                links[oldest.key] = nil
            }
            links[code] = now + Self.linkLifetime
        }
        return code
    }

    /// The address that signs in once, and leads to a page; without a token, the page's own.
    func signInPath(to path: String, now: Int64) -> String {
        guard needsToken else { return path }
        return Link("sign-in").with("once", makeLinkCode(now: now)).with("to", path == "/" ? nil : path).text
    }

    /// Whether the code signs in; it does not a second time.
    func redeem(_ code: String, now: Int64) -> Bool {
        links.withLock { links in
            guard let expiry = links.removeValue(forKey: code) else { return false }
            return expiry > now
        }
    }

    private func sign(_ parts: String...) -> String {
        let text = parts.joined(separator: "\n")
        return HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key).hexadecimal
    }

    private static func random() -> String {
        SymmetricKey(size: .init(bitCount: 192)).withUnsafeBytes { $0.hexadecimal }
    }
}
