import Foundation
import TestSupport
import Testing

@Suite("jq in the built runnel") struct EvaluatorTests {
    @Test("a program that ends libjq fails its step; the run and the process go on")
    func abort() async throws {
        let pipeline = """
            name: slice
            steps:
              - id: part
                uses: transform
                with: { from: { items: [1, 2, 3], at: -1 }, jq: ".items[(.at | log | floor):] | length" }
                on_error: continue
              - id: count
                uses: transform
                with: { from: [1, 2, 3], jq: "length" }
              - uses: template
                with: { text: "{{ steps.count }} items, went on" }
            """
        try await withProject(["slice.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["run", "slice", "--no-journal"])
            #expect(ended.output == "3 items, went on\n")
            #expect(ended.status == 0)
        }
    }

    @Test("a wrong program is found by validate, which compiles it in a process of its own")
    func validate() async throws {
        let pipeline = """
            name: wrong
            steps:
              - uses: transform
                with: { jq: ".a | nope" }
            """
        try await withProject(["wrong.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "wrong.yaml"])
            #expect(ended.error.hasPrefix("wrong.yaml:4:"))
            #expect(ended.error.contains("error: `jq`: invalid jq program: nope/0 is not defined, line 1"))
            #expect(ended.status == 2)
        }
    }

    @Test("a regular expression is checked by validate with its flags and its group, unless a template is among them")
    func validateRegex() async throws {
        let pipeline = """
            name: groups
            steps:
              - uses: transform
                with: { from: a, regex: { pattern: "(a)", group: 2 } }
              - uses: transform
                with: { from: a, regex: { pattern: "(a # b)", flags: x } }
              - uses: transform
                with: { from: a, regex: { pattern: "{{ input }}", group: 1 } }
              - uses: transform
                with: { from: a, regex: { pattern: "(a)", group: "{{ input }}" } }
              - uses: transform
                with: { from: a, regex: { pattern: "(a # b)", flags: "{{ input }}" } }
            """
        try await withProject(["groups.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "groups.yaml"])
            let lines = ended.error.split(separator: "\n").filter { $0.hasPrefix("groups.yaml:") }
            #expect(lines.map { $0.split(separator: ":")[1] } == ["4", "6"])
            #expect(lines.first?.hasSuffix("error: `regex`: the pattern has no group 2 [no-such-group]") == true)
            #expect(ended.error.contains("`regex.pattern`: invalid regular expression: end pattern with unmatched "))
            #expect(ended.status == 2)
        }
    }

    #if os(Linux)
    @Test("kill -9 of runnel ends its evaluator, also in the middle of an evaluation")
    func orphans() async throws {
        let pipeline = """
            name: endless
            steps:
              - uses: transform
                with: { jq: "last(range(1e12))", timeout: 10m }
            """
        try await withProject(["endless.yaml": pipeline]) { runnel in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: RunnelProcess.path)
            process.arguments = ["run", "endless", "--no-journal"]
            process.currentDirectoryURL = URL(fileURLWithPath: runnel.directory)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
            process.terminationHandler = { _ in continuation.finish() }
            try process.run()
            var evaluator: pid_t?
            while evaluator == nil {
                try await waitTurn()
                evaluator = Self.children(of: process.processIdentifier).first {
                    Self.text("/proc/\($0)/cmdline").hasPrefix("runnel: jq evaluator")
                }
            }
            kill(process.processIdentifier, SIGKILL)
            for await _ in ended {}
            let state = try #require(evaluator)
            // Gone, or taken in by whoever takes in orphans and dead.
            while !["", "Z", "X"].contains(Self.state(of: state)) { try await waitTurn() }
        }
    }

    private static func text(_ path: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func children(of process: pid_t) -> [pid_t] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return threads.flatMap {
            text("/proc/\(process)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) }
        }
    }

    /// The letter behind the name in parentheses; "" when there is no such process.
    private static func state(of process: pid_t) -> String {
        text("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ").first.map(String.init) ?? ""
    }
    #endif
}
