import ArgumentParser
import Foundation
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

    @Test("a retry runs the pipeline of its run, wherever its file is now, and no other one")
    func movedFile() async throws {
        func pipeline(_ name: String, _ text: String) -> String {
            "name: \(name)\nsteps: [ { uses: template, with: { text: \(text) } } ]\n"
        }
        let files = ["runnel.yaml": "", "pipelines/job.yaml": pipeline("job", "first")]
        try await withProject(files) { runnel in
            func write(_ file: String, _ text: String) throws {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(runnel.directory)/pipelines/\(file)"))
            }
            let below = RunnelProcess(directory: runnel.directory + "/pipelines")
            #expect(try await below.run(["run", "job.yaml"]).output == "first\n")
            try write("job.yaml", pipeline("job", "corrected"))
            let corrected = try await runnel.run(["runs", "retry", "last"])
            #expect(corrected.output == "corrected\n", "\(corrected.error)")
            try write("daily.yaml", pipeline("job", "moved"))
            try write("job.yaml", pipeline("purge", "purged"))
            let moved = try await runnel.run(["runs", "retry", "last"])
            #expect(moved.output == "moved\n", "\(moved.error)")
            try write("daily.yaml", pipeline("other", "other"))
            let refused = try await runnel.run(["runs", "retry", "last"])
            #expect(refused.status == 2)
            #expect(
                refused.error.contains(
                    "cannot be retried: \"pipelines/daily.yaml\" holds the pipeline \"other\" now, and no file of the "
                        + "project holds \"job\"\n  = --unchanged uses the pipeline that the run began with\n"),
                "\(refused.error)")
            #expect(try await runnel.run(["runs", "retry", "last", "--unchanged"]).output == "moved\n")
        }
    }
}
