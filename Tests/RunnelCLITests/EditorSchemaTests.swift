import Foundation
import JSONSchema
import RunnelEngine
import RunnelKit
import Testing
import YAML

@Suite("Schemas for editors") struct EditorSchemaTests {
    /// The folder of the package.
    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    @Test("the files that ship with Runnel and those that it creates are valid")
    func valid() async throws {
        try await withProject([:]) { runnel in
            for template in ["hello", "hook", "folder", "schedule"] {
                let made = try await runnel.run(["init", template, "--in", template])
                #expect(made.status == 0, "\(made.error)")
            }
            for language in ["python", "shell", "mcp"] {
                let name = "\(language)-plugin"
                let made = try await runnel.run(["new", "plugin", name, "--language", language, "--project", "hello"])
                #expect(made.status == 0, "\(made.error)")
            }
            let kinds: [(kind: String, isOf: (String) -> Bool)] = [
                ("test", { $0.hasSuffix(".test.yaml") }), ("settings", { $0.hasSuffix("/runnel.yaml") }),
                ("plugin", { $0.hasSuffix("/plugin.yaml") }),
            ]
            for (kind, isOf) in kinds {
                let schema = try JSONSchema(Value.json(try await runnel.run(["schema", kind]).output))
                let files =
                    files(below: runnel.directory) + files(below: Self.package + "/pipelines")
                    + files(below: Self.package + "/plugins") + [Self.package + "/runnel.yaml"]
                let own = files.filter(isOf)
                #expect(own.count >= 3)
                for file in own {
                    let text = try String(contentsOfFile: file, encoding: .utf8)
                    let root = try YAMLParser.parse(Array(text.utf8), name: file).root
                    #expect(schema.validate(root.map { Value($0) } ?? .null) == [], "\(file)")
                    guard file.hasPrefix(runnel.directory) else { continue }
                    // The first line names a schema that is there.
                    let line = text.split(separator: "\n")[0]
                    let path = try #require(line.firstRange(of: "$schema=").map { String(line[$0.upperBound...]) })
                    let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
                    #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(path).path), "\(file)")
                }
            }
        }
    }

    @Test("a description has no line break in the middle of a sentence")
    func descriptions() async throws {
        try await withProject([:]) { runnel in
            for kind in ["pipeline", "test", "settings", "plugin"] {
                // In JSON, a backslash before a line break.
                let schema = try await runnel.run(["schema", kind]).output
                #expect(!schema.contains(#"\\\n"#), "\(kind)")
            }
        }
    }

    @Test("an unknown key is found in each kind of file")
    func wrong() async throws {
        try await withProject([:]) { runnel in
            let wrong: [(kind: String, value: Value)] = [
                ("test", ["tests": [["name": "a", "expct": [:]]]]), ("settings", ["marketplac": [:]]),
                ("plugin", ["name": "a", "comand": ["x"]]), ("pipeline", ["stepz": []]),
            ]
            for (kind, value) in wrong {
                let schema = try JSONSchema(Value.json(try await runnel.run(["schema", kind]).output))
                #expect(!schema.validate(value).isEmpty, "\(kind)")
            }
        }
    }

    @Test("a new plugin's steps are in the schema at once, and a stale schema is found")
    func stale() async throws {
        try await withProject([:]) { runnel in
            _ = try await runnel.run(["init"])
            let made = try await runnel.run(["new", "plugin", "greet"])
            #expect(made.output.contains("  runnel.schema.json\n  runnel.plugin.schema.json\n"))
            let file = URL(fileURLWithPath: runnel.directory + "/runnel.schema.json")
            #expect(try String(contentsOf: file, encoding: .utf8).contains("greet.hello"))
            #expect(!(try await runnel.run(["doctor", "--offline"]).output.contains("schema")))
            try FileManager.default.removeItem(atPath: runnel.directory + "/plugins")
            let said = try await runnel.run(["doctor", "--offline"]).output
            #expect(
                said.contains(
                    """
                    ! schema        runnel.schema.json is out of date, so editors may report errors that are none
                                    = `runnel schema > runnel.schema.json` writes it anew

                    """))
        }
    }

    @Test("a pipeline may keep anchors below keys that begin with x-")
    func anchors() async throws {
        let pipeline = """
            x-retry: &patient { attempts: 5, backoff: 1ms }
            steps: [ { uses: log, with: { message: hi }, retry: *patient } ]
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.error == "1 pipeline checked, all valid\n")
        }
    }

    private func files(below folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(".yaml") }.map { "\(folder)/\($0)" }
    }
}
