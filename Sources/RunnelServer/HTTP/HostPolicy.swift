import HTTPTypes
import Hummingbird
import RunnelSupport

/// Refuses what pages in a browser can make it send, where a request proves nothing by itself.
struct HostPolicy: Sendable {
    let options: ServerOptions

    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")
    private static let fetchMode = HTTPField.Name("Sec-Fetch-Mode")
    private static let fetchDestination = HTTPField.Name("Sec-Fetch-Dest")

    /// Why a request is refused.
    enum Refusal: Error, Hashable {
        /// DNS rebinding: the Host header names another machine.
        case host
        /// A cross-site request (CSRF): the page is of another origin.
        case origin
    }

    /// - Parameter permits: Whether pages of an origin may call although it is not the server's own.
    func check(_ request: Request, permits: (String) -> Bool = { _ in false }) throws(Refusal) {
        try checkHost(of: request)
        try checkOrigin(of: request, permits: permits)
    }

    /// The Host header must name this server, where only clients on this machine are admitted.
    func checkHost(of request: Request) throws(Refusal) {
        // Only a client of HTTP/1.0 gets here without one, and no browser sends such a request.
        if request.head.authority == nil, request.headers[.origin] == nil,
            Self.fetchSite.flatMap({ request.headers[$0] }) == nil
        {
            return
        }
        guard isOwn(Self.host(Self.authority(of: request))) || !options.isLoopback else { throw .host }
    }

    /// A page that sends the request must be of this server.
    func checkOrigin(of request: Request, permits: (String) -> Bool = { _ in false }) throws(Refusal) {
        let authority = Self.authority(of: request)
        if let origin = request.headers[.origin] {
            guard isOwn(Self.host(authority)) && isSame(origin.lowercased(), authority) || permits(origin) else {
                throw .origin
            }
        } else if let site = Self.fetchSite.flatMap({ request.headers[$0] })?.lowercased() {
            // Browsers say so where they send no origin, as for an image.
            guard site != "cross-site", site != "same-site" else { throw .origin }
        }
    }

    /// Whether the request is a top-level navigation from another site, such as a click on a link.
    static func isOpenedByOtherSite(_ request: Request) -> Bool {
        func field(_ name: HTTPField.Name?) -> String? { name.flatMap { request.headers[$0] }?.lowercased() }
        return request.method == .get && field(fetchSite) == "cross-site" && field(fetchMode) == "navigate"
            && field(fetchDestination) == "document"
    }

    private static func authority(of request: Request) -> String {
        (request.head.authority ?? "").lowercased()
    }

    private func isSame(_ origin: String, _ authority: String) -> Bool {
        origin == "http://" + authority || origin == "https://" + authority
            || options.publicURL.map { origin == $0.origin } ?? false
    }

    /// Whether the name cannot lead here unless this server is meant.
    private func isOwn(_ host: String) -> Bool {
        LoopbackName.matches(host) || host == options.host.lowercased() || host == "[\(options.host.lowercased())]"
            || host == options.publicURL?.host || !options.isLoopback && IPAddress(host) != nil
    }

    /// The authority without its port.
    static func host(_ authority: String) -> String {
        guard let colon = authority.utf8.lastIndex(of: UInt8(ascii: ":")),
            authority.utf8[colon...].dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
        else { return authority }
        return String(authority[..<colon])
    }
}

/// The names of the loopback interface.
enum LoopbackName {
    /// - Parameter host: A host without port; an IPv6 address with or without brackets.
    static func matches(_ host: String) -> Bool {
        let host = host.lowercased()
        return ["localhost", "::1", "[::1]"].contains(host) || isLoopbackAddress(host)
    }

    /// A complete address in 127.0.0.0/8; `127.example.org` is a host name.
    private static func isLoopbackAddress(_ host: String) -> Bool {
        let network = "127.".utf8
        guard host.utf8.starts(with: network) else { return false }
        var (dots, digits, number) = (0, 0, 0)
        for byte in host.utf8.dropFirst(network.count) {
            if byte == UInt8(ascii: "."), digits > 0 {
                dots += 1
                (digits, number) = (0, 0)
            } else {
                guard (0x30...0x39).contains(byte), digits < 3 else { return false }
                digits += 1
                number = number * 10 + Int(byte - 0x30)
                guard number <= 255 else { return false }
            }
        }
        return dots == 2 && digits > 0
    }
}

/// Where callers reach the server: `server.public_url`.
public struct PublicURL: Sendable, Hashable {
    /// Without a slash at the end.
    public let text: String
    /// Scheme, host and port as browsers send them: `https://example.org`.
    let origin: String
    /// In lower case, an IPv6 address in brackets.
    let host: String

    /// - Parameter text: A URL with scheme and host, and possibly a path.
    public init(_ text: String) {
        var text = text[...]
        while text.last == "/" { text.removeLast() }
        self.text = String(text)
        let scheme = text.prefix { $0 != ":" }
        let authority = text.dropFirst(scheme.count + 3).prefix { $0 != "/" }
        origin = "\(scheme)://\(authority)".lowercased()
        let port = authority.lastIndex(of: ":").map { authority[$0...] } ?? ""
        let hasPort = port.count > 1 && port.dropFirst().allSatisfy(\.isNumber)
        host = authority.dropLast(hasPort ? port.count : 0).lowercased()
    }
}
