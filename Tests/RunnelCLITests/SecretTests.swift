import Foundation
import Testing

@Suite("Secrets") struct SecretTests {
    @Test("a secret never appears, whole, encoded or inside a longer text")
    func masked() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: THE_KEY }, other: { file: other.txt } }",
            "other.txt": "s3cr3t/from+file\n",
            "p.yaml": """
            steps:
              - uses: log
                with: { message: "a{{ secrets.key }}b {{ secrets.key | urlencode }} {{ secrets.key | base64 }}", level: error }
              - uses: log
                with: { message: "{{ ('x:' ~ secrets.other) | base64 }} {{ secrets.other | tojson }}" }
              - uses: template
                with: { text: "{{ secrets.key }} and {{ secrets.other }}" }
            """,
        ]
        try await withProject(files, environment: ["THE_KEY": "k&y w/th \"quotes\""]) { runnel in
            for arguments in [["run", "p"], ["run", "p", "--json"]] {
                let ended = try await runnel.run(arguments)
                let shown = ended.output + ended.error
                #expect(ended.status == 0)
                for form in ["k&y", "k%26y", "ayZ5IHcv", "s3cr3t", "czNjcjN0", "OnMzY3IzdC"] {
                    #expect(!shown.contains(form), "\(form) in \(shown)")
                }
                #expect(shown.contains("*** and ***"))
            }
        }
    }

    @Test("a secret without a value is an error where a pipeline uses it, before anything runs")
    func unavailable() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: RUNNEL_TEST_UNSET_KEY } }",
            "p.yaml": "steps: [ { uses: log, with: { message: \"{{ secrets.key }}\" } } ]",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(
                ended.error.contains(
                    "error: the secret \"key\" has no value: the environment variable RUNNEL_TEST_UNSET_KEY is not set"
                        + " [secret-unavailable]"))
            // Whether it is there matters where the pipeline runs.
            let validated = try await runnel.run(["validate", "p.yaml"])
            #expect(validated.status == 0)
        }
    }

    @Test("the client secret is masked in what a server sends back")
    func clientSecret() async throws {
        let files = [
            "runnel.yaml": """
            marketplace: { base_url: "http://127.0.0.1:1", client_id: id, agent_id: a, client_secret: { env: THE_KEY } }
            """,
            "p.yaml": "steps: [ { uses: chat, with: { prompt: \"leak-me-not\" } } ]",
        ]
        try await withProject(files, environment: ["THE_KEY": "leak-me-not"]) { runnel in
            let ended = try await runnel.run(["run", "p", "--json"])
            #expect(ended.status == 1)
            #expect(!(ended.output + ended.error).contains("leak-me-not"))
        }
    }
}
