import LibC
import RunnelKit
import RunnelTesting
import Testing

@testable import FilePlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder with a project in `project` and something outside of it beside that.
struct Files {
    let root: String
    var project: String { root + "/project" }
    var harness: StepHarness { StepHarness(directory: project) }

    func write(_ text: String, _ path: String) throws {
        try write(Array(text.utf8), path)
    }

    /// - Parameter path: Relative to the root; folders are made.
    func write(_ bytes: [UInt8], _ path: String) throws {
        let full = root + "/" + path
        let folder = full.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: full))
    }

    func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: true)
    }

    /// - Parameter target: As it is written into the link.
    func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: root + "/" + path, withDestinationPath: target)
    }

    func makePipe(_ path: String) throws {
        try #require(mkfifo(root + "/" + path, 0o600) == 0)
    }

    func setMode(_ mode: mode_t, of path: String) throws {
        try #require(chmod(root + "/" + path, mode) == 0)
    }

    func mode(of path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(root + "/" + path, &status) == 0)
        return status.st_mode & 0o777
    }

    static var isRoot: Bool { geteuid() == 0 }

    func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Everything below the root, sorted.
    var names: [String] {
        (try? FileManager.default.subpathsOfDirectory(atPath: root).sorted()) ?? []
    }

    func read(_ with: ValueObject, harness: StepHarness? = nil) async throws -> Value {
        try await (harness ?? self.harness).run(FileRead.self, with: with)
    }

    func write(with: ValueObject, harness: StepHarness? = nil) async throws -> Value {
        try await (harness ?? self.harness).run(FileWrite.self, with: with)
    }

    func readError(
        _ with: ValueObject, harness: StepHarness? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> StepError {
        try await #require(throws: StepError.self, sourceLocation: sourceLocation) {
            _ = try await read(with, harness: harness)
        }
    }

    func writeError(
        _ with: ValueObject, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> StepError {
        try await #require(throws: StepError.self, sourceLocation: sourceLocation) { _ = try await write(with: with) }
    }
}

/// Runs `body` with fresh folders.
func withFiles(_ body: (Files) async throws -> Void) async throws {
    try await withTemporaryDirectory { root in
        let files = Files(root: root)
        try files.makeFolder("project")
        try await body(files)
    }
}
