import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

/// Senders that can only be given a URL: what stands in it is the secret.
@Suite("Secrets in what a trigger makes", .timeLimit(.minutes(5))) struct SecretPathTests {
    private static let path = "unguessable-path-9f8e7d"
    private static let pipeline = """
        name: hook
        on: { webhook: { path: "in/{{ secrets.hook }}", verify: { scheme: none } } }
        steps: [ { id: seen, uses: template, with: { text: "{{ trigger | tojson }}" } } ]
        """

    private static func rig(_ secret: String = path) -> ServerRig {
        ServerRig(pipelines: ["h.yaml": pipeline], secrets: ["hook": secret])
    }

    @Test("a secret path is in neither the journal nor the API, and the mask is where it was")
    func masked() async throws {
        let rig = Self.rig()
        try await rig.serve { server in
            let headers = [("Content-Type", "text/plain"), ("X-GitHub-Delivery", "d-1"), ("X-Echo", Self.path)]
            let called = try await server.call(
                "POST", "/hooks/in/\(Self.path)?q=\(Self.path)", headers, body: Self.path)
            let id = try #require(called.run)
            try await server.end(of: id)
            let run = try #require(try await server.journal.run(id))
            let steps = await server.journal.steps(of: id)
            for value in [run.trigger, run.input, run.output ?? .null] + steps.compactMap(\.output) {
                #expect(!value.json().contains("unguessable"))
            }
            #expect(run.dedupeKey?.contains("unguessable") == false)
            let shown = try await server.call("GET", "/api/v1/runs/\(id)")
            #expect(!shown.text.contains("unguessable"))
            #expect(try shown.json()["trigger"]?["path"] == "/hooks/in/***")
            #expect(try shown.json()["trigger"]?["query"] == ["q": "***"])
            #expect(try shown.json()["trigger"]?["headers"]?["x-echo"] == "***")
            let key = try #require(try shown.json()["dedupe_key"]?.asString)
            #expect(key.hasPrefix("webhook:in/***~") && key.hasSuffix(":x-github-delivery:d-1"), "\(key)")
            #expect(key.utf8.count == "webhook:in/***~:x-github-delivery:d-1".utf8.count + 16)
            for path in ["/api/v1/runs", "/api/v1/status", "/api/v1/pipelines", "/api/v1/runs/\(id)/events"] {
                let text = try await server.call("GET", path).text
                #expect(!text.contains("unguessable"), "\(path): \(text)")
            }
            let missing = try await server.call("GET", "/api/v1/pipelines/\(Self.path)")
            #expect(missing.error == "no-such-pipeline there is no pipeline \"***\"; the pipelines are hook")
        }
    }

    @Test("a delivery is recognised in every life of the process, as long as the secret is the same")
    func deduplicated() async throws {
        let rig = Self.rig()
        let delivery = [("Content-Type", "text/plain"), ("X-GitHub-Delivery", "d-\(Self.path)")]
        let first = try await rig.serve { try await $0.call("POST", "/hooks/in/\(Self.path)", delivery, body: "x").run }
        let second = try await rig.serve {
            try await $0.call("POST", "/hooks/in/\(Self.path)", delivery, body: "x").run
        }
        #expect(first != nil && first == second)
        var changed = Self.rig("another-path-1234")
        changed.journal = rig.journal
        let other = [("Content-Type", "text/plain"), ("X-GitHub-Delivery", "d-another-path-1234")]
        let third = try await changed.serve {
            try await $0.call("POST", "/hooks/in/another-path-1234", other, body: "x").run
        }
        #expect(third != nil && third != first)
        #expect(await rig.journal.runs(RunFilter(limit: 10)).allSatisfy { $0.dedupeKey?.contains("-path") == false })
    }

    @Test("an Idempotency-Key that is a secret is not stored, and one that is none stays as it is")
    func idempotencyKey() async throws {
        try await Self.rig().serve { server in
            func start(_ key: String) async throws -> String? {
                try await server.post("/api/v1/pipelines/hook/runs", "{}", [("Idempotency-Key", key)]).run
            }
            let first = try await start(Self.path)
            #expect(try await start(Self.path) == first)
            let plain = try #require(try await start("plain-key"))
            #expect(try await server.journal.run(plain)?.dedupeKey == "api:plain-key")
            let secret = try #require(try await server.journal.run(first ?? "")?.dedupeKey)
            #expect(SecretSeal.masked(secret).hasPrefix("api:***~") && !secret.contains("unguessable"))
        }
    }
}
