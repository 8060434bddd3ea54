import RunnelKit
import RunnelTesting
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Files of the project, for steps of any package") struct ProjectAccessTests {
    @Test("a file is written whole, kept or refused as asked, added to, and read")
    func access() async throws {
        try await withTemporaryDirectory { directory in
            let project = ProjectDirectory(path: directory)
            let path = try project.confinedFile("out/a.txt")
            #expect(try project.write(Array("one".utf8), to: path, runID: "r"))
            #expect(try project.write(Array("two".utf8), to: path, ifExists: .keep, runID: "r") == false)
            let error = #expect(throws: StepError.self) {
                try project.write(Array("two".utf8), to: path, ifExists: .fail, runID: "r")
            }
            #expect(error?.code == "file-exists")
            try project.append(Array("+".utf8), to: path)
            #expect(try project.text(of: "out/a.txt") == "one+")
            let file = try project.read("./out/a.txt")
            #expect(file.path == "out/a.txt")
            #expect(file.facts["size"] == 4)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/out") == ["a.txt"])
        }
    }

    @Test(
        "nothing leads out of the project or into a protected place",
        arguments: [
            ("../a", "path-outside"), ("/etc/passwd", "path-outside"), (".git/config", "path-protected"),
            ("link/a", "path-is-link"), ("", "bad-path"), (".", "file-is-folder"), ("none", "file-not-found"),
        ])
    func confined(path: String, code: String) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "/tmp")
            let project = ProjectDirectory(path: directory)
            let reading = #expect(throws: StepError.self) { try project.read(path) }
            #expect(reading?.code == code)
            guard code != "file-not-found" else { return }
            let writing = #expect(throws: StepError.self) {
                try project.append([1], to: project.confinedFile(path))
            }
            #expect(writing?.code == code)
        }
    }

    @Test("a file that is too large is not read, and a name that is nearly right is suggested")
    func limits() async throws {
        try await withTemporaryDirectory { directory in
            let project = ProjectDirectory(path: directory)
            try project.write(Array("12345".utf8), to: project.confinedFile("notes.md"), runID: "r")
            let large = #expect(throws: StepError.self) { try project.read("notes.md", upTo: ByteCount(4)) }
            #expect(large?.message == "\"notes.md\" is larger than 4B")
            let missing = #expect(throws: StepError.self) { try project.read("note.md") }
            #expect(missing?.hint == "did you mean \"notes.md\"?")
        }
    }
}
