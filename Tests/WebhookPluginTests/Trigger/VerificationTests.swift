import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("Who may call a hook") struct VerificationTests {
    private static func check(_ test: SignedCall, challenge: [String: String] = [:], now: Int64 = Hook.now) async throws
    {
        try await Hook.run(["path": "p", "verify": test.verify], now: now) { hook in
            let answer = try await hook.call(headers: test.headers, body: test.body)
            let refusal = Hook.Answer(status: 401, headers: challenge, body: "")
            #expect(answer == (test.isRight ? .accepted("run-1") : refusal))
            #expect(await hook.runs.accepted.count == (test.isRight ? 1 : 0))
        }
    }

    // MARK: - GitHub

    private static let github: Value = ["scheme": "github", "secret": "It's a Secret to Everybody"]
    private static let githubCode = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    private static let hello = "Hello, World!"

    private static func signed(_ value: String) -> HeaderList {
        ["X-Hub-Signature-256": value, "content-type": "text/plain"]
    }

    @Test(
        "GitHub's documented example is right, and nothing near it",
        arguments: [
            SignedCall("as documented", github, signed("sha256=" + githubCode), hello, true),
            SignedCall("in upper case", github, signed("sha256=" + githubCode.uppercased()), hello, true),
            SignedCall("another body", github, signed("sha256=" + githubCode), "Hello, World?", false),
            SignedCall("no prefix", github, signed(githubCode), hello, false),
            SignedCall("cut", github, signed("sha256=" + githubCode.dropLast(2)), hello, false),
            SignedCall("not hexadecimal", github, signed("sha256=" + githubCode.dropLast() + "g"), hello, false),
            SignedCall("empty", github, signed("sha256="), hello, false),
            SignedCall("missing", github, ["content-type": "text/plain"], hello, false),
            SignedCall(
                "twice", github,
                ["x-hub-signature-256": "sha256=" + githubCode, "X-Hub-Signature-256": "sha256=" + githubCode], hello,
                false),
            SignedCall(
                "another secret", ["scheme": "github", "secret": "It's a secret"], signed("sha256=" + githubCode),
                hello,
                false),
            SignedCall(
                "the older of two secrets", ["scheme": "github", "secret": ["new one", "It's a Secret to Everybody"]],
                signed("sha256=" + githubCode), hello, true),
        ])
    func githubCalls(test: SignedCall) async throws { try await Self.check(test) }

    // MARK: - Stripe

    private static let event = #"{"id": "evt_1", "object": "event"}"#
    private static let newCode = "86d195bdf7fa8d2a41b621d0367baa5f34b0c4861d35227c2012edbaf25cf1a2"
    private static let oldCode = "40adde74fd7f2b5463d3d4cb47901df58f577670a066482e986ad76d89959abe"

    private static func stripe(_ name: String, secret: Value = "whsec_test_secret", _ value: String, _ isRight: Bool)
        -> SignedCall
    {
        SignedCall(
            name, ["scheme": "stripe", "secret": secret],
            ["Stripe-Signature": value, "content-type": "application/json"], event, isRight)
    }

    @Test(
        "signatures of Stripe's own package are right, and nothing near them",
        arguments: [
            stripe("as made", "t=1700000000,v1=\(newCode)", true),
            stripe("with another scheme beside it", "t=1700000000, v1=\(newCode), v0=\(oldCode)", true),
            stripe(
                "two signatures while the sender's secret changes", "t=1700000000,v1=\(oldCode),v1=\(newCode)", true),
            stripe(
                "the older of two secrets", secret: ["whsec_test_secret", "whsec_old"], "t=1700000000,v1=\(oldCode)",
                true),
            stripe("another secret", "t=1700000000,v1=\(oldCode)", false),
            stripe("another time than signed", "t=1700000001,v1=\(newCode)", false),
            stripe("only another scheme", "t=1700000000,v0=\(newCode)", false),
            stripe("no time", "v1=\(newCode)", false),
            stripe("two times", "t=1700000000,t=1700000000,v1=\(newCode)", false),
            stripe("no words at all", "=,=", false),
        ])
    func stripeCalls(test: SignedCall) async throws { try await Self.check(test) }

    // MARK: - Slack

    /// The example of Slack's documentation.
    private static let slackBody =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        + "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        + "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        + "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    private static let slackCode = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

    private static func slack(
        _ name: String, secret: Value = "8f742231b10e8888abcd99yyyzzz85a5", time: String = "1531420618",
        code: String = slackCode, _ isRight: Bool
    ) -> SignedCall {
        SignedCall(
            name, ["scheme": "slack", "secret": secret],
            [
                "X-Slack-Request-Timestamp": time, "X-Slack-Signature": code,
                "Content-Type": "application/x-www-form-urlencoded",
            ], slackBody, isRight)
    }

    @Test(
        "Slack's documented example is right, and nothing near it",
        arguments: [
            slack("as documented", true),
            slack("the older of two secrets", secret: ["new one", "8f742231b10e8888abcd99yyyzzz85a5"], true),
            slack("another secret", secret: "new one", false), slack("another time", time: "1531420619", false),
            slack("no number", time: "1531420618.0", false),
            slack("too large a number", time: "9999999999999999999", false),
            slack("another version", code: "v1=" + slackCode.dropFirst(3), false), slack("empty", code: "", false),
        ])
    func slackCalls(test: SignedCall) async throws { try await Self.check(test, now: 1_531_420_618) }

    // MARK: - The window of time

    @Test(
        "a signature is right within the window, on either side, and not beyond it",
        arguments: [(-301, false), (-300, true), (0, true), (300, true), (301, false)] as [(Int64, Bool)])
    func window(offset: Int64, isRight: Bool) async throws {
        try await Self.check(Self.slack("", isRight), now: 1_531_420_618 + offset)
        try await Self.check(Self.stripe("", "t=1700000000,v1=\(Self.newCode)", isRight), now: Hook.now + offset)
        let vector = try #require(try SignatureVector.all().first)
        try await Self.check(Self.standard(vector, isRight: isRight), now: vector.timestamp + offset)
    }

    @Test("the window can be as wide as the pipeline says")
    func tolerance() async throws {
        for (tolerance, isRight) in [("60s", false), ("10m", true)] as [(Value, Bool)] {
            let test = SignedCall(
                "", ["scheme": "stripe", "secret": "whsec_test_secret", "tolerance": tolerance],
                ["stripe-signature": "t=1700000000,v1=\(Self.newCode)", "content-type": "application/json"], Self.event,
                isRight)
            try await Self.check(test, now: Hook.now + 500)
        }
    }

    // MARK: - Standard Webhooks

    private static func standard(
        _ vector: SignatureVector, secret: Value? = nil, signature: String? = nil, isRight: Bool
    ) -> SignedCall {
        SignedCall(
            vector.name, ["scheme": "standard-webhooks", "secret": secret ?? .string(vector.secret)],
            [
                "webhook-id": vector.id, "webhook-timestamp": "\(vector.timestamp)",
                "webhook-signature": signature ?? vector.signature, "content-type": "text/plain",
            ], vector.body, isRight)
    }

    @Test("signatures of the reference implementation are right, but for ids with a dot, which could be cut elsewhere")
    func standardVectors() async throws {
        let vectors = try SignatureVector.all()
        #expect(vectors.count == 8)
        for vector in vectors {
            let isRight = !vector.id.contains(".")
            try await Self.check(Self.standard(vector, isRight: isRight), now: vector.timestamp)
            let rotated: Value = ["whsec_AAAA", .string(vector.secret)]
            try await Self.check(Self.standard(vector, secret: rotated, isRight: isRight), now: vector.timestamp)
            try await Self.check(Self.standard(vector, secret: "whsec_AAAA", isRight: false), now: vector.timestamp)
            let several = "v1a,abc v1,AAAA \(vector.signature)"
            try await Self.check(Self.standard(vector, signature: several, isRight: isRight), now: vector.timestamp)
        }
    }

    @Test(
        "anything but a right signature is wrong",
        arguments: ["", "v1,", "v1,AAAA", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ",", "v1", " "])
    func standardWrong(signature: String) async throws {
        let vector = try #require(try SignatureVector.all().first)
        try await Self.check(Self.standard(vector, signature: signature, isRight: false), now: vector.timestamp)
    }

    @Test("id and time are signed too")
    func standardParts() async throws {
        let vector = try #require(try SignatureVector.all().first)
        try await Hook.run(
            ["path": "p", "verify": ["scheme": "standard-webhooks", "secret": .string(vector.secret)]],
            now: vector.timestamp
        ) { hook in
            for (id, time) in [("other", vector.timestamp), (vector.id, vector.timestamp + 1), ("", vector.timestamp)] {
                let answer = try await hook.call(
                    headers: [
                        "webhook-id": id, "webhook-timestamp": "\(time)", "webhook-signature": vector.signature,
                    ], body: vector.body)
                #expect(answer == .unauthorized)
            }
        }
    }

    // MARK: - HMAC of any kind

    @Test(
        "each hash function and encoding is checked as HMAC defines it",
        arguments: [
            ("sha1", "hex", "", "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"),
            ("sha256", "base64", "", "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="),
            ("sha256", "base64url", "v=", "v=97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg="),
            ("sha384", "base64url", "", "1_RyfiwLOa4PHkDMlvYCQtW3gBhBzqb8WSxdPhrlBwBYKpbPNeHlVJlf5OAzgcI3"),
            (
                "sha512", "base64", "sig ",
                "sig tCrwkFe6weLUFwjkipAuCbX/fxKrQopP6GZTxz3SSPuC+UilSfe3kaW0GRXuTR7Dk1NX5OIxclDQNyr6Lr7rOg=="
            ),
        ])
    func hmac(algorithm: String, encoding: String, prefix: String, signature: String) async throws {
        let fox = "The quick brown fox jumps over the lazy dog"
        let verify: Value = [
            "scheme": "hmac", "secret": ["other", "key"], "header": "X-Sign", "algorithm": .string(algorithm),
            "encoding": .string(encoding), "prefix": .string(prefix),
        ]
        let headers: HeaderList = ["x-sign": signature, "content-type": "text/plain"]
        try await Self.check(SignedCall("", verify, headers, fox, true))
        try await Self.check(SignedCall("", verify, headers, fox + ".", false))
        try await Self.check(SignedCall("", verify, ["x-sign": "!\(signature)"], fox, false))
    }

    // MARK: - Credentials

    @Test(
        "a bearer token is compared as a whole",
        arguments: [
            (["authorization": "Bearer token-2"], true), (["Authorization": "bearer  token-2"], true),
            (["authorization": "Bearer token"], false), (["authorization": "Bearer token-22"], false),
            (["authorization": "Basic token-2"], false), (["authorization": "token-2"], false),
            (["authorization": "Bearer "], false), ([:], false),
        ] as [(HeaderList, Bool)])
    func bearer(headers: HeaderList, isRight: Bool) async throws {
        let test = SignedCall("", ["scheme": "bearer", "secret": ["token-1", "token-2"]], headers, "", isRight)
        try await Self.check(test, challenge: ["www-authenticate": "Bearer"])
    }

    @Test("a token in a header field of its own has no word before it")
    func tokenHeader() async throws {
        let verify: Value = ["scheme": "bearer", "secret": "token-1", "header": "X-Gitlab-Token"]
        try await Self.check(SignedCall("", verify, ["x-gitlab-token": "token-1"], "", true))
        try await Self.check(SignedCall("", verify, ["x-gitlab-token": "Bearer token-1"], "", false))
        try await Self.check(SignedCall("", verify, ["authorization": "Bearer token-1"], "", false))
    }

    @Test(
        "user and password are both compared",
        arguments: [
            ("ann:pass:word", true), ("ann:older", true), ("ann:pass", false), ("bob:pass:word", false), ("ann", false),
            ("", false), (":", false),
        ])
    func basic(pair: String, isRight: Bool) async throws {
        let verify: Value = ["scheme": "basic", "user": "ann", "password": ["pass:word", "older"]]
        let challenge = ["www-authenticate": "Basic realm=\"webhook\", charset=\"UTF-8\""]
        let credentials = "Basic \(Base64.encode(Array(pair.utf8)))"
        try await Self.check(SignedCall("", verify, ["authorization": credentials], "", isRight), challenge: challenge)
        try await Self.check(SignedCall("", verify, ["authorization": "Basic %%%"], "", false), challenge: challenge)
    }

    @Test("nothing is checked only where the pipeline says so by name, and the server can see that")
    func open() async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "none"]]) { hook in
            let answer = try await hook.call()
            #expect(answer == .accepted("run-1"))
            #expect(hook.hub.route("p")?.route.authenticatesCallers == false)
        }
        try await Hook.run(["path": "p", "verify": Self.github]) { hook in
            #expect(hook.hub.route("p")?.route.authenticatesCallers == true)
        }
    }

    @Test("nothing of a call is read before its signature is right")
    func first() async throws {
        try await Hook.run(["path": "p", "verify": Self.github]) { hook in
            for type in ["application/json", "image/png", "multipart/form-data"] {
                let answer = try await hook.call(headers: ["content-type": type], body: "{")
                #expect(answer == .unauthorized)
            }
        }
    }
}
