import RunnelKit
import RunnelSupport
import RunnelTesting
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Signing in to the dashboard", .timeLimit(.minutes(5))) struct SignInTests {
    @Test("pages lead to the sign-in page, and from there back")
    func redirects() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = Browsing(server: server)
            let answer = try await browser.get("/runs?state=failed")
            #expect(answer.status == 303)
            #expect(answer.headers["location"] == "/sign-in?to=%2Fruns%3Fstate%3Dfailed")
            let page = try await browser.page("/sign-in")
            #expect(page.contains("The token of <code>server.token</code> in runnel.yaml."))
            let signedIn = try await browser.send(
                "/sign-in", ["token": Browsing.token, "to": "/runs?state=failed"], isSignedIn: false)
            #expect(signedIn.status == 303)
            #expect(signedIn.headers["location"] == "/runs?state=failed")
        }
    }

    @Test("the session's cookie is signed, expires, and is hidden from scripts and other sites")
    func cookie() async throws {
        try await ServerRig.dashboard().serve { server in
            let answer = try await Browsing(server: server).send(
                "/sign-in", ["token": Browsing.token], isSignedIn: false)
            let cookie = try #require(answer.headers["set-cookie"])
            #expect(cookie.hasSuffix("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict"))
            #expect(!cookie.contains(Browsing.token))
            let value = String(cookie.prefix { $0 != ";" })
            #expect(try await Browsing(server: server, cookie: value).get("/").status == 200)
            let forged = value.replacing("token.", with: "other.")
            #expect(try await Browsing(server: server, cookie: forged).get("/").status == 303)
            #expect(try await Browsing(server: server, cookie: String(value.dropLast()) + "x").get("/").status == 303)
        }
        let one = APIToken(name: "a.b", value: "one", scope: .run)
        let sessions = DashboardSessions(tokens: Watched([one]), signOuts: SignOuts(journal: MemoryJournal()))
        #expect(sessions.redeem(sessions.makeLinkCode(for: "a.b", now: 0), now: 599_000_000_000) == one)
        #expect(sessions.redeem(sessions.makeLinkCode(for: "a.b", now: 0), now: 601_000_000_000) == nil)
        let short = sessions.makeLinkCode(for: "a.b", within: 60, now: 0)
        #expect(sessions.redeem(short, now: 61_000_000_000) == nil)
        #expect(sessions.makeCookie(for: one, now: 0).split(separator: ".").count == 4)
    }

    @Test("a session ends when it expires or is signed out, and other sessions of its token stay valid")
    func sessionEnd() async throws {
        let token = APIToken(name: "a", value: "one", scope: .run)
        let sessions = DashboardSessions(tokens: Watched([token]), signOuts: SignOuts(journal: MemoryJournal()))
        let (cookie, other) = (sessions.makeCookie(for: token, now: 0), sessions.makeCookie(for: token, now: 0))
        let end = DashboardSessions.lifetime * 1_000_000_000
        #expect(sessions.session(ofCookie: cookie, now: end - 1)?.caller == "a")
        #expect(sessions.session(ofCookie: cookie, now: end) == nil)
        try await sessions.signOut(cookie: cookie, now: 1)
        #expect(sessions.session(ofCookie: cookie, now: 2) == nil)
        #expect(sessions.session(ofCookie: other, now: 2)?.caller == "a")
    }

    @Test("a session that is signed out ends on all servers that share the journal, also after a restart")
    func sharedSignOut() async throws {
        let journal = MemoryJournal()
        let token = APIToken(name: "a.b", value: "one", scope: .run)
        func server() -> DashboardSessions {
            DashboardSessions(tokens: Watched([token]), signOuts: SignOuts(journal: journal))
        }
        let (one, two) = (server(), server())
        let (cookie, other) = (one.makeCookie(for: token, now: 0), one.makeCookie(for: token, now: 0))
        let start = ContinuousClock.now
        #expect(await two.admittedSession(ofCookie: cookie, now: 1, at: start) != nil)
        try await one.signOut(cookie: cookie, now: 2)
        let later = start + SignOuts.interval
        for sessions in [one, two, server()] {
            #expect(await sessions.admittedSession(ofCookie: cookie, now: 3, at: later) == nil)
            #expect(await sessions.admittedSession(ofCookie: other, now: 3, at: later)?.caller == "a.b")
        }
        let memory = journal.memory(of: .signOuts)
        let kept = try await memory.values(prefix: "cookie ")
        #expect(kept.count == 1)
        #expect(kept.first?.value == .int(DashboardSessions.lifetime))
        #expect(kept.first?.key.contains(cookie) == false)
        // Cookies that have expired are forgotten.
        let end = DashboardSessions.lifetime * 1_000_000_000
        let new = one.makeCookie(for: token, now: end)
        try await one.signOut(cookie: new, now: end + 1)
        #expect(try await memory.values(prefix: "cookie ").map(\.value) == [.int(2 * DashboardSessions.lifetime)])
    }

    @Test("a sign-out that the journal cannot store leaves the session signed in, and can be repeated")
    func failedSignOut() async throws {
        let token = APIToken(name: "a", value: "one", scope: .run)
        var journal = HeldJournal()
        journal.memoryFailure = JournalError(.full, "the disk is full")
        let sessions = DashboardSessions(tokens: Watched([token]), signOuts: SignOuts(journal: journal))
        let cookie = sessions.makeCookie(for: token, now: 0)
        for _ in 1...2 {
            await #expect(throws: JournalError.self) { try await sessions.signOut(cookie: cookie, now: 1) }
            #expect(await sessions.admittedSession(ofCookie: cookie, now: 1)?.caller == "a")
        }
    }

    @Test("a link does not sign in once the value of its token is replaced")
    func linkOfReplacedToken() {
        let tokens = Watched([APIToken(name: "a", value: "one", scope: .run)])
        let sessions = DashboardSessions(tokens: tokens, signOuts: SignOuts(journal: MemoryJournal()))
        let code = sessions.makeLinkCode(for: "a", now: 0)
        tokens.update { $0 = [APIToken(name: "a", value: "two", scope: .run)] }
        #expect(sessions.redeem(code, now: 1) == nil)
        #expect(sessions.redeem(sessions.makeLinkCode(for: "a", now: 1), now: 2)?.value == "two")
    }

    @Test("a token has at most 32 links, and they do not replace those of other tokens")
    func maximumLinks() {
        let one = APIToken(name: "a", value: "one", scope: .admin)
        let other = APIToken(name: "b", value: "two", scope: .read)
        let sessions = DashboardSessions(tokens: Watched([one, other]), signOuts: SignOuts(journal: MemoryJournal()))
        let code = sessions.makeLinkCode(for: "a", now: 0)
        let codes = (Int64(1)...33).map { sessions.makeLinkCode(for: "b", now: $0) }
        #expect(sessions.redeem(codes[0], now: 40) == nil)
        #expect(sessions.redeem(codes[1], now: 40) == other)
        #expect(sessions.redeem(code, now: 40) == one)
    }

    @Test("the name of the session cookie contains the port, because browsers send cookies to all ports of a host")
    func cookieName() async throws {
        try await ServerRig.dashboard().serve { server in
            for (host, name) in [
                ("localhost:8790", "runnel-session-8790"), ("localhost", "runnel-session"),
                ("[::1]:80", "runnel-session-80"), ("[::1]", "runnel-session"),
            ] {
                let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Host", host)]
                let answer = try await server.call("POST", "/sign-in", headers, body: "token=\(Browsing.token)")
                let cookie = String(try #require(answer.headers["set-cookie"]).prefix { $0 != ";" })
                #expect(cookie.hasPrefix(name + "="))
                #expect(try await server.call("GET", "/", [("Host", host), ("Cookie", cookie)]).status == 200)
                let elsewhere = [("Host", "localhost:1"), ("Cookie", cookie)]
                #expect(try await server.call("GET", "/", elsewhere).status == 303)
            }
        }
    }

    @Test("a wrong token is refused in words, and nobody is led to another site")
    func wrong() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = Browsing(server: server)
            let wrong = try await browser.send("/sign-in", ["token": "guess"], isSignedIn: false)
            #expect(wrong.status == 401)
            #expect(wrong.headers["set-cookie"] == nil)
            #expect(wrong.text.contains("This is not the server&#39;s token."))
            for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y"] {
                let answer = try await browser.send(
                    "/sign-in", ["token": Browsing.token, "to": elsewhere], isSignedIn: false)
                #expect(answer.headers["location"] == "/")
            }
        }
    }

    @Test("wrong tokens are rate limited for each client address, in the API and the sign-in form")
    func guessing() async throws {
        let clock = ManualClock()
        let right = APIToken(name: "a", value: "one", scope: .run)
        let check = TokenCheck(tokens: Watched([right]), stopwatch: clock.measureStart())
        for _ in 0..<TokenCheck.attempts { #expect(try check.token("two", from: "2001:db8::1") == nil) }
        let words = "too many wrong tokens came from this address; try again in 1 s"
        for value in ["one", "two"] {
            let error = #expect(throws: APIError.self) { try check.token(value, from: "2001:db8::2") }
            #expect(error?.status == 429)
            #expect(error?.message == words)
        }
        #expect(try check.token("one", from: "2001:db8:0:1::1") == right)
        clock.advance(by: .seconds(1))
        #expect(try check.token("one", from: "2001:db8::2") == right)
        // Newer addresses evict the first one: memory is bounded.
        for number in 0..<TokenCheck.maximumClients {
            #expect(try check.token("two", from: "10.0.\(number / 256).\(number % 256)") == nil)
        }
        for _ in 0..<TokenCheck.attempts { #expect(try check.token("two", from: "2001:db8::1") == nil) }
        try await ServerRig.dashboard().serve { server in
            var status = 401
            for _ in 0..<1000 where status == 401 {
                status = try await server.call("GET", "/api/v1/status", [("Authorization", "Bearer guess")]).status
            }
            #expect(status == 429)
            for _ in 0..<1000 {
                let answer = try await Browsing(server: server).send(
                    "/sign-in", ["token": "guess"], isSignedIn: false)
                guard answer.status == 429 else { continue }
                #expect(answer.headers["retry-after"] == "1")
                #expect(answer.text.contains(words))
                return
            }
            Issue.record("the form has no limit")
        }
    }

    @Test("a link signs in once")
    func link() async throws {
        try await ServerRig.dashboard().serve { server in
            let made = try await server.call(
                "POST", "/api/v1/sign-in-links?to=/runs", [("Authorization", "Bearer \(Browsing.token)")])
            let path = try #require(try made.json()["path"]?.asString)
            let first = try await Browsing(server: server).get(path)
            // Not a redirect: after a link on another site, browsers send no `SameSite=Strict` cookie with it.
            #expect(first.status == 200)
            #expect(first.headers["refresh"] == "0; url=/runs")
            #expect(first.text.contains(#"<p>The page opens by itself.</p><p><a class="button" href="/runs">"#))
            #expect(first.headers["set-cookie"] != nil)
            let second = try await Browsing(server: server).get(path)
            #expect(second.status == 403)
            #expect(second.text.contains("the link has been used or has expired; `runnel open` makes a new one"))
            let endless = try await server.call(
                "POST", "/api/v1/sign-in-links?seconds=601", [("Authorization", "Bearer \(Browsing.token)")])
            #expect(endless.error == "bad-parameter seconds: expected a number from 1 to 600, found \"601\"")
        }
    }

    @Test("a page that is opened by a link on another site reloads itself, so that the browser sends the cookie")
    func otherSite() async throws {
        try await ServerRig.dashboard().serve { server in
            func open(_ path: String, _ site: String, _ destination: String = "document") async throws -> Answer {
                try await server.call(
                    "GET", path,
                    [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", destination)])
            }
            let opened = try await open("/runs?state=failed", "cross-site")
            #expect(opened.status == 200)
            #expect(opened.headers["refresh"] == "0; url=/runs?state=failed")
            #expect(opened.text.contains("The page opens by itself."))
            #expect(try await open("/runs", "same-origin").headers["location"] == "/sign-in?to=%2Fruns")
            #expect(try await open("/runs", "cross-site", "iframe").status == 303)
        }
    }

    @Test("a sign-in link sets a `Secure` cookie only if the link was opened over HTTPS")
    func secureLink() async throws {
        var rig = ServerRig.dashboard()
        rig.options.publicURL = PublicURL("https://runnel.example.org")
        rig.options.trustedProxies = TrustedProxies([try #require(AddressRange("127.0.0.1"))])
        try await rig.serve { server in
            for (header, isSecure) in [
                (("Host", "runnel.example.org"), true), (("X-Forwarded-Proto", "https"), true),
                (("X-Forwarded-Proto", "http"), false), (("Host", "localhost"), false),
            ] {
                let made = try await server.call(
                    "POST", "/api/v1/sign-in-links", [("Authorization", "Bearer \(Browsing.token)")])
                let path = try #require(try made.json()["path"]?.asString)
                let answer = try await server.call("GET", path, [header, ("X-Forwarded-For", "192.0.2.1")])
                let cookie = try #require(answer.headers["set-cookie"])
                #expect(cookie.hasSuffix("; Secure") == isSecure, "\(header)")
            }
        }
    }

    @Test("before sign-in, a form is limited to 16 KiB")
    func smallForms() async throws {
        try await ServerRig.dashboard().serve { server in
            for path in ["/sign-in", "/language"] {
                let answer = try await Browsing(server: server).send(
                    path, ["to": String(repeating: "a", count: 17_000)], isSignedIn: false)
                #expect(answer.status == 413)
                #expect(answer.text.contains("the form is larger than 16KiB"))
            }
        }
    }

    @Test("after sign-in, a form is limited to 1 MiB and 1000 fields")
    func largeForms() async throws {
        try await ServerRig.dashboard(["greet.yaml": Pipelines.greet]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let large = try await browser.send(
                "/pipelines/greet/start", ["input.who": String(repeating: "a", count: 1_100_000)])
            #expect(large.status == 413)
            #expect(large.text.contains("the form is larger than 1MiB"))
            let many = try await server.call(
                "POST", "/runs/selected",
                [
                    ("Cookie", try #require(browser.cookie)), ("Content-Type", "application/x-www-form-urlencoded"),
                ], body: String(repeating: "run=a&", count: 1001))
            #expect(many.status == 413)
            #expect(many.text.contains("the form has more than 1000 fields"))
        }
    }

    @Test("forms need the token of the page and the page's own origin")
    func forgery() async throws {
        try await ServerRig.dashboard(["g.yaml": Pipelines.gate]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try #require(
                try await server.post(
                    "/api/v1/pipelines/gate/runs", "", [("Authorization", "Bearer \(Browsing.token)")]
                ).run)
            let bare = try await browser.send("/runs/\(run)/cancel", [:], isSignedIn: false)
            #expect(bare.status == 403)
            #expect(bare.text.contains("the page is out of date; load it again, then repeat the action"))
            let foreign = try await browser.send("/runs/\(run)/cancel", [:], [("Origin", "https://evil.example")])
            #expect(foreign.status == 403)
            #expect(foreign.text.contains("the form was sent by a page of another site"))
            let site = try await browser.send("/runs/\(run)/cancel", [:], [("Sec-Fetch-Site", "cross-site")])
            #expect(site.status == 403)
            #expect(try await server.journal.run(run)?.isCancelRequested == false)
            let signedOut = try await Browsing(server: server).send("/runs/\(run)/cancel", [:], isSignedIn: false)
            #expect(signedOut.status == 403)
            let own = try await browser.send(
                "/runs/\(run)/cancel", [:], [("Origin", "http://localhost:\(server.port)")])
            #expect(own.status == 303)
        }
    }

    @Test("a named token may do what its scope says, by REST and in the browser")
    func scopes() async throws {
        var rig = ServerRig.dashboard(["f.yaml": Pipelines.failing, "g.yaml": Pipelines.greet], secrets: ["key": "k"])
        rig.options.tokens = [
            APIToken(name: "wall", value: "wall-token", scope: .read),
            APIToken(name: "ci", value: "ci-token", scope: .run),
        ]
        try await rig.serve { server in
            func call(_ method: String, _ path: String, _ token: String) async throws -> Answer {
                try await server.call(method, "/api/v1" + path, [("Authorization", "Bearer \(token)")])
            }
            #expect(try await call("GET", "/runs", "wall-token").status == 200)
            let refused = try await call("POST", "/pipelines/failing/runs", "wall-token")
            #expect(refused.status == 403)
            #expect(refused.error == "insufficient-scope the token \"wall\" has the scope `read`; this needs `run`")
            #expect(try await call("POST", "/pipelines/failing/runs", "ci-token").status == 202)
            #expect(try await call("GET", "/audit", "ci-token").status == 403)
            let entry = try #require(try await server.journal.operators.audit(before: nil, limit: 1).first)
            #expect(entry.caller == "ci")
            let signedIn = try await Browsing(server: server).send(
                "/sign-in", ["token": "wall-token"], isSignedIn: false)
            let cookie = try #require(signedIn.headers["set-cookie"])
            let wall = Browsing(server: server, cookie: String(cookie.prefix { $0 != ";" }))
            let page = try await wall.page("/pipelines/greet")
            #expect(!page.contains("Start a run") && !page.contains("#start"))
            #expect(!page.contains(#"href="/audit""#))
            #expect(try await wall.get("/settings").status == 403)
            #expect(try await wall.send("/pipelines/greet/start", ["input.who": "x"]).status == 403)
            #expect(try await wall.send("/language", ["language": "ja"]).status == 303)
        }
    }

    @Test("without a token, this machine is admitted, and names that lead to it are not")
    func local() async throws {
        try await ServerRig().serve { server in
            #expect(try await server.call("GET", "/").status == 200)
            let rebound = try await server.call("GET", "/", [("Host", "evil.example")])
            #expect(rebound.status == 403)
            #expect(rebound.text.contains("the API answers to localhost only; a token lets others in"))
        }
    }

    @Test("a trusted proxy names who has signed in, with the scope of that name, and the audit log has it")
    func proxy() async throws {
        var rig = ServerRig.dashboard(["greet.yaml": Pipelines.greet])
        rig.options.trustedProxies = TrustedProxies([try #require(AddressRange("127.0.0.1"))])
        rig.options.signIn = ProxySignIn(
            header: "X-Forwarded-Email", scope: .read, scopes: ["ada@example.org": .admin, "bob@example.org": .run])
        try await rig.serve { server in
            func get(_ path: String, _ names: String...) async throws -> Answer {
                try await server.call("GET", path, names.map { ("X-Forwarded-Email", $0) })
            }
            #expect(try await get("/settings", "ada@example.org").status == 200)
            let runner = try await get("/settings", "bob@example.org")
            #expect(runner.status == 403)
            #expect(runner.text.contains("the token &quot;bob@example.org&quot; has the scope `run`"))
            let reader = try await get("/runs", "eve@example.org")
            #expect(reader.status == 200)
            // The proxy ends the session, not this server.
            #expect(!reader.text.contains("/sign-out"))
            for names in [[], [""], ["eve@example.org", "ada@example.org"]] {
                let answer = try await server.call("GET", "/runs", names.map { ("X-Forwarded-Email", $0) })
                #expect(answer.status == 303, "\(names)")
            }
            let page = try await get("/workers", "bob@example.org").text
            let mark = #"name="form-token" value=""#
            let form = String(page[try #require(page.firstRange(of: mark)).upperBound...].prefix { $0 != "\"" })
            let headers = [
                ("X-Forwarded-Email", "bob@example.org"), ("Content-Type", "application/x-www-form-urlencoded"),
            ]
            let started = try await server.call(
                "POST", "/pipelines/greet/start", headers, body: "input.who=you&form-token=\(form)")
            #expect(started.status == 303)
            #expect(try await server.journal.operators.audit(before: nil, limit: 1).first?.caller == "bob@example.org")
            let other = try await server.call(
                "POST", "/pipelines/greet/start", [("X-Forwarded-Email", "ada@example.org"), headers[1]],
                body: "input.who=you&form-token=\(form)")
            #expect(other.status == 403)
            #expect(try await server.call("GET", "/api/v1/audit", [headers[0]]).status == 401)
        }
    }

    @Test("with a secret, the name counts only beside the secret, and the secret reaches neither a hook nor the log")
    func proxySecret() async throws {
        let hook = Pipelines.hook(
            "verify: { scheme: none }", steps: "{ uses: template, with: { text: \"{{ trigger | tojson }}\" } }")
        var rig = ServerRig.dashboard(["h.yaml": hook])
        rig.options.trustedProxies = TrustedProxies([try #require(AddressRange("127.0.0.1"))])
        rig.options.signIn = ProxySignIn(
            header: "X-Forwarded-Email", scope: .read, scopes: [:], secret: "of-the-proxy-alone")
        try await rig.serve { server in
            let name = ("X-Forwarded-Email", "ada@example.org")
            func get(_ secrets: String...) async throws -> Answer {
                try await server.call("GET", "/runs", [name] + secrets.map { ("X-Runnel-Proxy-Secret", $0) })
            }
            #expect(try await get("of-the-proxy-alone").status == 200)
            for answer in [
                try await get(), try await get(""), try await get("of-the-proxy-alon"),
                try await get("of-the-proxy-alone!"), try await get("guess", "of-the-proxy-alone"),
                try await get("of-the-proxy-alone", "of-the-proxy-alone"),
            ] {
                #expect(answer.status == 303)
                #expect(answer.headers["location"] == "/sign-in?to=%2Fruns")
            }
            let called = try await server.call(
                "POST", "/hooks/h", [name, ("x-runnel-proxy-secret", "of-the-proxy-alone")])
            let id = try #require(called.run)
            try await server.end(of: id)
            let seen = try await server.call(
                "GET", "/api/v1/runs/\(id)", [("Authorization", "Bearer \(Browsing.token)")])
            #expect(seen.text.contains("x-forwarded-email"))
            for text in [seen.text] + server.log.lines {
                #expect(!text.contains("of-the-proxy-alone"))
                #expect(!text.lowercased().contains("x-runnel-proxy-secret"))
            }
        }
    }

    @Test("for REST and the browser, the audit log has the client address that a trusted proxy forwards")
    func clientAddress() async throws {
        var rig = ServerRig.dashboard(["greet.yaml": Pipelines.greet])
        rig.options.trustedProxies = TrustedProxies([try #require(AddressRange("127.0.0.1"))])
        try await rig.serve { server in
            let forwarded = [("X-Forwarded-For", "203.0.113.9, 192.0.2.7")]
            func origin() async throws -> String? {
                try await server.journal.operators.audit(before: nil, limit: 1).first?.origin
            }
            let started = try await server.post(
                "/api/v1/pipelines/greet/runs", #"{"inputs":{"who":"you"}}"#,
                [("Authorization", "Bearer \(Browsing.token)")] + forwarded)
            #expect(started.status == 202)
            #expect(try await origin() == "192.0.2.7")
            let browser = try await Browsing.signedIn(server)
            let sent = try await browser.send("/pipelines/greet/start", ["input.who": "you"])
            #expect(sent.status == 303)
            #expect(try await origin() == "127.0.0.1")
            let again = try await browser.send("/pipelines/greet/start", ["input.who": "me"], forwarded)
            #expect(again.status == 303)
            #expect(try await origin() == "192.0.2.7")
        }
    }

    @Test("whoever reaches the server without a trusted proxy cannot name themselves")
    func stranger() async throws {
        var rig = ServerRig.dashboard()
        rig.options.trustedProxies = TrustedProxies([try #require(AddressRange("10.0.0.0/8"))])
        rig.options.signIn = ProxySignIn(header: "X-Forwarded-Email", scope: .admin, scopes: [:])
        try await rig.serve { server in
            let answer = try await server.call("GET", "/runs", [("X-Forwarded-Email", "ada@example.org")])
            #expect(answer.status == 303)
            #expect(answer.headers["location"] == "/sign-in?to=%2Fruns")
        }
    }
}
