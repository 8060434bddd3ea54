import ArgumentParser
import RunnelEngine
import RunnelKit
import Testing

@testable import RunnelCLI

@Suite("The runs that `runs retry` selects") struct RetrySelectionTests {
    @Test("all that match are retried, the oldest first, however many they are")
    func many() async throws {
        let journal = MemoryJournal()
        let ids = (10_000...20_001).map { "run-\($0)" }
        for id in ids {
            var run = RunRecord(id: id, pipeline: "p", definition: "", trigger: [:], createdAt: 1)
            run.state = .failed
            _ = await journal.accept(run, memory: nil)
        }
        let command = try await RunsRetryCommand.asyncParse(["--state", "failed"])
        let selected = try await command.selected(in: journal)
        #expect(selected == ids)
    }

    @Test("a run that was retried is left out, also where its retry has the smaller id or another pipeline")
    func retried() async throws {
        let journal = MemoryJournal()
        // A clock was set back between them.
        for (id, pipeline, old) in [("run-3", "p", nil), ("run-1", "p", "run-3"), ("run-2", "q", "run-1")] {
            var run = RunRecord(id: id, pipeline: pipeline, definition: "", trigger: [:], createdAt: 1, retryOf: old)
            run.state = .failed
            _ = await journal.accept(run, memory: nil)
        }
        let all = try await RunsRetryCommand.asyncParse(["--state", "failed"])
        #expect(try await all.selected(in: journal) == ["run-2"])
        let ofPipeline = try await RunsRetryCommand.asyncParse(["--state", "failed", "--pipeline", "p"])
        #expect(try await ofPipeline.selected(in: journal) == [])
    }
}
