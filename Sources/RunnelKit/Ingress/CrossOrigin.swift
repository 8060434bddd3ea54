internal import RunnelSupport

/// What is answered without the handler: questions of browsers and of senders that look whether the URL is there, and
/// cross-origin resource sharing (CORS; Fetch Standard, section 3.3).
extension IngressRoute {
    /// How long a browser may keep the answer to a preflight request, in seconds.
    private static let preflightAge = 600

    /// The answer that needs no handler; nil where the handler answers.
    func ownAnswer(to request: IngressRequest) -> IngressResponse? {
        guard !methods.contains(request.method) else { return nil }
        switch request.method {
        // A caller may look whether the URL is there, and nothing is started by that (RFC 9110, sections 9.2.1 and 9.3.2).
        case "HEAD": return IngressResponse(status: 200)
        case "OPTIONS": return preflight(request) ?? IngressResponse(status: 204, headers: ["allow": allowed])
        default:
            guard !answersOtherMethods else { return nil }
            return methodNotAllowed
        }
    }

    /// The answer to a method that this route does not take.
    var methodNotAllowed: IngressResponse { .methodNotAllowed(methods) }

    private var allowed: String { IngressResponse.allow(methods) }

    private func preflight(_ request: IngressRequest) -> IngressResponse? {
        guard let origin = request.headers.first("origin"),
            request.headers.first("access-control-request-method") != nil, permits(origin)
        else { return nil }
        var headers: HeaderList = [
            "access-control-allow-methods": methods.joined(separator: ", "),
            "access-control-max-age": "\(Self.preflightAge)",
        ]
        let names = request.headers["access-control-request-headers"].flatMap { $0.split(separator: ",") }
            .map { $0.drop { $0 == " " }.prefix { $0 != " " } }.filter(Self.isFieldName)
        if !names.isEmpty { headers.add("access-control-allow-headers", names.joined(separator: ", ")) }
        return IngressResponse(status: 204, headers: headers)
    }

    /// Whether pages of this origin may call.
    package func permits(_ origin: String) -> Bool { origins.contains("*") || origins.contains(origin.lowercased()) }

    /// The answer with what lets a page of a permitted origin read it.
    package func sharing(_ response: IngressResponse, with request: IngressRequest) -> IngressResponse {
        guard !origins.isEmpty else { return response }
        var response = response
        response.headers.add("vary", "Origin")
        guard let origin = request.headers.first("origin"), permits(origin) else { return response }
        response.headers.add("access-control-allow-origin", origin)
        response.headers.add("access-control-expose-headers", "Location, Retry-After, Runnel-Run-Id")
        return response
    }

    /// RFC 9110, section 5.1.
    private static func isFieldName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
