import Foundation
import Testing

@testable import RunnelCLI

@Suite("The pipeline files below a folder") struct PipelineFolderTests {
    private let root = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        .appendingPathComponent("runnel-folder-\(UUID().uuidString)")

    private func write(_ names: String...) throws {
        for name in names {
            let file = root.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("steps: []\n".utf8).write(to: file)
        }
    }

    private func age(_ name: String) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -3600)],
            ofItemAtPath: root.appendingPathComponent(name).path)
    }

    private func names(_ folder: PipelineFolder) throws -> [String] {
        try folder.files().map { String($0.dropFirst(root.path.count + 1)) }
    }

    @Test("are the YAML files that are no configuration, manifest or test, in no folder that begins with a dot")
    func kinds() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write(
            "b.yaml", "a.yml", "deep/er/c.yaml", "runnel.yaml", "deep/plugin.yaml",
            "b.test.yaml",
            ".runnel/d.yaml", ".hidden.yaml", "notes.txt", "folder.yaml/e.yaml")
        try FileManager.default.createSymbolicLink(
            atPath: root.appendingPathComponent("circle").path, withDestinationPath: root.path)
        #expect(try names(PipelineFolder(root.path)) == ["a.yml", "b.yaml", "deep/er/c.yaml", "folder.yaml/e.yaml"])
        #expect(
            try names(PipelineFolder(root.path + "/")) == ["a.yml", "b.yaml", "deep/er/c.yaml", "folder.yaml/e.yaml"])
    }

    @Test("are not those of another project, of plugins or of packages of Node.js")
    func limits() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write(
            "runnel.yaml", "a.yaml", "plugins/x/values.yaml", "web/node_modules/y/docker-compose.yml", "web/b.yaml",
            "other/runnel.yaml", "other/c.yaml", "other/pipelines/d.yaml")
        #expect(try names(PipelineFolder(root.path)) == ["a.yaml", "web/b.yaml"])
        #expect(
            try names(PipelineFolder(root.appendingPathComponent("other").path)) == [
                "other/c.yaml", "other/pipelines/d.yaml",
            ])
        #expect(try names(PipelineFolder(root.appendingPathComponent("plugins").path)) == ["plugins/x/values.yaml"])
    }

    @Test("that a command was given no folder for are those in `pipelines` of a project, or below a project without it")
    func usual() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write("a.yaml", "deep/b.yaml")
        #expect(PipelineFolder.usual(in: root.path) == root.path)
        #expect(try names(PipelineFolder(searching: root.path)) == ["a.yaml"])
        try write("runnel.yaml")
        #expect(PipelineFolder.usual(in: root.path) == root.path)
        #expect(try names(PipelineFolder(searching: root.path)) == ["a.yaml", "deep/b.yaml"])
        try write("pipelines/c.yaml")
        #expect(PipelineFolder.usual(in: root.path) == root.path + "/pipelines")
        try write("pipelines/runnel.yaml")
        #expect(PipelineFolder.usual(in: root.path) == root.path)
    }

    @Test("are those that there are now, whatever there was before, in old folders and in those changed just now")
    func changes() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write("a.yaml", "deep/b.yaml")
        let folder = PipelineFolder(root.path)
        for isOld in [false, true] {
            if isOld {
                for name in ["deep", ""] { try age(name) }
            }
            #expect(try names(folder) == ["a.yaml", "deep/b.yaml"])
            try write("deep/c.yaml")
            #expect(try names(folder) == ["a.yaml", "deep/b.yaml", "deep/c.yaml"])
            try FileManager.default.removeItem(at: root.appendingPathComponent("deep/c.yaml"))
            #expect(try names(folder) == ["a.yaml", "deep/b.yaml"])
        }
        try FileManager.default.removeItem(at: root.appendingPathComponent("deep"))
        #expect(try names(folder) == ["a.yaml"])
    }

    @Test(
        "keep what they hold while the folder that they are in cannot be read, which is an error of its own",
        .enabled(if: geteuid() != 0, "root reads every folder"))
    func unreadable() async throws {
        let files = [
            "runnel.yaml": "", "pipelines/a.yaml": "steps: [ { uses: log, with: { message: hi } } ]\n",
            "pipelines/team/b.yaml": "steps: [ { uses: log, with: { message: hi } } ]\n",
        ]
        try await withProject(files) { runnel in
            let folder = PipelineFolder(runnel.directory + "/pipelines")
            let team = runnel.directory + "/pipelines/team"
            let before = try folder.contents()
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: team)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: team) }
            let now = try folder.contents()
            #expect(now.map(\.file) == before.map(\.file) + [team + "/"])
            #expect(now.last?.bytes == nil)
            let ended = try await runnel.run(["validate"])
            #expect(ended.status == 2)
            #expect(
                ended.error == """
                    error: cannot read the folder "pipelines/team"; let the user who runs Runnel read and enter it
                    1 pipeline checked, 1 with errors

                    """)
            #expect(
                try await runnel.run(["test"]).error.hasPrefix("error: cannot read the folder \"pipelines/team\";"))
            for command in ["run", "validate", "test", "explain"] {
                let ended = try await runnel.run([command, "pipelines/team/b.yaml"])
                #expect(
                    ended.error == """
                        error: cannot read the file "pipelines/team/b.yaml": Permission denied; let the user who runs \
                        Runnel read it

                        """)
                #expect(ended.status == 2)
            }
        }
    }

    @Test("cannot be told of a folder that is gone, and can when it is back")
    func gone() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write("a.yaml")
        let folder = PipelineFolder(root.path)
        #expect(try names(folder) == ["a.yaml"])
        try FileManager.default.removeItem(at: root)
        let error = #expect(throws: FileReading.Failure.self) { try folder.files() }
        #expect(error?.message == "there is no folder \"\(root.path)\"")
        try write("b.yaml")
        #expect(try names(folder) == ["b.yaml"])
    }
}
