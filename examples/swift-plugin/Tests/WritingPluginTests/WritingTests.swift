import Foundation
import RunnelKit
import RunnelTesting
import Testing

@testable import WritingPlugin

@Suite("Writing") struct WritingTests {
    @Test("the step counts, and keeps what every step promises")
    func count() async throws {
        let harness = StepHarness()
        #expect(try await harness.run(CountWords.self, with: ["text": "one two\nthree"]) == ["words": 3, "lines": 2])
        #expect(await StepConformance(CountWords.self, with: ["text": "a b"]).findings() == [])
    }

    @Test("the filter rounds up, at the speed that is set")
    func filter() throws {
        var settings = WritingPlugin.Settings()
        settings.wordsPerMinute = 2
        let filter = try #require(WritingPlugin().configured(settings).filters.first)
        #expect(try filter.apply("one two three", []) == "2 min")
    }

    @Test("a commit starts one run; the one that was there at first, none")
    func commits() async throws {
        try await withTemporaryDirectory { directory in
            let clock = ManualClock()
            var harness = TriggerHarness()
            harness.clock = clock
            harness.project = ProjectDirectory(path: directory)
            let heads = directory + "/.git/refs/heads"
            try FileManager.default.createDirectory(atPath: heads, withIntermediateDirectories: true)
            try "aaaa\n".write(toFile: heads + "/main", atomically: true, encoding: .utf8)
            let (context, runs) = (harness.context, harness.runs)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await TriggerDefinition(Commits.self).run([:], context) }
                try await runs.wait { $0.health.contains(.waiting("after aaaa")) }
                try "bbbb\n".write(toFile: heads + "/main", atomically: true, encoding: .utf8)
                await clock.waitForSleepers(1)
                clock.advance(by: .seconds(10))
                try await runs.waitForAccepted(1)
                #expect(await runs.accepted.map(\.dedupeKey) == ["bbbb"])
                group.cancelAll()
            }
        }
    }

    @Test("the executable has the whole of Runnel, with jq in child processes of its own")
    func executable() async throws {
        try await withTemporaryDirectory { directory in
            let pipeline = """
                name: numbers
                steps:
                  - { id: bad, uses: transform, with: { from: [1], jq: ".[nan:1]" }, on_error: continue }
                  - { id: good, uses: transform, with: { from: [1, 2], jq: "map(. * 2)" } }
                  - { uses: template, with: { text: "{{ steps.good | tojson }}" } }
                """
            try pipeline.write(toFile: directory + "/numbers.yaml", atomically: true, encoding: .utf8)
            let output = directory + "/output"
            FileManager.default.createFile(atPath: output, contents: nil)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appendingPathComponent("writing-runnel")
            process.arguments = ["run", "numbers", "--no-journal"]
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
            process.standardError = FileHandle.nullDevice
            let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
            process.terminationHandler = { _ in continuation.finish() }
            try process.run()
            for await _ in ended {}
            #expect(process.terminationStatus == 0)
            #expect(try String(contentsOfFile: output, encoding: .utf8) == "[2,4]\n")
        }
    }
}
