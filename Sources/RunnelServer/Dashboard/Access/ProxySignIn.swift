import HTTPTypes
import Hummingbird
package import RunnelEngine

/// Signs in people whom a reverse proxy has signed in, such as by OpenID Connect, and names in a header field.
///
/// The field counts only in requests that come from a trusted proxy itself, and only if it stands there once: a second
/// one may be what a browser has sent.
package struct ProxySignIn: Sendable {
    private let header: HTTPField.Name
    private let scope: AccessScope
    private let scopes: [String: AccessScope]

    /// Longer names are none. In bytes.
    private static let maximumName = 200

    /// - Parameters:
    ///   - header: The name of the header field.
    ///   - scope: For people who are not in `scopes`.
    /// - Returns: nil if the header field can have no such name.
    package init?(header: String, scope: AccessScope, scopes: [String: AccessScope]) {
        guard let header = HTTPField.Name(header) else { return nil }
        (self.header, self.scope, self.scopes) = (header, scope, scopes)
    }

    /// Who sends the request, and what they may do; nil if no trusted proxy says so.
    ///
    /// - Parameter peer: The address of the connection's other end.
    func person(of request: Request, from peer: String?, _ proxies: TrustedProxies) -> (
        name: String, scope: AccessScope
    )? {
        guard let peer, proxies.contains(ForwardedClient.plain(peer)) else { return nil }
        let names = request.headers[values: header]
        guard names.count == 1, let name = names.first, (1...Self.maximumName).contains(name.utf8.count),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { return nil }
        return (name, scopes[name] ?? scope)
    }
}
