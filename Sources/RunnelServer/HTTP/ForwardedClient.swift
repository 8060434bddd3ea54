import HTTPTypes
import Hummingbird
package import RunnelSupport

/// Whom proxies in front of the server forward for, as far as they are trusted.
struct ForwardedClient: Sendable, Hashable {
    /// The client's IP address, or what came in its place.
    var address: String
    /// The scheme and the authority that the client has called; nil if no trusted proxy says so.
    var scheme: String?
    var host: String?

    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")
    private static let forwardedHost = HTTPField.Name("X-Forwarded-Host")
    private static let forwarded = HTTPField.Name("Forwarded")

    /// - Parameters:
    ///   - peer: The address of the connection's other end.
    ///   - proxies: Only what these say is believed.
    init(peer: String, _ headers: HTTPFields, proxies: TrustedProxies) {
        address = Self.plain(peer)
        guard proxies.contains(address) else { return }
        let forwardedFor = Self.list(headers, Self.forwardedFor)
        if forwardedFor.isEmpty || proxies.usesForwarded {
            follow(Self.elements(headers), proxies)
        } else {
            follow(forwardedFor.map { ["for": $0] }, proxies)
            scheme = Self.list(headers, Self.forwardedProto).last?.lowercased()
            host = Self.list(headers, Self.forwardedHost).last
        }
        if scheme != "http", scheme != "https" { scheme = nil }
    }

    /// The client of a request.
    init(_ request: Request, _ context: ServerContext, _ options: ServerOptions) {
        self.init(
            peer: context.remoteAddress?.ipAddress ?? "unknown", request.headers, proxies: options.trustedProxies)
    }

    /// Goes from the nearest proxy to the client, up to the first address that is not a trusted proxy's.
    private mutating func follow(_ elements: [[String: String]], _ proxies: TrustedProxies) {
        for element in elements.reversed() {
            guard proxies.contains(address) else { return }
            if let proto = element["proto"] { scheme = proto.lowercased() }
            if let name = element["host"] { host = name }
            guard let next = element["for"].map(Self.plain), IPAddress(next) != nil else { return }
            address = next
        }
    }

    /// The elements of a list field, the nearest proxy's last.
    private static func list(_ headers: HTTPFields, _ name: HTTPField.Name?) -> [String] {
        guard let name else { return [] }
        return headers[values: name].flatMap { $0.split(separator: ",") }.map(trimmed)
            .filter { !$0.isEmpty }
    }

    /// The elements of `Forwarded` (RFC 7239, section 4), by lower-case parameter.
    private static func elements(_ headers: HTTPFields) -> [[String: String]] {
        list(headers, Self.forwarded).map { element in
            var parameters: [String: String] = [:]
            for pair in element.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                var value = trimmed(parts[1])[...]
                if value.hasPrefix("\""), value.hasSuffix("\""), value.count > 1 {
                    value = value.dropFirst().dropLast()
                }
                parameters[trimmed(parts[0]).lowercased()] = String(value)
            }
            return parameters
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }

    /// The address without port and brackets, and an IPv4 address in its usual form.
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "[") }) else { return text }
        var text = text[...]
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            text = text[..<end].dropFirst()
        } else if text.count(where: { $0 == ":" }) == 1 {
            text = text.prefix { $0 != ":" }
        }
        if text.lowercased().hasPrefix("::ffff:"), text.contains(".") { text = text.dropFirst(7) }
        return String(text)
    }
}

/// The proxies whose forwarding header fields are trusted.
public struct TrustedProxies: Sendable {
    private let ranges: [AddressRange]
    /// Whether `Forwarded` (RFC 7239) counts rather than `X-Forwarded-For`, where both are there.
    let usesForwarded: Bool

    package init(_ ranges: [AddressRange] = [], usesForwarded: Bool = false) {
        self.ranges = ranges
        self.usesForwarded = usesForwarded
    }

    func contains(_ address: String) -> Bool {
        guard !ranges.isEmpty, let address = IPAddress(address) else { return false }
        return ranges.contains { $0.contains(address) }
    }
}
