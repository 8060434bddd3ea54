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
}
