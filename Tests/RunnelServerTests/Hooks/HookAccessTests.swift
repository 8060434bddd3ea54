import HTTPTypes
import RunnelEngine
import RunnelKit
import RunnelSupport
import RunnelTesting
import Testing

@testable import RunnelServer

@Suite("Who reaches a hook", .timeLimit(.minutes(5))) struct HookAccessTests {
    private static func rig(_ keys: String, _ change: (inout ServerOptions) -> Void = { _ in }) -> ServerRig {
        var options = ServerOptions(port: 0)
        change(&options)
        return ServerRig(
            pipelines: ["h.yaml": Pipelines.hook(keys, steps: "{ id: a, uses: log, with: { message: a } }")],
            options: options, secrets: ["hook": "s3cr3t-value"])
    }

    private static let open = "verify: { scheme: none }"

    @Test(
        "a hook that anybody may call takes no requests of other sites' pages and of rebound names",
        arguments: [
            ([("Origin", "https://evil.org")], 403), ([("Origin", "null")], 403),
            ([("Host", "evil.org")], 403), ([("Host", "evil.org"), ("Origin", "http://evil.org")], 403),
            ([("Sec-Fetch-Site", "cross-site")], 403), ([("Sec-Fetch-Site", "same-site")], 403),
            ([("Sec-Fetch-Site", "none")], 202), ([("Host", "localhost")], 202), ([("Host", "[::1]:80")], 202),
            ([("Host", "localhost:8790"), ("Origin", "http://localhost:8790")], 202),
        ] as [([(String, String)], Int)])
    func crossSite(headers: [(String, String)], status: Int) async throws {
        try await Self.rig(Self.open).serve { server in
            let answer = try await server.call("POST", "/hooks/h", headers)
            #expect(answer.status == status)
            #expect(await server.runs().count == (status == 202 ? 1 : 0))
            #expect(server.log.lines.contains { $0.contains("a webhook was refused: ") } == (status == 403))
        }
    }

    @Test("it answers to `server.public_url`, and to the pages of its `origins`, which may read the answer")
    func permitted() async throws {
        let keys = Self.open + ", origins: [\"https://app.example.org\"]"
        try await Self.rig(keys) { $0.publicURL = PublicURL("https://Hooks.example.org/") }.serve { server in
            let answer = try await server.call(
                "POST", "/hooks/h", [("Host", "hooks.example.org"), ("Origin", "https://app.example.org")])
            #expect(answer.status == 202)
            #expect(answer.headers["access-control-allow-origin"] == "https://app.example.org")
            let own = try await server.call(
                "POST", "/hooks/h", [("Host", "hooks.example.org"), ("Origin", "https://hooks.example.org")])
            #expect(own.status == 202)
            let question = try await server.call(
                "OPTIONS", "/hooks/h",
                [("Origin", "https://app.example.org"), ("Access-Control-Request-Method", "POST")])
            #expect(question.status == 204)
            #expect(question.headers["access-control-allow-methods"] == "POST")
            #expect(await server.runs().count == 2)
        }
    }

    @Test("a hook that checks its callers needs no name and no origin")
    func verified() async throws {
        try await Self.rig("verify: { scheme: bearer, secret: \"{{ secrets.hook }}\" }").serve { server in
            let headers = [
                ("Authorization", "Bearer s3cr3t-value"), ("Host", "other.org"), ("Origin", "https://other.org"),
            ]
            let answer = try await server.call("POST", "/hooks/h", headers)
            #expect(answer.status == 202)
        }
    }

    @Test(
        "why a caller was refused is a warning with its address, also behind a trusted proxy; their number is bounded")
    func refusals() async throws {
        let rig = Self.rig("verify: { scheme: github, secret: \"{{ secrets.hook }}\" }") {
            $0.trustedProxies = TrustedProxies([AddressRange("127.0.0.0/8")].compactMap(\.self))
        }
        try await rig.serve { server in
            for _ in 0..<30 {
                let answer = try await server.call("POST", "/hooks/h", [("X-Forwarded-For", "1.2.3.4, 203.0.113.9")])
                #expect(answer.status == 401)
            }
            let lines = server.log.lines.filter { $0.contains("a webhook was refused") }
            // One more for every three seconds that the calls took.
            #expect((20..<30).contains(lines.count))
            #expect(
                lines.allSatisfy {
                    $0.contains("warning") && $0.contains("the header x-hub-signature-256 is missing")
                        && $0.contains("203.0.113.9")
                }, "\(lines.first ?? "")")
        }
    }

    @Test("refusals that are left out of the log are counted in the next line")
    func leftOut() async throws {
        try await Self.rig(Self.open).serve { server in
            let route = try #require(try await server.services.get(HTTPIngress.self).route("h"))
            let (log, clock) = (LogRecorder(), ManualClock())
            let refusals = RefusalLog(logger: log.logger(), redact: { $0 }, stopwatch: clock.measureStart())
            func refuse(_ count: Int) {
                for _ in 0..<count { refusals.note("no", path: "/hooks/h", from: "::1", by: route) }
            }
            refuse(21)
            #expect(log.messages == Array(repeating: "a webhook was refused: no", count: 20))
            clock.advance(by: .seconds(3))
            refuse(3)
            clock.advance(by: .seconds(3))
            refuse(1)
            #expect(
                log.messages.suffix(4) == [
                    "1 further webhook was refused and not logged", "a webhook was refused: no",
                    "2 further webhooks were refused and not logged", "a webhook was refused: no",
                ])
        }
    }

    @Test(
        "what a hook does not take is a warning as well, with the words of the answer, one line a delivery",
        arguments: [
            ("", "POST", ("Content-Type", "application/json"), 400, "the body is not JSON: line 1, column 1: "),
            (
                "", "POST", ("Content-Encoding", "gzip"), 400,
                "the body is not \"gzip\" as its Content-Encoding says from=127.0.0.1"
            ),
            ("", "DELETE", ("X-A", "b"), 405, "this hook is called with POST from=127.0.0.1"),
            (", max_body: 1B", "POST", ("X-A", "b"), 413, "the body is larger than the "),
            (
                ", accept: [image/png]", "POST", ("Content-Type", "text/plain"), 415,
                "this hook does not take bodies of the type \"text/plain\" from=127.0.0.1"
            ),
            ("", "POST", ("Content-Encoding", "x"), 415, "this hook takes bodies that are compressed with "),
        ] as [(String, String, (String, String), Int, String)])
    func refusedByContent(keys: String, method: String, header: (String, String), status: Int, words: String)
        async throws
    {
        try await Self.rig(Self.open + keys).serve { server in
            let answer = try await server.call(method, "/hooks/h", [header], body: "words")
            #expect(answer.status == status)
            let lines = server.log.lines.filter { $0.contains("a webhook was") }
            #expect(lines.count == 1)
            #expect(lines.first?.hasPrefix("warning a webhook was refused: \(words)") == true, "\(lines)")
            #expect(lines.first?.hasSuffix("from=127.0.0.1 path=/hooks/h pipeline=hook trigger=webhook") == true)
        }
    }

    @Test("calls beyond `rate`, and beyond the queue, are warnings; their number is bounded, also where none are kept")
    func tooMany() async throws {
        try await Self.rig(Self.open + ", rate: 1/h").serve { server in
            for number in 0..<30 {
                let answer = try await server.call("POST", "/hooks/h")
                #expect(answer.status == (number == 0 ? 202 : 429))
            }
            let lines = server.log.lines.filter { $0.contains("a webhook was") }
            #expect((20..<29).contains(lines.count))
            #expect(
                lines.allSatisfy {
                    $0.hasPrefix("warning a webhook was refused: this hook is called too often; try again in ")
                })
        }
        var full = Self.rig(Self.open) { $0.recordsDeliveries = false }
        (full.limit, full.maximumQueued, full.isWorking) = (1, 2, false)
        try await full.serve { server in
            for number in 0..<3 {
                let answer = try await server.call("POST", "/hooks/h")
                #expect(answer.status == (number < 2 ? 202 : 429))
            }
            let lines = server.log.lines.filter { $0.contains("a webhook was") }
            #expect(lines.count == 1)
            #expect(lines.first?.hasPrefix("warning a webhook was refused: ") == true)
        }
    }

    @Test(
        "only what trusted proxies say is believed, from the nearest on",
        arguments: [
            ("127.0.0.1", ["X-Forwarded-For": "203.0.113.9"], "203.0.113.9"),
            ("198.51.100.1", ["X-Forwarded-For": "203.0.113.9"], "198.51.100.1"),
            ("127.0.0.1", ["X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("127.0.0.1", ["X-Forwarded-For": "unknown"], "127.0.0.1"),
            ("127.0.0.1", ["Forwarded": "for=1.1.1.1, for=\"[2001:db8::1]:80\";proto=https"], "2001:db8::1"),
            ("::ffff:127.0.0.1", ["X-Forwarded-For": "203.0.113.9:1234", "Forwarded": "for=1.1.1.1"], "203.0.113.9"),
            ("::1", ["X-Forwarded-For": "203.0.113.9"], "::1"), ("127.0.0.1", [:], "127.0.0.1"),
        ] as [(String, [String: String], String)])
    func forwarded(peer: String, fields: [String: String], address: String) {
        var headers = HTTPFields()
        for (name, value) in fields { if let name = HTTPField.Name(name) { headers[name] = value } }
        let proxies = TrustedProxies(["127.0.0.1", "10.0.0.0/8"].compactMap { AddressRange($0) })
        #expect(ForwardedClient(peer: peer, headers, proxies: proxies).address == address)
    }

    @Test("ranges of addresses")
    func ranges() throws {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"), ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("fd00::/8", "fdff::1", "fe00::1"), ("::1", "0:0:0:0:0:0:0:1", "::2"),
            ("0.0.0.0/0", "255.1.2.3", "::1"), ("127.0.0.0/8", "127.0.0.1", "2002:7f00:1::"),
            ("10.0.0.128/25", "::ffff:10.0.0.200", "10.0.0.127"),
        ] {
            let addresses = try #require(AddressRange(range))
            #expect(addresses.contains(try #require(IPAddress(inside))), "\(range) \(inside)")
            #expect(!addresses.contains(try #require(IPAddress(outside))), "\(range) \(outside)")
        }
        for text in [
            "", "10.0.0", "10.0.0.256", "10.0.0.0/33", "01.2.3.4", "1:2", "::1::2", "fe80::/129", "x",
            "1:2:3:4:5:6:7:8:9",
        ] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
    }
}
