import PipelineTesting
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("A test's own world")
struct IsolationTests {
    @Test("what a run writes is in a copy; the project stays as it is")
    func projectStays() async throws {
        try await withTemporaryDirectory { directory in
            let workshop = Workshop(directory: directory)
            try workshop.write("kept", to: "a.txt")
            let report = try await workshop.report(
                """
                steps:
                  - { uses: file.write, with: { path: a.txt, content: "changed" } }
                  - { uses: file.write, with: { path: out/b.txt, content: "new" } }
                """,
                """
                tests:
                  - name: writes
                    expect: { files: { a.txt: changed, out/b.txt: new, c.txt: { absent: true } } }
                """)
            let isSuccess = report.isSuccess
            #expect(isSuccess, "\(report.text(color: false))")
            #expect(FileManager.default.contents(atPath: directory + "/a.txt") == Data("kept".utf8))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == [
                    "a.txt", "p.test.yaml", "p.yaml",
                ])
        }
    }

    @Test("a link of the project leads a test's files nowhere outside of the copy")
    func links() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/outside", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: directory + "/project", withIntermediateDirectories: true)
            let workshop = Workshop(directory: directory + "/project")
            try Data("mine".utf8).write(to: URL(fileURLWithPath: directory + "/outside/a.txt"))
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/project/link", withDestinationPath: directory + "/outside")
            let laid = try await workshop.report(
                "steps: [ { uses: log } ]", "tests:\n  - { name: lays, files: { link/a.txt: theirs, link/b/c.txt: x } }"
            )
            let isSuccess = laid.isSuccess
            #expect(!isSuccess)
            #expect(laid.text(color: false).contains("of the test leads through a symbolic link"))
            let read = try await workshop.report(
                "steps: [ { uses: log } ]", "tests:\n  - { name: reads, expect: { files: { link/a.txt: theirs } } }")
            #expect(read.text(color: false).contains("there is no such file"))
            #expect(FileManager.default.contents(atPath: directory + "/outside/a.txt") == Data("mine".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/outside") == ["a.txt"])
        }
    }

    @Test("a followed link works in a test as in a run, and what it leads to stays as it is")
    func followedLinks() async throws {
        try await withTemporaryDirectory { directory in
            for folder in ["/outside", "/project/real"] {
                try FileManager.default.createDirectory(
                    atPath: directory + folder, withIntermediateDirectories: true)
            }
            let workshop = Workshop(directory: directory + "/project", followedLinks: ["ext", "inner"])
            try Data("mine".utf8).write(to: URL(fileURLWithPath: directory + "/outside/a.txt"))
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/project/ext", withDestinationPath: "../outside")
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/project/inner", withDestinationPath: directory + "/project/real")
            let report = try await workshop.report(
                """
                steps:
                  - { id: found, uses: file.read, with: { path: ext/a.txt } }
                  - { id: laid, uses: file.read, with: { path: inner/c.txt } }
                  - { uses: file.write, with: { path: ext/a.txt, content: changed } }
                  - { uses: file.write, with: { path: inner/b.txt, content: new } }
                """,
                """
                tests:
                  - name: follows
                    files: { inner/c.txt: laid }
                    expect:
                      outputs: { found.text: mine, laid.text: laid }
                      files: { ext/a.txt: changed, real/b.txt: new, inner/b.txt: new }
                """)
            let isSuccess = report.isSuccess
            #expect(isSuccess, "\(report.text(color: false))")
            #expect(FileManager.default.contents(atPath: directory + "/outside/a.txt") == Data("mine".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/project/real") == [])
        }
    }

    @Test("a test finds nothing of what another has left, changed or laid out, though they share a copy")
    func testsAreApart() async throws {
        try await withTemporaryDirectory { directory in
            let workshop = Workshop(directory: directory)
            try workshop.write("kept", to: "a.txt")
            let pipeline = """
                inputs: { text: { type: string } }
                steps:
                  - { id: found, uses: file.read, with: { path: a.txt } }
                  - { uses: file.write, with: { path: a.txt, content: "{{ inputs.text }}" } }
                  - { uses: file.write, with: { path: "{{ inputs.text }}/x/b.txt", content: new } }
                """
            let suite = try workshop.suite(
                pipeline,
                """
                tests:
                  - name: first
                    inputs: { text: one }
                    files: { laid.txt: here }
                    expect: { outputs: { found.text: kept }, files: { laid.txt: here } }
                  - name: second
                    inputs: { text: two }
                    expect:
                      outputs: { found.text: kept }
                      files: { laid.txt: { absent: true }, one/x/b.txt: { absent: true }, a.txt: two }
                  - name: third
                    inputs: { text: one }
                    files: { a.txt: its own }
                    expect: { outputs: { found.text: its own }, files: { two/x/b.txt: { absent: true } } }
                  - name: fourth
                    inputs: { text: one }
                    expect: { outputs: { found.text: kept } }
                """)
            let tester = PipelineTester(parallel: 1)
            let report = await tester.run([suite])
            let isSuccess = report.isSuccess
            #expect(isSuccess && report.passed == 4, "\(report.text(color: false))")
        }
    }

    /// The pause of ten minutes would not end within the limit.
    @Test("the time is the test's, and pauses count", .timeLimit(.minutes(5)))
    func time() async throws {
        let report = try await Workshop.report(
            """
            steps:
              - { id: before, uses: template, with: { text: "{{ run.started_at }}" } }
              - id: send
                uses: webhook.send
                with: { url: "https://hooks.example/x", attempts: 2, backoff: 1h, max_backoff: 1h }
            """,
            """
            now: 2030-01-01T00:00:00Z
            tests:
              - name: time
                now: 2026-01-02T03:04:05Z
                http:
                  - { url: "https://hooks.example/x", status: 500, headers: { retry-after: "600" } }
                  - { url: "https://hooks.example/x" }
                expect:
                  outputs: { before: "2026-01-02T03:04:05.000Z" }
                  sent:
                    - headers: { webhook-timestamp: "1767323045" }
                    - headers: { webhook-timestamp: { matches: "^176732[4-6]" } }
            """)
        let isSuccess = report.isSuccess
        #expect(isSuccess, "\(report.text(color: false))")
    }

    @Test("a step that is tried again after an hour is tried again at once", .timeLimit(.minutes(5)))
    func retry() async throws {
        let report = try await Workshop.report(
            """
            timeout: 1m
            steps:
              - id: page
                uses: http.fetch
                with: { url: "https://a.example/" }
                retry: { attempts: 3, backoff: 1h, max_backoff: 5h }
                timeout: 30s
            """,
            """
            tests:
              - name: third time lucky
                http:
                  - { url: "https://a.example/", status: 503 }
                  - { url: "https://a.example/", status: 429, headers: { retry-after: "7200" } }
                  - { url: "https://a.example", body: hello }
                expect: { outputs: { page.body: hello } }
            """)
        let isSuccess = report.isSuccess
        #expect(isSuccess, "\(report.text(color: false))")
    }

    @Test("secrets and variables are those of the test; a missing one is explained")
    func values() async throws {
        let pipeline = """
            steps:
              - { id: text, uses: template, with: { text: "{{ secrets.hook }} {{ env.REGION }}" } }
            """
        let report = try await Workshop.report(
            pipeline,
            """
            secrets: { hook: shared-secret }
            env: { REGION: eu }
            tests:
              - name: shared
                expect: { output: shared-secret eu }
              - name: own
                secrets: { hook: its-own-secret }
                expect: { output: its-own-secret eu }
            """)
        let isSuccess = report.isSuccess
        #expect(isSuccess, "\(report.text(color: false))")
        let other = try await Workshop.report(pipeline, "tests: [ { name: none, env: { REGION: eu } } ]")
        let mismatch = try #require(other.suites.first?.results.first?.mismatches.first)
        #expect(mismatch.message == "the run failed")
        #expect(
            mismatch.hint == "a test reads no real secrets: give each one it needs a stand-in under `secrets:`")
    }

    @Test("steps that are made for each test see its world")
    func world() async throws {
        try await withTemporaryDirectory { directory in
            let pipeline = """
                steps: [ { uses: look.around } ]
                """
            let plugins = Workshop.plugins + [LookPlugin(world: nil)]
            let workshop = Workshop(
                directory: directory, plugins: plugins,
                makeRegistry: { try StepRegistry(Workshop.plugins + [LookPlugin(world: $0)]) })
            let report = try await workshop.report(
                pipeline,
                """
                tests:
                  - name: sees
                    files: { a.txt: here }
                    secrets: { hook: stand-in }
                    expect: { output: [stand-in, here] }
                """)
            let isSuccess = report.isSuccess
            #expect(isSuccess, "\(report.text(color: false))")
        }
    }

    @Test("a run that does not end is cancelled, and the test says so", .timeLimit(.minutes(5)))
    func limit() async throws {
        let plugin = SleepPlugin()
        try await withTemporaryDirectory { directory in
            let workshop = Workshop(directory: directory, plugins: Workshop.plugins + [plugin])
            let report = try await workshop.report(
                "steps: [ { uses: sleep.forever } ]", "tests: [ { name: hangs } ]", limit: .milliseconds(50))
            #expect(
                report.suites.first?.results.first?.mismatches.map(\.message) == [
                    "the run took longer than 50ms and was cancelled"
                ])
        }
    }

    @Test("tests that are interrupted fail, those that go on and those that have not begun", .timeLimit(.minutes(5)))
    func interruption() async throws {
        try await withTemporaryDirectory { directory in
            let begun = AsyncStream.makeStream(of: Void.self)
            let plugins = Workshop.plugins + [SleepPlugin(onSleep: { begun.continuation.yield() })]
            let workshop = Workshop(directory: directory, plugins: plugins)
            let suite = try workshop.suite(
                "steps: [ { uses: sleep.forever } ]", "tests: [ { name: first }, { name: second } ]")
            let tester = PipelineTester(parallel: 1)
            let run = Task { await tester.run([suite]) }
            for await _ in begun.stream { break }
            run.cancel()
            let results = await run.value.suites.flatMap(\.results)
            #expect(results.map(\.name) == ["first", "second"])
            #expect(
                results.flatMap(\.mismatches).map(\.message) == Array(repeating: "the test was interrupted", count: 2))
        }
    }
}

/// Sleeps until it is cancelled.
private struct SleepPlugin: Plugin {
    let name = "sleep"
    var onSleep: @Sendable () -> Void = {}

    var steps: [StepDefinition] {
        [
            StepDefinition(
                name: "sleep.forever", summary: "Sleeps.",
                documentation: StepDocumentation(details: "", output: "", examples: []), schema: ["type": "object"]
            ) { [onSleep] _, context in
                onSleep()
                try await context.clock.sleep(for: .seconds(3600))
                return .null
            }
        ]
    }
}

/// Tells what it was told of the world.
private struct LookPlugin: Plugin {
    let name = "look"
    let world: TestWorld?

    var steps: [StepDefinition] {
        [
            StepDefinition(
                name: "look.around", summary: "Looks.",
                documentation: StepDocumentation(details: "", output: "", examples: []), schema: ["type": "object"]
            ) { [world] _, _ in
                let file = FileManager.default.contents(atPath: (world?.directory ?? "") + "/a.txt") ?? Data()
                return [.string(world?.secrets["hook"] ?? ""), .string(String(decoding: file, as: UTF8.self))]
            }
        ]
    }
}
