import HTTPTestServer
import NIOHTTP1
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Testing

@testable import HTTPPlugin

@Suite("http.fetch", .timeLimit(.minutes(5))) struct FetchTests {
    @Test("a page comes with status, URL, headers and body")
    func page() async throws {
        try await TestServer.run { _ in
            .reply(
                200, [("Content-Type", "text/html; charset=utf-8"), ("X-A", "1"), ("x-a", "2"), ("Set-Cookie", "a=b")],
                "<p>ü")
        } body: { server in
            let output = try await fetch(["url": .string(server.url + "/x")])
            #expect(output["status"] == 200)
            #expect(output.asObject?.keys.sorted() == HTTPFetch.outputSchema?["properties"]?.asObject?.keys.sorted())
            #expect(output["url"] == .string(server.url + "/x"))
            #expect(output["body"] == "<p>ü")
            #expect(output["media_type"] == "text/html")
            #expect(output["title"] == .null)
            #expect(output["headers"]?["x-a"] == "1, 2")
            #expect(output["headers"]?["set-cookie"] == ["a=b"])
            let request = try #require(server.requests.first)
            #expect(request.method == "GET")
            #expect(request.headers["user-agent"] == ["Runnel"])
            #expect(request.headers["accept"] == ["*/*"])
            #expect(request.headers["accept-encoding"] == [HTTPHeaders.acceptEncoding])
        }
    }

    @Test("a run that may be another worker's by now sends no whole request", arguments: ["GET", "POST"])
    func notOwned(method: String) async throws {
        try await TestServer.run { _ in
            .reply(200, [], "ok")
        } body: { server in
            var harness = StepHarness()
            harness.ownsRun = false
            await HTTPClientService.register(in: harness.services)
            var with: ValueObject = ["url": .string(server.url), "method": .string(method)]
            if method == "POST" { with["json"] = ["a": 1] }
            do {
                _ = try await harness.run(HTTPFetch.self, with: with)
                Issue.record("the step went on")
            } catch is CancellationError {}
            await harness.services.shutDown()
            #expect(server.requests.isEmpty)
        }
    }

    @Test(
        "the content type decides what the body becomes",
        arguments: [
            ("application/json", #"{"a": 1}"#, ["a": 1]), ("application/problem+json", "[1]", [1]),
            ("application/json", "", .null), ("text/csv", "a,b", "a,b"), ("application/atom+xml", "<a/>", "<a/>"),
            ("image/png", "xyz", .bytes(Array("xyz".utf8))), ("nonsense", "text", "text"),
        ] as [(String, String, Value)])
    func auto(type: String, body: String, value: Value) async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", type)], body)
        } body: { server in
            let output = try await fetch(["url": .string(server.url)])
            #expect(output["body"] == value)
        }
    }

    @Test("a null under `json` is sent as the body, as any other value")
    func nullBody() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "text/plain")], "ok")
        } body: { server in
            _ = try await fetch(["url": .string(server.url), "json": .null])
            let request = try #require(server.requests.first)
            #expect(request.method == "POST")
            #expect(request.headers["content-type"] == ["application/json"])
            #expect(request.body == "null")
        }
    }

    @Test(
        "a null in a header, a form, a query or a token is an error, and nothing is sent",
        arguments: [
            ("headers", ["accept": .null], "`headers.accept`: expected a string, found null"),
            ("form", ["a": .null], "`form.a`: expected a string, a number, true or false, found null"),
            ("query", ["a": ["x", .null]], "`query.a[1]`: expected a string, a number, true or false, found null"),
            ("auth", ["bearer": .null], "`auth.bearer`: expected a string, found null"),
            (
                "auth", ["basic": ["user": "u", "password": .null]],
                "`auth.basic.password`: expected a string, found null"
            ),
            ("auth", .null, "`auth`: expected a mapping, found null"),
            ("body", .null, "`body`: expected a string or binary data, found null"),
        ] as [(String, Value, String)])
    func null(key: String, value: Value, message: String) async throws {
        try await TestServer.run { _ in
            .reply(200, [], "")
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url), key: value])
            #expect(error.code == "empty-value")
            #expect(error.message == message)
            #expect(server.requests.isEmpty)
        }
    }

    @Test("text is decoded as the answer, its byte order mark or the page says")
    func charsets() async throws {
        let cases: [(String, [UInt8], String)] = [
            ("text/plain; charset=ISO-8859-1", [0x66, 0xFC, 0x72, 0x20, 0x80], "für €"),
            ("text/plain; charset=\"utf-16\"", [0x61, 0x00, 0xE5, 0x65], "a日"),
            ("text/plain; charset=utf-16be", [0x00, 0x61, 0x65, 0xE5], "a日"),
            ("text/plain; charset=latin1", [0xEF, 0xBB, 0xBF, 0xC3, 0xBC], "ü"),
            ("text/html", Array(#"<meta charset="windows-1252">"#.utf8) + [0xFC], #"<meta charset="windows-1252">ü"#),
            ("text/plain", [0x61, 0xFF], "a\u{FFFD}"),
        ]
        for (type, bytes, text) in cases {
            try await TestServer.run { _ in
                .bytes(200, [("content-type", type)], bytes)
            } body: { server in
                let output = try await fetch(["url": .string(server.url)])
                #expect(output["body"] == .string(text))
            }
        }
    }

    @Test("`as` overrules the content type; a readable page has a title")
    func format() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "text/html")], "<title>T</title><p>a &amp; b<script>x</script>")
        } body: { server in
            let url = Value.string(server.url)
            let page = try await fetch(["url": url, "as": "readable"])
            #expect(page["body"] == "a & b")
            #expect(page["title"] == "T")
            let binary = try await fetch(["url": url, "as": "bytes"])
            #expect(binary["body"]?.asBytes?.count == 46)
            let error = try await failedFetch(["url": url, "as": "json"])
            #expect(error.code == "not-json")
            #expect(
                error.message
                    == "the answer to GET \(server.url)/ (text/html) is not JSON: line 1, column 1: expected a JSON value, found '<'"
            )
            #expect(error.hint == "use `as: text` to get the text")
            let head = try await fetch(["url": url, "as": "json", "method": "HEAD"])
            #expect(head["body"] == .null)
        }
    }

    @Test("what cannot be decoded is said so")
    func undecodable() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "text/plain; charset=Klingon")], "?")
        } body: { server in
            let charset = try await failedFetch(["url": .string(server.url)])
            #expect(charset.code == "unknown-charset")
            #expect(charset.message == #"the answer to GET \#(server.url)/ is in "klingon", which is not supported"#)
            #expect(
                charset.hint == "name its real encoding with `encoding`, or use `as: bytes` for the raw bytes")
        }
    }

    @Test("method, query, headers and each kind of body arrive")
    func requests() async throws {
        try await TestServer.run { _ in
            .reply(204)
        } body: { server in
            let url = Value.string(server.url + "/p?a=1")
            _ = try await fetch([
                "url": url, "query": ["b": ["x y", "z"]], "headers": ["X-K": "v", "User-Agent": "me"],
            ])
            _ = try await fetch(["url": url, "json": ["k": 1]])
            _ = try await fetch(["url": url, "form": ["k": "a b"], "method": "put"])
            _ = try await fetch(["url": url, "body": "text"])
            _ = try await fetch(["url": url, "body": .bytes([0x41]), "headers": ["content-type": "image/png"]])
            _ = try await fetch(["url": url, "method": "HEAD"])
            let all = server.requests
            #expect(all.map(\.method) == ["GET", "POST", "PUT", "POST", "POST", "HEAD"])
            #expect(all[0].uri == "/p?a=1&b=x%20y&b=z")
            #expect(all[0].headers["x-k"] == ["v"])
            #expect(all[0].headers["user-agent"] == ["me"])
            #expect(all.map(\.body) == ["", #"{"k":1}"#, "k=a+b", "text", "A", ""])
            #expect(
                all.map { $0.headers["content-type"] } == [
                    [], ["application/json"], ["application/x-www-form-urlencoded"], ["text/plain; charset=utf-8"],
                    ["image/png"], [],
                ])
        }
    }

    @Test("credentials are sent as `auth` or the URL says")
    func credentials() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            let withUser = server.url.replacing("http://", with: "http://me:p%20w@")
            _ = try await fetch(["url": .string(server.url), "auth": ["bearer": "tok"]])
            _ = try await fetch([
                "url": .string(server.url), "auth": ["basic": ["user": "Aladdin", "password": "open sesame"]],
            ])
            let output = try await fetch(["url": .string(withUser)])
            #expect(
                server.requests.map { $0.headers["authorization"] } == [
                    ["Bearer tok"], ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], ["Basic bWU6cCB3"],
                ])
            #expect(output["url"] == .string(server.url + "/"))
        }
    }

    @Test(
        "a wrong `with` is refused before anything is sent",
        arguments: [
            (["url": "htp://x"], #"`url`: "htp://x" is not an http or https URL"#),
            (["url": "http://h", "timeout": "0s"], "`timeout`: 0s is too short"),
            (["url": "http://h", "body": "a", "json": 1], #""body" and "json" are mutually exclusive"#),
            (
                ["url": "http://h", "status": 200, "fail_on_status": false],
                #""status" and "fail_on_status" are mutually exclusive"#
            ),
            (
                ["url": "http://h", "status": [200, 4]],
                "`status[1]`: expected an HTTP status such as 200, or a list of them, found the number 4"
            ),
            (
                ["url": "http://h", "method": "FETCH"],
                #"`method`: expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, found "FETCH""#
            ),
            (["url": "http://h", "body": ["a": 1]], "`body`: expected a string or binary data, found an object"),
            (["url": "http://h", "redirects": 51], "`redirects`: expected a number from 0 to 50, found the number 51"),
            (["url": "http://h", "auth": [:]], #"`auth`: "bearer" or "basic" is required"#),
            (
                ["url": "http://h", "auth": ["bearer": "s3cr3t\n"]],
                "`auth.bearer`: a header value cannot hold a line break"
            ),
            (["url": "http://h", "auth": ["bearer": ""]], "`auth.bearer`: the token is empty"),
            (
                ["url": "http://h", "auth": ["basic": ["user": "a:b", "password": "s3cr3t"]]],
                "`auth.basic.user`: a user must not contain a colon"
            ),
            (
                ["url": "http://h", "auth": ["bearer": "a"], "headers": ["Authorization": "b"]],
                #"`auth`: cannot be combined with the header "authorization""#
            ),
        ] as [(ValueObject, String)])
    func wrong(with: ValueObject, message: String) async throws {
        let error = try await failedFetch(with)
        #expect(error.code == "bad-with")
        #expect(error.message == message)
    }
}
