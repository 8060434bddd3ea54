import Foundation
import RunnelKit
import Testing

@testable import RunnelServer

@Suite("Rules of HTTP/1", .timeLimit(.minutes(5))) struct MessageRulesTests {
    private static var rig: ServerRig {
        ServerRig(pipelines: [
            "h.yaml": Pipelines.hook("verify: { scheme: none }", steps: "{ id: a, uses: log, with: { message: a } }"),
            "s.yaml": """
            name: s
            on: { webhook: { verify: { scheme: none }, respond: stream } }
            steps: [ { id: a, uses: log, with: { message: a } } ]
            """,
        ])
    }

    private static func all(_ text: String, _ server: RunningServer) async throws -> String {
        let wire = try await Wire(port: server.port)
        try await wire.send(text)
        return String(decoding: await wire.readToEnd(), as: UTF8.self)
    }

    /// Sends a request, and expects that it is refused with 400 and starts no run.
    private static func expectRefusal(_ text: String, _ message: String, _ server: RunningServer) async throws {
        let answer = try Answer(Array(try await all(text, server).utf8))
        #expect(answer.status == 400)
        #expect(answer.error == "bad-request \(message)")
        #expect(await server.runs().isEmpty)
    }

    @Test(
        "an HTTP/1.0 client gets its answer without chunks, and the end of the connection",
        arguments: ["", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n"])
    func old(field: String) async throws {
        try await Self.rig.serve { server in
            for path in ["/hooks/h", "/hooks/s"] {
                let answer = try await Self.all(
                    "POST \(path) HTTP/1.0\r\n\(field)Host: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
                    server)
                #expect(answer.hasPrefix("HTTP/1.0 20"), "\(answer)")
                #expect(!answer.lowercased().contains("transfer-encoding"))
                #expect(answer.lowercased().contains("connection: close"))
            }
        }
    }

    @Test("an HTTP/1.0 client may leave the Host field out, a page in a browser may not")
    func oldWithoutHost() async throws {
        try await Self.rig.serve { server in
            let rest = "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"
            for path in ["/hooks/h", "/hooks/s"] {
                let answer = try await Self.all("POST \(path) HTTP/1.0\r\n\(rest)", server)
                #expect(answer.hasPrefix("HTTP/1.0 20"), "\(answer)")
                #expect(!answer.lowercased().contains("transfer-encoding"))
            }
            for field in ["Origin: http://evil.org", "Sec-Fetch-Site: none", "Host: evil.org"] {
                let answer = try await Self.all("POST /hooks/h HTTP/1.0\r\n\(field)\r\n\(rest)", server)
                #expect(answer.hasPrefix("HTTP/1.0 403"), "\(answer)")
            }
            #expect(await server.runs().count == 2)
        }
    }

    @Test("the answer to HEAD has no body on a connection that goes on")
    func head() async throws {
        try await Self.rig.serve { server in
            for path in [
                "/hooks/h", "/hooks/none", "/none", "/health/live", "/api/v1/pipelines/h/runs", "/api/v1/runs/x/events",
            ] {
                let answer = try await Self.all(
                    server.request("HEAD", path) + server.request("GET", "/health/live", [("Connection", "close")]),
                    server)
                let parts = answer.components(separatedBy: "HTTP/1.1 ")
                #expect(parts.count == 3, "\(path): \(answer)")
                #expect(parts.dropFirst().first?.hasSuffix("\r\n\r\n") == true, "\(path): \(answer)")
                #expect(parts.last?.hasPrefix("200 OK") == true, "\(path): \(answer)")
            }
        }
    }

    @Test(
        "a request without one valid Host field is refused",
        arguments: [
            ("", "the request has no Host field"),
            ("Host: localhost\r\nHost: localhost\r\n", "the request has 2 Host fields"),
            ("Host: localhost\r\nHost: evil.org\r\n", "the request has 2 Host fields"),
            ("Host: user@localhost\r\n", "the Host field is not a host"),
            ("Host: a, b\r\n", "the Host field is not a host"),
            ("Host: a\\b\r\n", "the Host field is not a host"),
            ("Host: a|b\r\n", "the Host field is not a host"),
        ])
    func hosts(fields: String, message: String) async throws {
        try await Self.rig.serve { server in
            for path in ["/hooks/h", "/api/v1/status", "/health/live"] {
                try await Self.expectRefusal("GET \(path) HTTP/1.1\r\n\(fields)\r\n", message, server)
            }
        }
    }

    @Test("a body with a transfer coding other than chunked is refused", arguments: ["gzip, chunked", "GZIP,Chunked"])
    func codings(value: String) async throws {
        try await Self.rig.serve { server in
            let head = "POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
            let body = "\r\n\r\n1\r\nx\r\n0\r\n\r\n"
            try await Self.expectRefusal(
                head + value + body, "the only supported Transfer-Encoding is chunked", server)
        }
    }

    @Test("an empty Transfer-Encoding is refused: its body would be read as the next request", arguments: ["", ","])
    func emptyCoding(value: String) async throws {
        try await Self.rig.serve { server in
            let text = "POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \(value)\r\n\r\n"
            try await Self.expectRefusal(text, "the only supported Transfer-Encoding is chunked", server)
        }
    }

    @Test("a client cannot say itself that a request is malformed")
    func forged() async throws {
        try await Self.rig.serve { server in
            let answer = try await server.call("GET", "/health/live", [("Runnel-Malformed", "x")])
            #expect(answer.status == 200)
        }
    }

    @Test("answers of the API are not stored, and no browser guesses what they are")
    func headers() async throws {
        try await Self.rig.serve { server in
            for path in ["/api/v1/status", "/api/v1/none", "/api/v1/openapi.json"] {
                let answer = try await server.call("GET", path)
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["cache-control"] == "no-store")
            }
        }
    }
}
