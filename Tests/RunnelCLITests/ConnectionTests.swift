import HTTPTestServer
import TestSupport
import Testing

@Suite("A chat and an MCP server that cannot be reached", .timeLimit(.minutes(5))) struct ConnectionTests {
    /// What a run of a chat, a run of a tool and `doctor` say.
    private func words(_ url: String, _ network: String) async throws -> (chat: String, tool: String, doctor: String) {
        let files = [
            "runnel.yaml": "http: \(network)\nmarketplace: { base_url: \"\(url)\", auth: none, agent_id: a }\n",
            "plugins/m/plugin.yaml": "name: m\nversion: '1'\nprotocol: mcp\ntransport: http\nurl: \(url)/mcp\n",
            "c.yaml": "steps: [ { uses: chat, with: { prompt: hi } } ]\n", "m.yaml": "steps: [ { uses: m.x } ]\n",
        ]
        return try await withProject(files) { runnel in
            (
                try await runnel.run(["run", "c", "--no-journal"]).error,
                try await runnel.run(["run", "m", "--no-journal"]).error, try await runnel.run(["doctor"]).output
            )
        }
    }

    @Test("for a certificate, says which one is missing and where it is set")
    func certificates() async throws {
        try await Peers.run { peers in
            let tls = "https://localhost:\(peers["tls"])"
            let untrusted = try await words(tls, "{}")
            let advice = """
                check the server's certificate and that the base URL's scheme and port belong together; \
                `http.tls.ca` in runnel.yaml or SSL_CERT_FILE trusts an authority of your own; \
                `http.tls.certificate` and `http.tls.key` are the client certificate
                """
            #expect(
                untrusted.chat.contains(
                    "no secure connection to \(tls)/v1/chat/completions: the server's certificate is not trusted [tls-failed]"
                ), "\(untrusted.chat)")
            #expect(untrusted.chat.contains("= \(advice)\n"), "\(untrusted.chat)")
            #expect(untrusted.doctor.contains("= \(advice)\n"), "\(untrusted.doctor)")
            #expect(
                untrusted.tool.contains(
                    "could not be reached: no secure connection, its certificate is not trusted (check the server's certificate, and that scheme and port belong together; an authority of your own is trusted by `http.tls.ca` in runnel.yaml or SSL_CERT_FILE)\n"
                ), "\(untrusted.tool)")

            let mutual = "https://localhost:\(peers["mutual"])"
            let wanted = "the server wants a client certificate, or does not accept the one that it got"
            let unshown = try await words(mutual, "{ tls: { ca: \(peers.folder)/ca.pem } }")
            #expect(
                unshown.chat.contains(
                    "no secure connection to \(mutual)/v1/chat/completions: \(wanted) [tls-failed]"),
                "\(unshown.chat)")
            #expect(
                unshown.tool.contains(
                    "could not be reached: no secure connection, \(wanted) (set `http.tls.certificate` and `http.tls.key` in runnel.yaml)\n"
                ), "\(unshown.tool)")
        }
    }

    @Test("for an answer with a status below 100, says that it is not HTTP, and the process keeps running")
    func notHTTP() async throws {
        try await TestServer.run { _ in
            .raw("HTTP/1.1 000 None\r\nContent-Length: 2\r\n\r\nhi")
        } body: { server in
            let said = try await words(server.url, "{}")
            #expect(
                said.chat.contains(
                    "no connection to \(server.url)/v1/chat/completions: the server does not speak HTTP [connection-failed]"
                ), "\(said.chat)")
            #expect(
                said.tool.contains(
                    "could not be reached: what came back is not HTTP (check that scheme and port belong together)\n"),
                "\(said.tool)")
            #expect(
                said.doctor.contains("no connection to \(server.url): the server does not speak HTTP\n"),
                "\(said.doctor)")
        }
    }

    @Test(
        "for an MCP server whose answer cannot be decompressed, says so",
        arguments: [
            ("foo", #"answered with the content encoding "foo", which is not supported"#),
            ("gzip", "answered with a body that is not gzip, as its header says"),
        ])
    func compression(coding: String, words: String) async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "application/json"), ("content-encoding", coding)], #"{"jsonrpc":"2.0"}"#)
        } body: { server in
            let said = try await self.words(server.url, "{}")
            #expect(said.tool.contains(words), "\(said.tool)")
        }
    }

    @Test("for a proxy, says that it refuses, or that it cannot be reached")
    func proxies() async throws {
        try await Peers.run { peers in
            let url = "https://service.test:\(peers["tls"])"
            let closed = "http://me:wrong@127.0.0.1:\(peers["closed"])"
            let refused = try await words(url, "{ proxy: '\(closed)' }")
            #expect(
                refused.chat.contains(
                    "the proxy refused the connection to \(url)/v1/chat/completions: it wants other credentials (407) [proxy-refused]"
                ), "\(refused.chat)")
            #expect(
                refused.doctor.contains(
                    "= check the proxy's address and its credentials: `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY\n"
                ), "\(refused.doctor)")
            #expect(
                refused.tool.contains(
                    "could not be reached: the proxy refused it, it wants other credentials (407) (check `http.proxy`"),
                "\(refused.tool)")

            let dead = "127.0.0.1:\(try #require(refusingPort()))"
            let unreached = try await words(url, "{ proxy: 'http://\(dead)' }")
            #expect(
                unreached.doctor.contains("no connection to the proxy \(dead): the connection was refused\n"),
                "\(unreached.doctor)")
            #expect(
                unreached.chat.contains(
                    "no connection to the proxy \(dead): the connection was refused (tried 4 times) [connection-failed]"
                ), "\(unreached.chat)")
            #expect(
                unreached.tool.contains(
                    "could not be reached: no connection to the proxy http://\(dead), the connection was refused (check that the proxy runs"
                ), "\(unreached.tool)")
        }
    }
}
