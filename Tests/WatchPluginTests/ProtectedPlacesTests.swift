import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watching and places that pipelines do not touch") struct ProtectedPlacesTests {
    @Test(
        "no folder of the trigger may lie in one",
        arguments: [
            ("path", "plugins/x"), ("path", ".git"), ("move_to", "plugins/x"), ("move_to", ".GIT/hooks"),
            ("move_to", ".runnel/outputs"), ("failed", "a/../.git"), ("failed", "sub/.git/hooks"),
            ("move_to", "pipelines"), ("failed", "pipelines/failed"),
        ])
    func folders(key: String, folder: String) async throws {
        try await WatchFixture.with { fixture in
            let error = try await #require(throws: StepError.self) {
                try await fixture.watching([key: .string(folder), "after": "move"], waitsForStart: false) {
                    try await fixture.runs.wait { !$0.health.isEmpty }
                }
            }
            #expect(error.code == "path-protected")
        }
    }

    @Test("files in them are not taken, not even with the whole project watched")
    func files() throws {
        let filter = FileFilter(
            root: .project, include: [], exclude: [], temporary: [], takesHidden: true, ownFolders: [])
        for path in [
            "plugins/x/main.py", ".git/config", ".runnel/journal.db", "runnel.yaml", ".env", "pipelines/a.yaml",
        ] {
            #expect(!filter.takes(file: FilePath(path)), "\(path)")
        }
        #expect(!filter.enters(folder: FilePath("plugins")))
        for path in ["a.txt", "inbox/a.yaml", "pipelines/notes.md"] {
            #expect(filter.takes(file: FilePath(path)), "\(path)")
        }
    }

    @Test("what the setting allows is taken")
    func allowed() {
        let filter = FileFilter(
            root: .project, include: [], exclude: [], temporary: [], takesHidden: true, ownFolders: [],
            protected: ProtectedPlaces(allowed: ["plugins/x/data"]))
        #expect(filter.takes(file: FilePath("plugins/x/data/a.csv")))
        #expect(!filter.takes(file: FilePath("plugins/x/main.py")))
    }
}
