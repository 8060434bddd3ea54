import RunnelKit
import Testing

@testable import RunnelServer

/// A browser that is signed in, as far as the server can tell.
struct Browsing: Sendable {
    let server: RunningServer
    var cookie: String?
    var language = "en"

    static let token = "a-token-for-tests"

    /// Signs in with the token.
    static func signedIn(_ server: RunningServer) async throws -> Browsing {
        let answer = try await Browsing(server: server).send(
            "/sign-in", ["token": Self.token], isSignedIn: false)
        let cookie = try #require(answer.headers["set-cookie"])
        return Browsing(server: server, cookie: String(cookie.prefix { $0 != ";" }))
    }

    private var headers: [(String, String)] {
        [("Accept-Language", language)] + (cookie.map { [("Cookie", $0)] } ?? [])
    }

    func get(_ path: String) async throws -> Answer { try await server.call("GET", path, headers) }

    /// The text of a page that must be there.
    func page(_ path: String) async throws -> String {
        let answer = try await get(path)
        #expect(answer.status == 200, "\(path)")
        return answer.text
    }

    /// Sends a form with the token that pages carry.
    func send(
        _ path: String, _ fields: KeyValuePairs<String, String>, _ more: [(String, String)] = [],
        isSignedIn: Bool = true
    ) async throws -> Answer {
        var pairs = fields.map { ($0.key, $0.value) }
        if isSignedIn { pairs.append(("form-token", try await formToken())) }
        let body = pairs.map { "\(Self.encode($0.0))=\(Self.encode($0.1))" }.joined(separator: "&")
        return try await server.call(
            "POST", path, headers + [("Content-Type", "application/x-www-form-urlencoded")] + more, body: body)
    }

    /// The token of the forms on the start page.
    func formToken() async throws -> String {
        let page = try await get("/workers").text
        let mark = #"name="form-token" value=""#
        let start = try #require(page.firstRange(of: mark)).upperBound
        return String(page[start...].prefix { $0 != "\"" })
    }

    private static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
            return isPlain ? String(Character(scalar)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}

extension ServerRig {
    /// With the token that ``Browsing`` signs in with.
    static func dashboard(_ pipelines: [String: String] = [:], secrets: [String: String] = [:]) -> ServerRig {
        ServerRig(pipelines: pipelines, options: ServerOptions(port: 0, token: Browsing.token), secrets: secrets)
    }
}
