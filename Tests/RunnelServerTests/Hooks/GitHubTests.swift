import Foundation
import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Webhooks of GitHub", .timeLimit(.minutes(5))) struct GitHubTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let secret = "a-hook-secret"

    /// What GitHub sends for this event.
    private static func body(_ event: String) throws -> String {
        try String(contentsOf: folder.appending(path: "Resources/github/\(event).json"), encoding: .utf8)
    }

    /// The example with its trigger, and a step that needs no agent.
    private static func example() throws -> String {
        let root = folder.deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "examples/everyday/pipelines/github-issue-triage.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let steps = try #require(text.range(of: "\nsteps:\n"))
        return String(text[..<steps.lowerBound]) + "\nsteps: [ { uses: log } ]\n"
    }

    private static func deliver(
        _ event: String, secret: String = Self.secret, _ server: RunningServer
    ) async throws -> Answer {
        let body = try body(event)
        return try await server.call(
            "POST", "/hooks/github-issues",
            [
                ("Content-Type", "application/json"), ("X-GitHub-Event", event), ("X-GitHub-Delivery", "d-\(event)"),
                ("X-Hub-Signature-256", "sha256=\(HMACText.sha256(body, key: secret))"),
            ], body: body)
    }

    @Test("the example for issues accepts and ignores the ping and a push, and starts one run for a new issue")
    func issues() async throws {
        let example = try Self.example()
        let rig = ServerRig(
            pipelines: ["github-issue-triage.yaml": example],
            secrets: ["github_hook": Self.secret, "github_token": "a-github-token"])
        try await rig.serve { server in
            for event in ["ping", "push"] {
                let answer = try await Self.deliver(event, server)
                #expect(answer.status == 202)
                let ignored = try answer.json()
                #expect(ignored == ["ignored": true])
            }
            let forged = try await Self.deliver("issues", secret: "wrong", server)
            #expect(forged.status == 401)
            let none = await server.runs()
            #expect(none.isEmpty)
            let opened = try await Self.deliver("issues", server)
            #expect(opened.status == 202)
            let run = try #require(opened.run)
            try await server.end(of: run)
            let runs = await server.runs()
            #expect(runs.map(\.id) == [run])
            #expect(runs.map(\.state) == [.succeeded])
        }
    }
}
