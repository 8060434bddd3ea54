import AsyncHTTPClient
import HTTPTestServer
import NIOHTTP1
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import HTTPPlugin

@Suite("http.fetch: failures", .timeLimit(.minutes(5))) struct FetchFailureTests {
    @Test("a status that is not expected is an error with the server's words and what to do")
    func status() async throws {
        try await TestServer.run { _ in
            .reply(404, [("content-type", "application/json")], #"{"error": {"message": "no such ticket"}}"#)
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url + "/t?key=1")])
            #expect(error.code == "http-status")
            #expect(error.message == #"GET \#(server.url)/t?… answered 404 Not Found: "no such ticket""#)
            #expect(error.hint == "check the URL")
            #expect(!error.isTransient)
            let listed = try await fetch(["url": .string(server.url), "status": [200, 404]])
            #expect(listed["status"] == 404)
            let single = try await fetch(["url": .string(server.url), "status": 404])
            #expect(single["status"] == 404)
            let ignored = try await fetch(["url": .string(server.url), "fail_on_status": false])
            #expect(ignored["status"] == 404)
        }
    }

    @Test(
        "a status that may pass is transient and brings Retry-After along",
        arguments: [
            (408, "Request Timeout"), (429, "Too Many Requests"), (500, "Internal Server Error"),
            (503, "Service Unavailable"),
        ])
    func transient(status: Int, phrase: String) async throws {
        try await TestServer.run { _ in
            .reply(status, [("retry-after", "7")], "<html><title>Busy</title>")
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url)])
            #expect(error.message == #"GET \#(server.url)/ answered \#(status) \#(phrase): "Busy""#)
            #expect(error.isTransient)
            #expect(error.retryAfter == .seconds(7))
        }
    }

    @Test(
        "the status of a failure decides, even if its body is too large, cut off or not what its header says",
        arguments: [
            "Content-Length: 11\r\nContent-Encoding: gzip\r\n\r\nplain words",
            "Content-Length: 100\r\n\r\nplain words",
            "Content-Length: 4096\r\n\r\n\(String(repeating: "x", count: 4096))",
            "Transfer-Encoding: chunked\r\n\r\n800\r\n\(String(repeating: "x", count: 2048))\r\n0\r\n\r\n",
        ])
    func unreadableWords(body: String) async throws {
        try await TestServer.run { request in
            .raw("HTTP/1.1 \(request.uri.dropFirst()) Whatever\r\nRetry-After: 7\r\n\(body)")
        } body: { server in
            let busy = try await failedFetch(["url": .string(server.url + "/503"), "max_size": "1KiB"])
            #expect(busy.code == "http-status")
            #expect(busy.message.hasPrefix("GET \(server.url)/503 answered 503 Service Unavailable"))
            #expect(busy.isTransient)
            #expect(busy.retryAfter == .seconds(7))
            let missing = try await failedFetch(["url": .string(server.url + "/404"), "max_size": "1KiB"])
            #expect(missing.code == "http-status")
            #expect(!missing.isTransient)
            // Here the answer is the output, so all of it is needed.
            let asked = try await failedFetch(["url": .string(server.url + "/404"), "status": 404, "max_size": "1KiB"])
            #expect(asked.code != "http-status")
        }
    }

    @Test("after the time limit the status of a failure decides, if it has come")
    func lateWords() async throws {
        let clock = ManualClock()
        try await TestServer.run { _ in
            .begun("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nplain")
        } body: { server in
            let sender = NetworkSender(network: Network { _ in nil }, configuration: .init())
            let (heads, head) = AsyncStream<Void>.makeStream()
            var call = HTTPCall("GET", try HTTPURL(server.url))
            call.bodyUse = { _ in
                head.yield()
                return .partial
            }
            async let sent = sender.send(call, within: .seconds(20), on: clock)
            for await _ in heads { break }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(20))
            let reply = try await sent
            #expect(reply.status == 503)
            #expect(reply.isBodyCut)
            #expect(reply.bodyProblem == .timedOut(.seconds(20)))
            await sender.shutDown()
        }
        var harness = StepHarness()
        harness.clock = clock
        await HTTPClientService.register(LateWords(), in: harness.services)
        let task = Task { [harness] in
            try await harness.run(HTTPFetch.self, with: ["url": "http://a.test/", "timeout": "20s"])
        }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(20))
        let error = try await #require(throws: StepError.self) { try await task.value }
        #expect(error.message == "GET http://a.test/ answered 503 Service Unavailable")
        #expect(error.retryAfter == .seconds(7))
    }

    /// Answers with a status whose words do not come.
    private struct LateWords: HTTPSender {
        func send(_ call: HTTPCall) async throws -> HTTPReply {
            // Nobody advances this clock, so it is cancelled.
            try? await ManualClock().sleep(for: .seconds(1))
            return HTTPReply(status: 503, headers: ["retry-after": "7"], isBodyCut: true)
        }

        func shutDown() async {}
    }

    @Test("a request on a connection that the server has just closed is sent once more, if that changes nothing")
    func staleConnection() async throws {
        let answers = Mutex(0)
        try await TestServer.run { request in
            if request.uri == "/a" { return .reply(307, [("location", "/b")]) }
            return answers.withLock { count in
                count += 1
                return count == 1 ? .raw("") : .reply(200, [], "here")
            }
        } body: { server in
            let output = try await fetch(["url": .string(server.url + "/a")])
            #expect(output["body"] == "here")
            #expect(server.requests.map(\.uri) == ["/a", "/b", "/b"])
            answers.withLock { $0 = 0 }
            let error = try await failedFetch(["url": .string(server.url + "/a"), "method": "POST", "json": 1])
            #expect(error.code == "connection-closed")
            #expect(server.requests.count == 5)
            // On a new connection that is no coincidence.
            answers.withLock { $0 = 0 }
            let first = try await failedFetch(["url": .string(server.url + "/b")])
            #expect(first.code == "connection-closed")
            #expect(server.requests.count == 6)
        }
    }

    @Test("a loop of servers that call each other does not pass by itself")
    func loop() async throws {
        try await TestServer.run { _ in
            .reply(508, [("retry-after", "7")], "round and round")
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url)])
            #expect(!error.isTransient)
            #expect(error.retryAfter == nil)
            #expect(
                error.hint == "the request came back to where it began: end the loop of servers that call each other")
        }
    }

    @Test(
        "credentials that the server repeats are masked",
        arguments: [
            ["auth": ["bearer": "literal-token"]], ["auth": ["basic": ["user": "me", "password": "literal-token"]]],
            ["headers": ["X-Api-Key": "literal-token"]], ["query": ["access_token": "literal-token"]],
            ["headers": ["X-Trace": "literal-token"], "method": "POST"],
        ] as [ValueObject])
    func masked(with: ValueObject) async throws {
        try await TestServer.run { request in
            .reply(
                401, [],
                "who is \(request.headers["authorization"]) \(request.headers["x-api-key"]) \(request.uri) literal-token"
            )
        } body: { server in
            var with = with
            with["url"] = .string(server.url)
            // The last case is no credential by name; the project knows it as a secret.
            let error = try await failedFetch(with, secrets: with["method"] == nil ? [] : ["literal-token"])
            #expect(!error.description.contains("literal-token"))
            #expect(!error.description.contains("bWU6bGl0ZXJhbC10b2tlbg"))
            #expect(error.description.contains("***"))
            #expect(error.hint == "check the credentials: the server does not know them")
        }
    }

    @Test("of a body that is cut, the end is not quoted: it may be the first part of a secret")
    func cutWords() {
        func words(_ text: String, isCut: Bool) -> String? {
            ServerWords.line(of: HTTPReply(status: 400, body: Array(text.utf8), isBodyCut: isCut)) { $0 }
        }
        let tail = String(repeating: "x", count: 16 << 10)
        #expect(words("no label\n" + tail, isCut: true) == #""no label""#)
        #expect(words("bad token token-12", isCut: true) == nil)
        #expect(words("bad token", isCut: false) == #""bad token""#)
        #expect(words(String(repeating: " ", count: 65_530) + "token-123", isCut: false) == nil)
    }

    @Test("nobody listening is said so")
    func refused() async throws {
        let port = try #require(refusingPort())
        let error = try await failedFetch(["url": .string("http://u:pw@127.0.0.1:\(port)/a?k=v")])
        #expect(error.code == "connection-refused")
        #expect(error.message == "GET http://127.0.0.1:\(port)/a?… failed: the connection was refused")
        #expect(error.hint == "check that the server runs, and the port")
        #expect(error.isTransient)
    }

    @Test("a host without address is said so")
    func unknownHost() async throws {
        // No label has more than 63 letters, so nobody has to be asked.
        let host = String(repeating: "a", count: 64)
        let error = try await failedFetch(["url": .string("http://\(host)/")])
        #expect(error.code == "host-not-found")
        #expect(error.message == #"GET http://\#(host)/ failed: the host "\#(host)" has no address"#)
        #expect(error.hint == "check the URL and the network")
        #expect(error.isTransient)
    }

    @Test("a reset, a broken-off and a nonsensical answer are told apart")
    func broken() async throws {
        try await TestServer.run { request in
            switch request.uri {
            case "/reset": .reset
            case "/cut": .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            case "/none": .raw("")
            case "/fields":
                .raw("HTTP/1.1 200 OK\r\n" + String(repeating: "x: y\r\n", count: 5000) + "Content-Length: 0\r\n\r\n")
            case "/field": .raw("HTTP/1.1 200 OK\r\nx: \(String(repeating: "y", count: 200_000))\r\n\r\n")
            default: .raw("SSH-2.0-OpenSSH_9.2\r\n\r\n")
            }
        } body: { server in
            let reset = try await failedFetch(["url": .string(server.url + "/reset")])
            #expect(reset.message == "GET \(server.url)/reset failed: the connection was reset")
            #expect(reset.code == "connection-reset")
            for path in ["/cut", "/none"] {
                let error = try await failedFetch(["url": .string(server.url + path)])
                #expect(
                    error.message
                        == "GET \(server.url)\(path) failed: the connection was closed before the answer was whole")
                #expect(error.code == "connection-closed")
                #expect(error.isTransient)
            }
            let nonsense = try await failedFetch(["url": .string(server.url + "/ssh")])
            #expect(nonsense.message == "GET \(server.url)/ssh failed: what came back is not HTTP")
            #expect(!nonsense.isTransient)
            for path in ["/fields", "/field"] {
                let error = try await failedFetch(["url": .string(server.url + path)])
                #expect(error.code == "response-too-large")
                #expect(
                    error.message
                        == "GET \(server.url)\(path) failed: the header of the answer has too many fields, or too long ones"
                )
                #expect(error.hint == "the server or a proxy is at fault")
                #expect(!error.isTransient)
            }
        }
    }

    @Test("https to a server without TLS is said so")
    func tls() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            let error = try await failedFetch(["url": .string("https://127.0.0.1:\(server.port)/")])
            #expect(error.code == "tls-failed")
            #expect(
                error.message
                    == "GET https://127.0.0.1:\(server.port)/ failed: no secure connection, it does not speak TLS on this port"
            )
            #expect(
                error.hint
                    == "check the server's certificate, and that scheme and port belong together; an authority of your own is trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE"
            )
            #expect(!error.isTransient)
        }
    }

    @Test("a larger answer than allowed is refused, whether its length is told or not")
    func tooLarge() async throws {
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n\(String(repeating: "x", count: 2048))\r\n0\r\n\r\n"
        try await TestServer.run { request in
            request.uri == "/told" ? .reply(200, [], String(repeating: "x", count: 1025)) : .raw(chunked)
        } body: { server in
            for path in ["/told", "/untold"] {
                let error = try await failedFetch(["url": .string(server.url + path), "max_size": "1KiB"])
                #expect(error.code == "response-too-large")
                #expect(error.message == "the answer to GET \(server.url)\(path) is larger than 1KiB")
                #expect(error.hint == "raise `max_size` if that is expected")
                #expect(!error.isTransient)
            }
            let exact = try await fetch(["url": .string(server.url + "/told"), "max_size": 1025])
            #expect(exact["status"] == 200)
        }
    }

    @Test("a server that says nothing runs into the time-out")
    func timeout() async throws {
        let clock = ManualClock()
        try await TestServer.run { _ in
            .silence
        } body: { server in
            async let failure = failedFetch(["url": .string(server.url), "timeout": "20s"], clock: clock)
            await clock.waitForSleepers()
            clock.advance(by: .seconds(20))
            let error = try await failure
            #expect(error.code == "http-timeout")
            #expect(error.message == "GET \(server.url)/ was not answered within 20s")
            #expect(error.hint == "raise `timeout` if the server is slow")
            #expect(error.isTransient)
        }
    }

    @Test("a cancelled fetch ends at once, as cancelled")
    func cancelled() async throws {
        let (asked, ask) = AsyncStream<Void>.makeStream()
        try await TestServer.run { _ in
            ask.yield()
            return .silence
        } body: { server in
            let task = Task { try await fetch(["url": .string(server.url)]) }
            for await _ in asked { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
