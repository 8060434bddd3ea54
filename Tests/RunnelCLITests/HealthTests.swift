import Foundation
import TestSupport
import Testing

@Suite("Problems that start a run", .timeLimit(.minutes(5))) struct HealthTests {
    private static let files = [
        "runnel.yaml": "server: { port: 0 }\nruns: { grace: 1s }\n",
        "pipelines/health.yaml": """
        on: { health: [pipeline-invalid, trigger-problem, plugin-broken, worker-lost] }
        steps:
          - uses: file.write
            with:
              path: out/{{ run.id }}.txt
              content: "{{ trigger.kind }} {{ trigger.state }} {{ trigger.subject }}: {{ trigger.message }}"
        """,
        "pipelines/bad.yaml": "steps: [ { uses: nosuch } ]",
        "pipelines/watcher.yaml": "on: { watch: { path: missing } }\nsteps: [ { uses: log } ]",
        "pipelines/slow.yaml": """
        steps:
          - uses: shell
            with: { run: "test -f again || { touch again; echo started >&2; sleep 600; }" }
        """,
        "plugins/bad/plugin.yaml": "name: bad\nprotocol: exec\ncommand: [sh, x.sh]\nstpes: {}\n",
    ]

    @Test("a broken pipeline, trigger and plugin and a lost worker are told when they begin and when they end")
    func kinds() async throws {
        try await withProject(Self.files) { runnel in
            let folder = runnel.directory
            func write(_ file: String, _ text: String) throws {
                try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
            }
            func told() -> [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/out")) ?? []).compactMap {
                    try? String(contentsOfFile: "\(folder)/out/\($0)", encoding: .utf8)
                }
            }
            /// Returns once an event with these words was told.
            func wait(for words: String) async throws -> String {
                while true {
                    if let event = told().first(where: { $0.hasPrefix(words) }) { return event }
                    try await waitTurn()
                }
            }
            let problems = [
                "pipeline-invalid":
                    "pipelines/bad.yaml: pipelines/bad.yaml:1:18: error: unknown step \"nosuch\" [unknown-step]",
                "trigger-problem":
                    "watcher: watch: cannot watch \"missing\": there is no such folder; create it, and its files are processed",
                "plugin-broken": "bad: fix plugins/bad/plugin.yaml:4: plugin.yaml has no key \"stpes\"",
            ]
            try await runnel.serving("pipelines") {
                for (kind, words) in problems {
                    let event = try await wait(for: "\(kind) began")
                    #expect(event == "\(kind) began \(words)")
                }
                _ = try await runnel.kill(["run", "pipelines/slow"], after: "started")
                let lost = try await wait(for: "worker-lost began")
                #expect(lost.hasSuffix(": a worker died; 1 run was taken over"), "\(lost)")
                // The name that `runnel status` shows: the host and the process.
                let name = lost.split(separator: " ")[2].dropLast().split(separator: "/")
                #expect(name.count == 2 && Int(name[1]) != nil, "\(lost)")
                try write("pipelines/bad.yaml", "steps: [ { uses: log } ]")
                try FileManager.default.createDirectory(atPath: folder + "/missing", withIntermediateDirectories: true)
                _ = try await wait(for: "pipeline-invalid ended")
                _ = try await wait(for: "trigger-problem ended")
            }
            // Plugins are loaded at the start, and what was lost is over with a new start.
            try write(
                "plugins/bad/plugin.yaml",
                "name: bad\nprotocol: exec\ncommand: [sh, x.sh]\nsteps: { hello: { summary: Says hello. } }\n")
            try await runnel.serving("pipelines") {
                _ = try await wait(for: "plugin-broken ended")
                _ = try await wait(for: "worker-lost ended")
            }
            #expect(told().count == 8, "\(told())")
        }
    }
}
