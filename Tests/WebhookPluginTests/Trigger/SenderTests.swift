import Crypto
import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("Senders that sign in their own way") struct SenderTests {
    private static let form = ["content-type": "application/x-www-form-urlencoded"]

    // MARK: - Twilio

    /// The example of Twilio's documentation.
    private static func twilio(
        _ signature: String,
        body: String = "To=%2B18005551212&CallSid=CA1234567890ABCDE&Digits=1234"
            + "&From=%2B14158675309&Caller=%2B14158675309",
        type: String = "application/x-www-form-urlencoded", url: String = "https://mycompany.com/myapp.php?foo=1&bar=2"
    ) throws -> String? {
        let verification = try Verification(field: ["scheme": "twilio", "secret": "12345"])
        let query = url.split(separator: "?").dropFirst().first.map(String.init) ?? ""
        let request = IngressRequest(
            method: "POST", path: "/hooks/p", query: query,
            headers: ["content-type": type, "x-twilio-signature": signature], body: Array(body.utf8), url: url)
        do throws(VerificationFailure) {
            try verification.verifier.verify(request, now: Hook.now)
            return nil
        } catch {
            return error.reason
        }
    }

    private static let documented = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    private static let wrong = "the signature is wrong, or `server.public_url` is not the URL that Twilio calls"

    @Test("Twilio's documented example is right, with the port or without, and nothing near it")
    func twilioForm() throws {
        #expect(try Self.twilio(Self.documented) == nil)
        #expect(try Self.twilio(Self.documented, url: "https://mycompany.com:443/myapp.php?foo=1&bar=2") == nil)
        #expect(try Self.twilio(Self.documented, url: "https://mycompany.com/myapp.php?foo=1&bar=3") == Self.wrong)
        #expect(try Self.twilio(Self.documented, body: "To=1") == Self.wrong)
        #expect(try Self.twilio("%%%") == "the code in x-twilio-signature is not base64")
    }

    @Test("a body that is no form is covered by its hash in the URL, or not accepted")
    func twilioJSON() throws {
        let body = #"{"a": 1}"#
        let hash = SHA256.hash(data: Array(body.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        let url = "https://example.org/hooks/p?bodySHA256=" + hash.joined()
        let code = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(url.utf8), using: SymmetricKey(data: Array("12345".utf8)))
        let signature = Base64.encode(Array(code))
        #expect(try Self.twilio(signature, body: body, type: "application/json", url: url) == nil)
        #expect(
            try Self.twilio(signature, body: "{}", type: "application/json", url: url)
                == "the body is not the one whose hash is in the URL")
        #expect(
            try Self.twilio(signature, body: body, type: "application/json", url: "https://example.org/hooks/p")
                == "the signature does not cover the body: it is no form, and the URL has no bodySHA256")
    }

    // MARK: - Standard Webhooks and Svix

    private static let key = Array("key-of-twenty-four-bytes".utf8)
    private static let verify: Value = [
        "scheme": "standard-webhooks", "secret": .string("whsec_" + Base64.encode(key)),
    ]

    private static func signed(_ prefix: String, id: String = "m1", more: [(String, String)] = []) -> HeaderList {
        HeaderList(
            [
                ("content-type", "application/json"), ("\(prefix)-id", id), ("\(prefix)-timestamp", "\(Hook.now)"),
                (
                    "\(prefix)-signature",
                    WebhookSignature.header(keys: [key], id: id, timestamp: Hook.now, body: Array("{}".utf8))
                ),
            ] + more)
    }

    @Test("one delivery is one event under the names of Standard Webhooks and under those of Svix")
    func svix() async throws {
        try await Hook.run(["path": "p", "verify": Self.verify]) { hook in
            let first = try await hook.call(headers: Self.signed("svix"), body: "{}")
            #expect(first == .accepted("run-1"))
            let second = try await hook.call(headers: Self.signed("webhook"), body: "{}")
            #expect(second == .accepted("run-1"))
            #expect(await hook.runs.accepted.first?.payload["headers"]?["svix-signature"] == nil)
        }
    }

    @Test("an id that is not signed makes no second event of a signed delivery")
    func unsignedID() async throws {
        try await Hook.run(["path": "p", "verify": Self.verify]) { hook in
            for id in ["other", "another"] {
                let headers = Self.signed("svix", more: [("webhook-id", id)])
                let answer = try await hook.call(headers: headers, body: "{}")
                #expect(answer == .accepted("run-1"))
            }
        }
    }

    @Test("an id with a dot is refused, because a part of the body could be taken for its end")
    func dotted() async throws {
        try await Hook.run(["path": "p", "verify": Self.verify]) { hook in
            let answer = try await hook.response(headers: Self.signed("webhook", id: "a.b"), body: Array("{}".utf8))
            #expect(answer.status == 401)
            #expect(answer.refusal == "the id in webhook-id holds a dot")
        }
    }

    // MARK: - Identity

    @Test("a signed delivery without an id is known by its signature")
    func signature() async throws {
        let verify: Value = ["scheme": "hmac", "secret": "s", "header": "X-Sum"]
        let sum = { (body: String) in
            HMAC<SHA256>.authenticationCode(for: Array(body.utf8), using: SymmetricKey(data: Array("s".utf8)))
                .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        try await Hook.run(["path": "p", "verify": verify]) { hook in
            for (body, run) in [("a", "run-1"), ("b", "run-2"), ("a", "run-1")] {
                let answer = try await hook.call(
                    headers: ["content-type": "text/plain", "x-sum": sum(body)], body: body)
                #expect(answer == .accepted(run))
            }
        }
    }

    @Test("a delivery may start a new run after its run failed, unless the hook says otherwise")
    func redelivery() async throws {
        for (redeliver, expected) in [(nil, TriggerEvent.Redelivery.retry), ("retry", .retry), ("same", .same)] {
            var entry: ValueObject = ["path": "p", "verify": ["scheme": "none"]]
            entry["redeliver"] = redeliver.map { .string($0) }
            try await Hook.run(entry) { hook in
                _ = try await hook.call()
                #expect(await hook.runs.accepted.map(\.redelivery) == [expected])
            }
        }
    }

    // MARK: - Forms

    @Test(
        "brackets in the names of a form nest",
        arguments: [
            ("data[email]=a@b&data[name]=c", ["data": ["email": "a@b", "name": "c"]]),
            ("t[]=1&t[]=2", ["t": ["1", "2"]]),
            ("i[0][n]=a&i[1][n]=b", ["i": [["n": "a"], ["n": "b"]]]),
            ("i[0]=a&i[2]=b", ["i": ["0": "a", "2": "b"]]),
            ("a=1&a[b]=2", ["a": "1", "a[b]": "2"]), ("a[b]=1&a=2", ["a[b]": "1", "a": "2"]),
            ("a[]=1&a=2", ["a[]": "1", "a": "2"]),
            ("a[b]=1&a[]=2&a[b][c]=3", ["a": ["b": "1"], "a[]": "2", "a[b][c]": "3"]),
            ("a[b=1&[c]=2&a[b]c=3&a[][b]=4", ["a[b": "1", "[c]": "2", "a[b]c": "3", "a[][b]": "4"]),
            ("a[1][2][3][4][5][6][7][8][9]=1", ["a[1][2][3][4][5][6][7][8][9]": "1"]),
            ("a=1&a=2", ["a": ["1", "2"]]),
        ] as [(String, Value)])
    func nested(form: String, expected: Value) async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "none"]]) { hook in
            _ = try await hook.call(headers: HeaderList(Self.form.map { ($0.key, $0.value) }), body: form)
            #expect(try await hook.payload()["body"] == expected)
        }
    }

    @Test("with `forms: flat` they stay as they are")
    func flat() async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "none"], "forms": "flat"]) { hook in
            _ = try await hook.call(headers: HeaderList(Self.form.map { ($0.key, $0.value) }), body: "a[b]=1")
            #expect(try await hook.payload()["body"] == ["a[b]": "1"])
        }
    }
}
