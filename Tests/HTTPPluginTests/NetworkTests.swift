import AsyncHTTPClient
import Foundation
import HTTPTestServer
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import RunnelKit
import RunnelSupport
import RunnelTesting
import TestSupport
import Testing

@testable import HTTPPlugin
@testable import RunnelHTTP

@Suite("The network") struct NetworkTests {
    // MARK: - Proxies

    private func proxy(_ url: String, _ settings: Value, _ environment: [String: String]) throws -> String? {
        let network = Network(try NetworkSettings(field: settings)) { environment[$0] }
        return try network.proxy(for: HTTPURL(url))?.shown
    }

    @Test("the environment names the proxies, and the hosts that are reached without one")
    func environment() throws {
        let both = [
            "HTTPS_PROXY": "http://secure:1", "HTTP_PROXY": "plain:2", "NO_PROXY": "x.test, .y.test,10.0.0.0/8,z:81",
        ]
        #expect(try proxy("https://a.test/", [:], both) == "http://secure:1")
        #expect(try proxy("http://a.test/", [:], both) == "http://plain:2")
        for url in [
            "https://x.test", "http://b.x.test", "https://y.test", "http://a.y.test", "http://10.1.2.3", "http://z:81",
        ] {
            #expect(try proxy(url, [:], both) == nil, "\(url)")
        }
        for url in ["https://ax.test", "https://11.0.0.1", "http://z:82"] {
            #expect(try proxy(url, [:], both) != nil, "\(url)")
        }
        #expect(
            try proxy("https://a.test", [:], ["https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"])
                == "http://low:1")
        #expect(try proxy("https://a.test", [:], ["ALL_PROXY": "socks5://s"]) == "socks5://s:1080")
        #expect(try proxy("https://a.test", [:], ["HTTPS_PROXY": "http://p:1", "no_proxy": "*"]) == nil)
        #expect(try proxy("https://a.test", [:], ["HTTPS_PROXY": ""]) == nil)
    }

    @Test("settings take precedence over the environment")
    func settings() throws {
        let environment = ["HTTPS_PROXY": "http://env:1", "NO_PROXY": "a.test"]
        #expect(try proxy("https://b.test", ["proxy": "http://own:2"], environment) == "http://own:2")
        #expect(try proxy("https://a.test", ["proxy": "http://own:2"], environment) == nil)
        #expect(try proxy("https://a.test", ["no_proxy": ["c.test"]], environment) == "http://env:1")
        #expect(try proxy("https://b.test", ["proxy": "none"], environment) == nil)
    }

    @Test(
        "a proxy that is no URL is said so, without its password",
        arguments: [
            ("ftp://u:hidden@p", "the proxy \"ftp://***@p\" is not a URL"),
            ("u:hid#den@p", "the proxy \"***@p\" is not a URL"), ("word", "the proxy \"word\" is not a URL"),
            (
                "https://u:hidden@p:3128",
                "the proxy \"https://***@p:3128\" is to be reached with TLS, which is not supported"
            ),
        ])
    func badProxies(text: String, message: String) throws {
        let error = try #require(throws: FieldError.self) { try Proxy(text) }
        #expect(error.message == message)
        let problem = try #require(throws: StepError.self) { try proxy("https://a", [:], ["HTTPS_PROXY": text]) }
        #expect(problem.code == "bad-proxy")
        #expect(problem.message == "the environment variable HTTPS_PROXY: \(message)")
    }

    @Test("of a proxy that cannot be used, the variable that names it is said")
    func badVariables() throws {
        for name in ["ALL_PROXY", "all_proxy", "http_proxy"] {
            let problem = try #require(throws: StepError.self) { try proxy("http://a", [:], [name: "socks://p:1"]) }
            #expect(problem.message == "the environment variable \(name): the proxy \"socks://p:1\" is not a URL")
            #expect(problem.hint == "write it such as \"socks5://proxy.example:1080\"")
        }
    }

    @Test("user and password for a SOCKS5 proxy are refused, wherever they stand")
    func proxyCredentials() throws {
        let message = "user and password are not supported for a SOCKS5 proxy"
        let settings: [Value] = [
            ["proxy": "socks5://me:hidden@p"], ["proxy": "socks5://p", "proxy_credentials": "me:hidden"],
        ]
        for (settings, key) in zip(settings, ["proxy", "proxy_credentials"]) {
            let error = try #require(throws: FieldError.self) { try NetworkSettings(field: settings) }
            #expect(error.message == message)
            #expect(error.path == [.key(key)])
            #expect(error.hint == "use a proxy that wants no password, or an HTTP proxy")
        }
        let inURL = try #require(throws: StepError.self) {
            try proxy("http://a", [:], ["ALL_PROXY": "socks5h://me:hidden@p"])
        }
        #expect(inURL.message == "the environment variable ALL_PROXY: \(message)")
        let beside = try #require(throws: StepError.self) {
            try proxy("http://a", ["proxy_credentials": "me:hidden"], ["ALL_PROXY": "socks5://p"])
        }
        #expect(beside.code == "bad-proxy")
        #expect(beside.message == "`http.proxy_credentials`: \(message)")
        #expect(
            try proxy("http://a", ["proxy_credentials": "me:hidden"], ["ALL_PROXY": "http://p:1"]) == "http://p:1")
    }

    @Test(
        "what a SOCKS5 proxy answers is said, with its name",
        arguments: [
            ("\u{05}\u{00}\u{05}\u{02}\u{00}\u{01}\0\0\0\0\0\0", "it does not allow it", false),
            ("\u{05}\u{00}\u{05}\u{05}\u{00}\u{01}\0\0\0\0\0\0", "the server refused it", true),
            ("\u{05}\u{00}\u{05}\u{04}\u{00}\u{01}\0\0\0\0\0\0", "it does not reach the server", true),
            ("\u{05}\u{00}\u{05}\u{01}\u{00}\u{01}\0\0\0\0\0\0", "it reports a failure", true),
            ("\u{05}\u{00}\u{05}\u{63}\u{00}\u{01}\0\0\0\0\0\0", "it answered with the SOCKS5 reply 99", false),
            ("\u{05}\u{02}", "it wants a user and a password, which are not supported for SOCKS5", false),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "it does not speak SOCKS5", false),
            ("", "it closed the connection", true),
        ])
    func socks(answer: String, why: String, isTransient: Bool) async throws {
        let proxy = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FixedAnswer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let url = "socks5://127.0.0.1:\(proxy.localAddress?.port ?? 0)"
        let error = try #require(try await fetch("http://service.test/a", ["proxy": .string(url)]).failure)
        #expect(error.code == "proxy-refused")
        #expect(
            error.message == "GET http://service.test/a failed: the proxy \(url) made no connection, \(why)")
        #expect(error.isTransient == isTransient)
        try await proxy.close()
    }

    /// Answers the first bytes of a connection with the same text, whatever they are.
    private final class FixedAnswer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let text: String

        init(_ text: String) { self.text = text }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            if text.isEmpty { context.close(promise: nil) }
        }
    }

    @Test("https goes through the proxy by CONNECT, plain http with the whole URL", .timeLimit(.minutes(5)))
    func proxied() async throws {
        try await Peers.run { peers in
            let tls: Value = ["ca": .string(peers.folder + "/ca.pem")]
            let environment = [
                "HTTPS_PROXY": "http://127.0.0.1:\(peers["proxy"])", "http_proxy": "127.0.0.1:\(peers["proxy"])",
            ]
            let secure = try await fetch(
                "https://service.test:\(peers["tls"])/a", ["tls": tls], environment: environment)
            #expect(try secure.get()["body"]?["path"] == "/a")
            #expect(try peers.proxied()["line"] == .string("CONNECT service.test:\(peers["tls"])"))

            let plain = try await fetch("http://intranet.test/b?c=1", environment: environment)
            #expect(try plain.get()["body"] == "forwarded http://intranet.test/b?c=1")
            let seen = try peers.proxied()
            #expect(seen["line"] == "GET http://intranet.test/b?c=1")
            #expect(seen["host"] == "intranet.test")
            #expect(seen["extra"] == false)

            let settings: Value = [
                "proxy": .string("http://127.0.0.1:\(peers["closed"])"), "proxy_credentials": "me:pass:word",
                "tls": tls,
            ]
            let allowed = try await fetch("https://service.test:\(peers["tls"])/c", settings)
            #expect(try allowed.get()["status"] == 200)
            #expect(try peers.proxied()["authorization"] == "Basic bWU6cGFzczp3b3Jk")

            let refused = try await fetch(
                "https://service.test:\(peers["tls"])/d",
                ["proxy": .string("http://me:wrong@127.0.0.1:\(peers["closed"])")])
            let error = try #require(refused.failure)
            #expect(error.code == "proxy-refused")
            #expect(
                error.message
                    == "GET https://service.test:\(peers["tls"])/d failed: the proxy refused it, it wants other credentials (407)"
            )
        }
    }

    @Test("the error for a header field that the HTTP client refuses does not show its value")
    func headerField() {
        let problem = TransportProblem(
            HTTPClientError.invalidHeaderFieldValues(["Bearer s3cr3t\n"]), host: "a.example", proxy: nil)
        #expect(problem == .other("Invalid header field values"))
    }

    @Test("a TLS handshake or a proxy that takes too long is a transient problem")
    func slowHandshake() throws {
        let proxy = try Proxy("http://proxy.example:3128")
        func problem(_ cause: HTTPClientError, _ proxy: Proxy? = nil) -> TransportProblem {
            TransportProblem(cause, host: "a.example", proxy: proxy)
        }
        #expect(problem(.tlsHandshakeTimeout) == .connectTimeout)
        #expect(problem(.tlsHandshakeTimeout, proxy) == .connectTimeout)
        #expect(TransportProblem.connectTimeout.isTransient)
        let unreachable = TransportProblem.proxyUnreachable(
            proxy: "http://proxy.example:3128", "no connection within 10s")
        #expect(problem(.httpProxyHandshakeTimeout, proxy) == unreachable)
        #expect(problem(.socksHandshakeTimeout, proxy) == unreachable)
        #expect(unreachable.isTransient)
    }

    @Test("a proxy that cannot be reached is named", arguments: ["http", "https"])
    func deadProxy(scheme: String) async throws {
        let port = try #require(refusingPort())
        let proxy = ["HTTPS_PROXY": "http://127.0.0.1:\(port)", "HTTP_PROXY": "http://127.0.0.1:\(port)"]
        let error = try #require(try await fetch("\(scheme)://service.test/a", environment: proxy).failure)
        #expect(error.code == "proxy-unreachable")
        #expect(
            error.message
                == "GET \(scheme)://service.test/a failed: no connection to the proxy http://127.0.0.1:\(port), the connection was refused"
        )
        #expect(
            error.hint == "check that the proxy runs, and `http.proxy` in runnel.yaml, or HTTPS_PROXY and HTTP_PROXY")
        // Longer than a name may be, so that nobody is asked for it.
        let host = String(repeating: "a", count: 64) + ".invalid"
        let unknown = try await fetch(
            "\(scheme)://127.0.0.1:\(port)/a",
            environment: ["HTTPS_PROXY": "http://\(host):1", "HTTP_PROXY": "http://\(host):1"])
        #expect(
            unknown.failure?.message
                == "GET \(scheme)://127.0.0.1:\(port)/a failed: no connection to the proxy http://\(host):1, the host \"\(host)\" has no address"
        )
    }

    // MARK: - Answers that are not HTTP

    @Test(
        "a status below 100 is no HTTP, and does not end the process, whichever way leads to the server",
        arguments: [
            "000 None\r\nContent-Length: 0\r\n\r\n", "000 None\r\n\r\nuntil the end",
            "099 None\r\nContent-Length: 2\r\n\r\nhi",
            "001 None\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "000 None\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "100 Continue\r\n\r\nHTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n",
        ])
    func invalidStatus(answer: String) async throws {
        try await TestServer.run { _ in
            .raw("HTTP/1.1 " + answer)
        } body: { server in
            for method in ["GET", "HEAD", "POST"] {
                let with: ValueObject = ["method": .string(method)]
                let ways = [
                    try await fetch(server.url + "/a", with: with),
                    try await fetch(server.url + "/a", ["allow": ["127.0.0.1"]], with: with, untrusted: ["url": ""]),
                    try await fetch(
                        "http://intranet.test/a", environment: ["HTTP_PROXY": server.url], with: with),
                ]
                for (way, url) in zip(ways, [server.url, server.url, "http://intranet.test"]) {
                    #expect(way.failure?.code == "not-http")
                    #expect(way.failure?.message == "\(method) \(url)/a failed: what came back is not HTTP")
                    #expect(way.failure?.isTransient == false)
                }
            }
        }
    }

    @Test("all clients speak HTTP/1.1 alone")
    func version() throws {
        let network = Network { _ in nil }
        #expect(try network.configuration(for: "https://a.test", from: .init()).httpVersion == .http1Only)
    }

    // MARK: - Certificates

    @Test(
        "an authority of one's own is trusted by setting or environment, and a client certificate is shown",
        .timeLimit(.minutes(5)))
    func certificates() async throws {
        try await Peers.run { peers in
            let file = { (name: String) in Value.string(peers.folder + "/" + name) }
            let url = "https://localhost:\(peers["tls"])/"
            let unknown = try await fetch(url)
            #expect(unknown.failure?.code == "tls-failed")
            #expect(
                unknown.failure?.message == "GET \(url) failed: no secure connection, its certificate is not trusted")
            #expect(unknown.failure?.hint?.contains("`http.tls.ca` in runnel.yaml or SSL_CERT_FILE") == true)
            #expect(try await fetch(url, ["tls": ["ca": file("ca.pem")]]).get()["status"] == 200)
            #expect(
                try await fetch(url, environment: ["SSL_CERT_FILE": peers.folder + "/ca.pem"]).get()["status"] == 200)

            let mutual = "https://localhost:\(peers["mutual"])/"
            let unshown = try #require(try await fetch(mutual, ["tls": ["ca": file("ca.pem")]]).failure)
            #expect(
                unshown.message
                    == "GET \(mutual) failed: no secure connection, the server wants a client certificate, or does not accept the one that it got"
            )
            #expect(unshown.hint == "set `http.tls.certificate` and `http.tls.key` in runnel.yaml")
            let known = try await fetch(
                mutual, ["tls": ["ca": file("ca.pem"), "certificate": file("client.pem"), "key": file("client.key")]])
            #expect(try known.get()["body"]?["client"] == "client")

            let missing = try await fetch(url, ["tls": ["ca": "/nowhere/ca.pem"]])
            #expect(missing.failure?.code == "bad-tls-settings")
            #expect(
                missing.failure?.message == "`http.tls.ca`: cannot read \"/nowhere/ca.pem\": there is no such file")
            let wrong = try await fetch(url, ["tls": ["ca": file("names")]])
            #expect(
                wrong.failure?.message == "`http.tls.ca`: \"\(peers.folder)/names\" is not a PEM file of that kind")
        }
    }

    @Test(
        "changed certificate files are used within seconds; while certificate and key do not match, the former ones are",
        .timeLimit(.minutes(5)))
    func changedCertificates() async throws {
        try await Peers.run { peers in
            let (certificate, key) = (peers.folder + "/own.pem", peers.folder + "/own.key")
            func put(_ name: String, at place: String) throws {
                try String(contentsOfFile: peers.folder + "/" + name, encoding: .utf8)
                    .write(toFile: place, atomically: true, encoding: .utf8)
            }
            try put("client.pem", at: certificate)
            try put("client.key", at: key)
            let settings: Value = ["tls": ["certificate": .string(certificate), "key": .string(key)]]
            let network = Network(try NetworkSettings(field: settings)) { _ in nil }
            let start = ContinuousClock.now
            func chain(after seconds: Int) throws -> [NIOSSLCertificateSource] {
                try network.tls(at: start + .seconds(seconds))?.certificateChain ?? []
            }
            let first = try chain(after: 0)
            #expect(!first.isEmpty)
            try put("server.pem", at: certificate)
            #expect(try chain(after: 6) == first)
            #expect(
                Network(try NetworkSettings(field: settings)) { _ in nil }.findings == [
                    .problem(
                        "network",
                        "`http.tls`: the certificate \"\(certificate)\" and the key \"\(key)\" do not match",
                        "use the key that the certificate was made for")
                ])
            try put("server.key", at: key)
            #expect(try chain(after: 7) == first)
            let second = try chain(after: 12)
            #expect(second != first)
            try FileManager.default.removeItem(atPath: key)
            #expect(try chain(after: 20) == second)
        }
    }

    @Test("doctor names the proxy, or what is wrong")
    func findings() throws {
        func findings(_ settings: Value, _ environment: [String: String] = [:]) throws -> [HealthFinding] {
            Network(try NetworkSettings(field: settings)) { environment[$0] }.findings
        }
        #expect(try findings([:]).isEmpty)
        #expect(
            try findings([:], ["HTTPS_PROXY": "http://me:hidden@p:3128"])
                == [.good("network", "requests go through the proxy http://p:3128")])
        #expect(
            try findings(["tls": ["ca": "/nowhere/ca.pem"]])
                == [
                    .problem(
                        "network", "`http.tls.ca`: cannot read \"/nowhere/ca.pem\": there is no such file",
                        "create the file, change the path, or let the user who runs Runnel read it")
                ])
    }

    // MARK: - Addresses

    @Test(
        "addresses that are not the public internet's are private",
        arguments: [
            ("127.0.0.1", true), ("10.1.2.3", true), ("172.16.0.1", true), ("172.32.0.1", false), ("192.168.1.1", true),
            ("169.254.169.254", true), ("100.64.0.1", true), ("0.0.0.0", true), ("224.0.0.1", true), ("8.8.8.8", false),
            ("[::1]", true), ("[::]", true), ("[fe80::1%eth0]", true), ("[fd00::1]", true), ("[::ffff:10.0.0.1]", true),
            ("[::ffff:8.8.8.8]", false), ("[64:ff9b::a00:1]", true), ("[2002:a00:1::]", true),
            ("[2606:4700::1]", false),
            ("[::7f00:1]", true),
        ])
    func privateAddresses(text: String, isPrivate: Bool) throws {
        #expect(try #require(IPAddress(text)).isPrivate == isPrivate)
    }

    @Test("a URL from a trigger does not reach a private address, also not by name or redirect; others do")
    func policy() async throws {
        try await TestServer.run { request in
            request.uri == "/away" ? .reply(302, [("location", "http://10.0.0.1:9/")]) : .reply(200)
        } body: { server in
            let outside = ["url": ""]
            let denied = try await fetch(server.url, untrusted: outside)
            #expect(denied.failure?.code == "address-denied")
            #expect(
                denied.failure?.message == "GET \(server.url)/ was not sent: \"127.0.0.1\" is a private address")
            let name = "http://localhost:\(server.port)/"
            #expect(try await fetch(name, untrusted: outside).failure?.code == "address-denied")
            #expect(server.requests.isEmpty)

            #expect(try await fetch(server.url).get()["status"] == 200)
            #expect(try await fetch(server.url, untrusted: ["url": server.url + "/"]).get()["status"] == 200)
            #expect(try await fetch(server.url, untrusted: ["other": ""]).get()["status"] == 200)
            #expect(
                try await fetch(server.url, ["private_addresses": "allow"], untrusted: outside).get()["status"] == 200)
            #expect(try await fetch(server.url, ["private_addresses": "deny"]).failure?.code == "address-denied")
            #expect(try await fetch(server.url, ["allow": ["127.0.0.0/8"]], untrusted: outside).get()["status"] == 200)
            #expect(try await fetch(name, ["allow": ["localhost"]], untrusted: outside).get()["status"] == 200)

            let away = try await fetch(server.url + "/away", ["allow": ["127.0.0.1"]], untrusted: outside)
            #expect(away.failure?.code == "address-denied")
            #expect(away.failure?.message == "GET http://10.0.0.1:9/ was not sent: \"10.0.0.1\" is a private address")
        }
    }

    @Test("a host from data does not reach a metadata address, also not by redirect, unless it is allowed")
    func metadata() async throws {
        try await TestServer.run { request in
            request.uri == "/away" ? .reply(302, [("location", "http://169.254.169.254:9/")]) : .reply(200)
        } body: { server in
            let data = ["url": ""]
            for host in [
                "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "100.100.100.200",
            ] {
                #expect(try await fetch("http://\(host):9/", data: data).failure?.code == "address-denied", "\(host)")
            }
            #expect(try await fetch(server.url, data: data).get()["status"] == 200)
            for source in [data, [:]] {
                let away = try await fetch(server.url + "/away", data: source)
                #expect(
                    away.failure?.message
                        == "GET http://169.254.169.254:9/ was not sent: \"169.254.169.254\" is a private address")
            }
            let policy = AddressPolicy(try NetworkSettings(field: ["allow": ["169.254.0.0/16"]]))
            #expect(policy.permits(try #require(IPAddress("169.254.169.254")), under: .metadata))
            #expect(policy.refusal(for: try HTTPURL("http://169.254.169.254/"), from: .author) == nil)
        }
    }

    @Test("a connection that reached a private address after the check sends nothing")
    func rebinding() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            // The check lets names through that do not resolve; here the policy's list does, by name, and the connection
            // is looked at by address.
            var settings = NetworkSettings()
            settings.privateAddresses = .deny
            let sender = NetworkSender(
                network: Network(settings) { _ in nil }, configuration: HTTPClientService.configuration)
            let client = try sender.guardedClient()
            let call = HTTPCall(
                method: "POST", url: try HTTPURL(server.url), headers: [:], body: [1], bodyLimit: .fail(bytes: 100))
            await #expect(throws: TransportProblem.addressDenied("127.0.0.1")) { try await call.send(with: client) }
            await sender.shutDown()
            #expect(server.requests.isEmpty)
        }
    }

    @Test("a host that the author wrote out is not the trigger's")
    func literalHosts() throws {
        var context = StepHarness().context
        for (prefix, isOpen) in [
            ("", true), ("https://", true), ("https://a.test", true), ("https://a.test:1", true),
            ("https://a.test/", false),
            ("https://a.test?q=", false), ("http", true),
        ] {
            context.dataKeys = ["url": prefix]
            context.isFromOutside = true
            #expect(context.hostSource(ofURLAt: "url") == (isOpen ? .outside : .author), "\(prefix)")
            context.isFromOutside = false
            #expect(context.hostSource(ofURLAt: "url") == (isOpen ? .data : .author), "\(prefix)")
            #expect(context.hostSource(ofURLAt: "other") == .author)
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
