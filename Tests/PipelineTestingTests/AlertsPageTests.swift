import Foundation
import PipelineTesting
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

private let messages = ["import failed: broken\\nLast run: r", "import recovered\\nLast run: r"]
private let incidents = [
    (action: "trigger", key: "import"), (action: "resolve", key: "import"), (action: "trigger", key: "/srv/p"),
    (action: "resolve", key: "/srv/p"),
]

/// The beginning of each example, and what the requests for a failed and a recovered run hold, with incidents also those for
/// a problem that began and one that ended.
private let examples: [(name: String, sent: [String])] = [
    (
        "# Microsoft Teams",
        messages.map { "json: { attachments: [ { content: { body: [ { text: \"\($0)\" } ] } } ] }" }
    ),
    ("# Discord", messages.map { "json: { content: \"\($0)\", allowed_mentions: { parse: [] } }" }),
    ("# ntfy", messages.map { _ in "method: POST" }),
    (
        "# PagerDuty",
        incidents.map { "json: { event_action: \($0.action), dedup_key: \"runnel-\($0.key)\" }" }
    ),
]

@Suite("The examples of docs/alerts.md") struct AlertsPageTests {
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    private static func text(_ file: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
    }

    /// The blocks of YAML on the page.
    private static func blocks() throws -> [String] {
        try text("docs/alerts.md").components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
    }

    /// The alert that ships, with other triggers or another last step.
    private static func alert(on triggers: String? = nil, sending step: String) throws -> String {
        var text = try text("pipelines/alert.yaml")
        if let triggers {
            let (start, end) = (try #require(text.range(of: "on:\n")), try #require(text.range(of: "concurrency:")))
            text.replaceSubrange(start.lowerBound..<end.lowerBound, with: triggers)
        }
        let last = try #require(text.range(of: "  - uses: webhook.send"))
        let lines = step.split(separator: "\n").map { "  \($0)\n" }
        return String(text[..<last.lowerBound]) + lines.joined()
    }

    /// A test for each event that the alert gets, and what the request for it holds.
    private static func tests(_ url: String, _ sent: [String]) -> String {
        let run = "type: run, pipeline: import, count: 1"
        let health = "type: health, kind: disk, subject: /srv/p, message: it is full, count: 1"
        let events = [
            "\(run), state: failed, folded: [ { id: r, pipeline: import, state: failed, error: { message: broken } } ]",
            "\(run), state: recovered, folded: [ { id: r, pipeline: import, state: recovered } ]",
            "\(health), state: began, folded: [ { kind: disk, subject: /srv/p, state: began, message: it is full } ]",
            "\(health), state: ended, folded: [ { kind: disk, subject: /srv/p, state: ended, message: it is full } ]",
        ]
        let cases = zip(events, sent).map { event, sent in
            """
              - name: "\(event)"
                trigger: { \(event) }
                http: [ { url: "\(url)", method: POST, status: 202 } ]
                expect: { sent: [ { url: "\(url)", \(sent) } ] }

            """
        }
        return """
            pipeline: p.yaml
            secrets: { alerts: "https://chat.example/hook", pagerduty: a-routing-key }
            tests:

            """ + cases.joined()
    }

    @Test("each service gets a message for both kinds of events", arguments: examples)
    func services(name: String, sent: [String]) async throws {
        let blocks = try Self.blocks()
        let step = try #require(blocks.first { $0.hasPrefix(name) })
        let isIncident = name == "# PagerDuty"
        let triggers = isIncident ? blocks.last(where: { $0.hasPrefix("on:\n") }) : nil
        let url = isIncident ? "https://events.pagerduty.com/v2/enqueue" : "https://chat.example/hook"
        let all = sent + Array(repeating: "method: POST", count: 4 - sent.count)
        let pipeline = try Self.alert(on: triggers, sending: step)
        let tests = Self.tests(url, all)
        let report = try await withTemporaryDirectory { directory in
            let workshop = Workshop(
                directory: directory, names: ProjectNames(secrets: ["alerts", "pagerduty"], env: []))
            return try await workshop.report(pipeline, tests)
        }
        let isSuccess = report.isSuccess
        #expect(isSuccess, "\(report.text(color: false))")
        #expect(report.passed == 4)
    }
}
