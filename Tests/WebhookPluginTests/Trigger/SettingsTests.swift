import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("The keys of the trigger webhook") struct SettingsTests {
    private let trigger = TriggerDefinition(WebhookTrigger.self)

    @Test(
        "a wrong entry is refused with words that help",
        arguments: [
            (
                [:],
                "say with `verify: { scheme: … }` how a caller proves who it is: one of \"standard-webhooks\", \"github\", "
                    + "\"stripe\", \"slack\", \"twilio\", \"hmac\", \"bearer\", \"basic\", \"none\"",
                []
            ),
            (["verify": ["scheme": "none"], "methods": []], "the list holds no method", ["methods"]),
            (["verify": ["scheme": "none"], "accept": []], "the list holds no media type", ["accept"]),
            (
                ["verify": ["scheme": "none"], "max_body": "1GiB"], "expected a size from 1B to 64MiB, found 1GiB",
                ["max_body"]
            ),
            (["verify": ["scheme": "github"]], "the scheme \"github\" needs \"secret\"", ["verify"]),
            (["verify": ["scheme": "hmac", "secret": "s"]], "the scheme \"hmac\" needs \"header\"", ["verify"]),
            (["verify": ["scheme": "basic", "user": "ann"]], "the scheme \"basic\" needs \"password\"", ["verify"]),
            (
                ["verify": ["scheme": "github", "secret": "s", "tolerance": "1m"]],
                "the scheme \"github\" takes no \"tolerance\"", ["verify", "tolerance"]
            ),
            (
                ["verify": ["scheme": "none", "secret": "s"]], "the scheme \"none\" takes no \"secret\"",
                ["verify", "secret"]
            ),
            (
                ["verify": ["scheme": "slack", "secret": "s", "tolerance": "0s"]],
                "it has to be longer than nothing, or no signature is valid", ["verify", "tolerance"]
            ),
            (
                ["verify": ["scheme": "basic", "user": "a:b", "password": "p"]], "a user cannot hold a colon",
                ["verify", "user"]
            ),
            (
                ["verify": ["scheme": "hmac", "secret": "s", "header": "X Sign"]], "\"X Sign\" is not a header name",
                ["verify", "header"]
            ),
            (
                ["verify": ["scheme": "github", "secret": "file content\n"]],
                "the secret begins or ends with white space", ["verify", "secret"]
            ),
            (["verify": .null], "expected a mapping, found null", ["verify"]),
            (
                ["verify": ["scheme": "github", "secret": .null]], "expected a string, found null",
                ["verify", "secret"]
            ),
            (
                ["verify": ["scheme": "github", "secret": ["s", .null]]], "expected a string, found null",
                ["verify", "secret", "1"]
            ),
            (
                ["verify": ["scheme": "basic", "user": "ann", "password": .null]], "expected a string, found null",
                ["verify", "password"]
            ),
            (
                ["verify": ["scheme": "none"], "challenge_token": .null], "expected a string, found null",
                ["challenge_token"]
            ),
            (["verify": ["scheme": "github", "secret": ""]], "the secret is empty", ["verify", "secret"]),
            (["verify": ["scheme": "github", "secret": []]], "the list holds no secret", ["verify", "secret"]),
            (
                ["verify": ["scheme": "github", "secret": 4711]], "expected a string, found a whole number",
                ["verify", "secret"]
            ),
            (
                ["verify": ["scheme": "standard-webhooks", "secret": "whsec_?"]],
                "what follows \"whsec_\" is not base64", ["verify", "secret"]
            ),
            (["verify": ["scheme": "none"], "path": "a//b"], "\"a//b\" cannot be the path of a hook", ["path"]),
            (["verify": ["scheme": "none"], "path": "../a"], "\"../a\" cannot be the path of a hook", ["path"]),
            (["verify": ["scheme": "none"], "path": "a b"], "\"a b\" cannot be the path of a hook", ["path"]),
            (["verify": ["scheme": "none"], "path": "/"], "\"/\" cannot be the path of a hook", ["path"]),
            (
                ["verify": ["scheme": "none"], "idempotency": ["body": "id"]],
                "expected a JSON pointer such as \"/id\" or \"/data/id\", found \"id\"", ["idempotency", "body"]
            ),
            (
                ["verify": ["scheme": "none"], "idempotency": [:]], "\"header\" or \"body\" is required",
                ["idempotency"]
            ),
            (
                ["verify": ["scheme": "none"], "accept": ["*/png"]],
                "expected a media type such as \"application/json\" or \"image/*\", found \"*/png\"", ["accept", "0"]
            ),
            (["verify": ["scheme": "none"], "token": "t"], "the key \"token\" is not known here", []),
        ] as [(ValueObject, String, [String])])
    func wrong(entry: ValueObject, message: String, path: [String]) throws {
        let error = try #require(trigger.check(entry))
        #expect(error.message == message)
        #expect(error.path == path.map { element in Int(element).map { .index($0) } ?? .key(element) })
    }

    @Test(
        "what has no effect, or probably another one than was meant, is warned about",
        arguments: [
            (
                ["path": "/hooks/tickets"],
                [
                    "`path`: the hook is called at \"/hooks/hooks/tickets\": a path stands behind /hooks/ already; "
                        + "write \"tickets\""
                ]
            ),
            (["path": "hooks"], []),
            (
                ["timeout": "30s"],
                ["`timeout`: it has no effect with `respond: accepted`; write `respond: result`, or leave it out"]
            ),
            (
                ["timeout": "1m", "respond": "stream", "cancel_on_disconnect": true],
                ["`timeout`: it has no effect with `respond: stream`; write `respond: result`, or leave it out"]
            ),
            (
                ["cancel_on_disconnect": true],
                [
                    "`cancel_on_disconnect`: it has no effect with `respond: accepted`; write `respond: result` or "
                        + "`respond: stream`, or leave it out"
                ]
            ),
            (["timeout": "1m", "respond": "result", "cancel_on_disconnect": true], []),
        ] as [(ValueObject, [String])])
    func warnings(keys: ValueObject, words: [String]) throws {
        var entry = keys
        entry["verify"] = ["scheme": "none"]
        #expect(try WebhookTrigger(fields: entry).warnings().map(\.description) == words)
    }

    @Test("no error shows a secret")
    func secrets() throws {
        for verify in [
            ["scheme": "github", "secret": ["swordfish ", "swordfish"]], ["scheme": "basic", "password": "swordfish"],
            ["scheme": "standard-webhooks", "secret": "whsec_swordfish?"], ["scheme": "none", "secret": "swordfish"],
        ] as [Value] {
            let error = try #require(trigger.check(["verify": verify]))
            #expect(!"\(error)".contains("swordfish"))
        }
    }

    @Test("the schema asks for the keys that a scheme cannot do without")
    func schema() throws {
        let conditions = try #require(trigger.schema["properties"]?["verify"]?["allOf"]?.asList)
        #expect(
            conditions.contains([
                "if": ["properties": ["scheme": ["const": "hmac"]], "required": ["scheme"]],
                "then": ["required": ["secret", "header"]],
            ]))
    }

    @Test("the path is the pipeline's name unless given, and slashes around it do not count")
    func path() async throws {
        try await Hook.run(["verify": ["scheme": "none"]], pipeline: "triage") { hook in
            #expect(hook.hub.routes.map(\.path) == ["triage"])
            #expect(await hook.runs.health == [.waiting("POST /hooks/triage")])
        }
        try await Hook.run(["verify": ["scheme": "none"], "path": "/team/a/", "methods": ["PUT", "GET"]]) { hook in
            #expect(hook.hub.route("/team/a/")?.path == "team/a")
            #expect(hook.hub.route("team") == nil)
            #expect(await hook.runs.health == [.waiting("PUT, GET /hooks/team/a")])
        }
    }

    @Test("a pipeline whose name is no path is told to give one")
    func noPath() async throws {
        var harness = TriggerHarness()
        harness.pipeline = "my pipeline"
        let (run, context) = (trigger.run, harness.context)
        let error = try await #require(throws: StepError.self) {
            try await run(["verify": ["scheme": "none"]], context)
        }
        #expect(error.message == "the pipeline's name \"my pipeline\" cannot be the path of a hook")
        #expect(error.hint == "give the trigger a `path`, such as \"tickets\"")
    }
}
