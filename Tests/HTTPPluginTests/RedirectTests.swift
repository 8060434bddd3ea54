import HTTPTestServer
import RunnelKit
import Testing

@testable import HTTPPlugin

@Suite("http.fetch: redirects", .timeLimit(.minutes(5))) struct RedirectTests {
    @Test(
        "the method goes on as in browsers",
        arguments: [
            (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (302, "PUT", "PUT"), (307, "POST", "POST"), (308, "POST", "POST"), (301, "HEAD", "HEAD"),
        ])
    func method(status: Int, first: String, second: String) async throws {
        try await TestServer.run { request in
            request.uri == "/a" ? .reply(status, [("Location", "/b?x")]) : .reply(200)
        } body: { server in
            var with: ValueObject = ["url": .string(server.url + "/a"), "method": .string(first)]
            if first != "HEAD" { with["json"] = 1 }
            let output = try await fetch(with)
            let last = try #require(server.requests.last)
            #expect(output["url"] == .string(server.url + "/b?x"))
            #expect(last.method == second)
            #expect(last.body == (second == "GET" || second == "HEAD" ? "" : "1"))
            #expect(last.headers["content-type"] == (second == first && first != "HEAD" ? ["application/json"] : []))
        }
    }

    @Test("credentials stay with their origin")
    func credentials() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { other in
            let place = other.url + "/there"
            try await TestServer.run { request in
                request.uri == "/here" ? .reply(302, [("Location", "/again")]) : .reply(302, [("Location", place)])
            } body: { server in
                _ = try await fetch([
                    "url": .string(server.url + "/here"), "auth": ["bearer": "tok"],
                    "headers": ["Cookie": "a=b", "X-Api-Key": "k", "X-Plain": "p"],
                ])
                #expect(server.requests.map { $0.headers["authorization"] } == [["Bearer tok"], ["Bearer tok"]])
                let last = try #require(other.requests.first)
                for name in ["authorization", "cookie", "x-api-key"] { #expect(last.headers[name].isEmpty) }
                #expect(last.headers["x-plain"] == ["p"])
                #expect(last.headers["host"] == ["127.0.0.1:\(other.port)"])
            }
        }
    }

    @Test("a header that holds a secret of the project stays, whatever its name")
    func secrets() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { other in
            let place = other.url + "/there"
            try await TestServer.run { _ in
                .reply(302, [("Location", place)])
            } body: { server in
                _ = try await fetch(
                    ["url": .string(server.url), "headers": ["X-Tenant": "id hush-hush-hush", "X-Plain": "p"]],
                    secrets: ["hush-hush-hush"])
                #expect(server.requests.first?.headers["x-tenant"] == ["id hush-hush-hush"])
                #expect(other.requests.first?.headers["x-tenant"] == [])
                #expect(other.requests.first?.headers["x-plain"] == ["p"])
            }
        }
    }

    @Test("a body does not go to another origin", arguments: [307, 308])
    func bodies(status: Int) async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { other in
            try await TestServer.run { _ in
                .reply(status, [("Location", other.url + "/there")])
            } body: { server in
                let error = try await failedFetch(["url": .string(server.url + "/here"), "json": ["key": "value"]])
                #expect(error.code == "redirect-with-body")
                #expect(
                    error.message
                        == "POST \(server.url)/here is redirected (\(status)) to another origin, \(other.url)/there, which would get its body"
                )
                #expect(error.hint == "send to that URL directly if you trust it")
                #expect(other.requests.isEmpty)
                let read = try await fetch(["url": .string(server.url + "/here")])
                #expect(read["status"] == 200)
            }
        }
    }

    @Test(
        "a redirect is followed, whatever its body is like",
        arguments: [
            "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nplain", "Content-Length: 100\r\n\r\nplain",
            "Content-Length: 2048\r\n\r\n\(String(repeating: "x", count: 2048))",
            "Content-Length: 99999999\r\n\r\nplain", "Content-Encoding: unknown\r\n\r\nplain",
        ], [true, false])
    func redirectBodies(body: String, isHanging: Bool) async throws {
        try await TestServer.run { request in
            let text = "HTTP/1.1 302 Found\r\nLocation: /b\r\n\(body)"
            return request.uri == "/b" ? .reply(200, [], "here") : isHanging ? .begun(text) : .raw(text)
        } body: { server in
            let output = try await fetch(["url": .string(server.url + "/a"), "max_size": "1KiB"])
            #expect(output["body"] == "here")
        }
    }

    @Test("a circle is found")
    func loop() async throws {
        try await TestServer.run { request in
            .reply(302, [("Location", request.uri == "/a" ? "/b" : "/a")])
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url + "/a")])
            #expect(error.code == "redirect-loop")
            #expect(error.message == "GET \(server.url)/a was redirected in a loop, back to \(server.url)/a")
            #expect(server.requests.count == 2)
        }
    }

    @Test("redirects are limited")
    func limit() async throws {
        try await TestServer.run { request in
            .reply(302, [("Location", "/" + String(repeating: "x", count: request.uri.count))])
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url), "redirects": 2])
            #expect(error.code == "too-many-redirects")
            #expect(error.message == "GET \(server.url)/ was redirected more than 2 times, last to \(server.url)/xxx")
            #expect(error.hint == "raise `redirects` if that is expected")
            #expect(server.requests.count == 3)
        }
    }

    @Test("a place that is no URL is an error; a status that is asked for is not followed")
    func notFollowed() async throws {
        try await TestServer.run { _ in
            .reply(302, [("Location", "ftp://x/y?token=1")])
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url)])
            #expect(error.code == "bad-redirect")
            #expect(
                error.message
                    == #"GET \#(server.url)/ redirects to an invalid URL: "ftp://x/y?…" is not an http or https URL"#
            )
            let listed = try await fetch(["url": .string(server.url), "status": 302])
            #expect(listed["status"] == 302)
            let unfollowed = try await failedFetch(["url": .string(server.url), "redirects": 0])
            #expect(unfollowed.message == "GET \(server.url)/ answered 302 Found")
        }
    }
}
