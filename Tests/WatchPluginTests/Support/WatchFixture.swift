import Foundation
import RunnelKit
import RunnelTesting
import TestSupport

@testable import WatchPlugin

/// A project with a folder `inbox` and a place beside it to prepare files in.
struct WatchFixture: Sendable {
    let path: String
    var harness: TriggerHarness

    /// Runs `body` with a fresh project.
    static func with(
        clock: any Clock<Duration> = ContinuousClock(), _ body: (WatchFixture) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { path in
            var harness = TriggerHarness()
            harness.clock = clock
            harness.now = { 1_800_000_000_000_000_000 }
            harness.project = ProjectDirectory(path: path)
            let fixture = WatchFixture(path: path, harness: harness)
            try fixture.makeFolder("inbox")
            try fixture.makeFolder("staging")
            try await body(fixture)
        }
    }

    var runs: RecordedRuns { harness.runs }

    /// Runs the trigger while `body` runs.
    func watching(
        _ more: ValueObject = [:], waitsForStart: Bool = true, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        var entry: ValueObject = ["path": "inbox"]
        for (key, value) in more { entry[key] = value }
        let start = await runs.health.count
        try await run(entry, in: harness.context) { [runs] in
            if waitsForStart { try await runs.wait { $0.health.count > start } }
            try await body()
        }
    }

    func run(
        _ entry: ValueObject, in context: TriggerContext, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let definition = TriggerDefinition(Watch.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await definition.run(entry, context) }
            group.addTask { try await body() }
            try await group.next()
            group.cancelAll()
        }
    }

    /// The same project with an engine that only counts.
    func context(_ runs: CountingRuns) -> TriggerContext {
        TriggerContext(
            pipeline: "test", key: "watch", logger: harness.context.logger, clock: harness.clock, now: harness.now,
            services: harness.services, project: harness.project, memory: harness.memory, runs: runs)
    }

    /// Returns once the condition holds, for what nobody tells of.
    func eventually(_ condition: () throws -> Bool) async throws {
        while try !condition() { try await waitTurn() }
    }

    // MARK: Files

    func absolute(_ name: String) -> String { path + "/" + name }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: absolute(name), withIntermediateDirectories: true)
    }

    /// Writes in place, and closes.
    func write(_ text: String, to name: String) throws {
        guard let file = fopen(absolute(name), "w") else { throw POSIXError(.EIO) }
        fputs(text, file)
        fclose(file)
    }

    /// Writes elsewhere and renames.
    func drop(_ text: String, at name: String) throws {
        let staged = "staging/" + UUID().uuidString
        try write(text, to: staged)
        try rename(staged, to: name)
    }

    /// - Parameter seconds: The new modification time, since 1970.
    func setTime(of name: String, to seconds: Int) {
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        utimensat(AT_FDCWD, absolute(name), [time, time], 0)
    }

    func rename(_ name: String, to other: String) throws {
        guard Foundation.rename(absolute(name), absolute(other)) == 0 else { throw POSIXError(.EIO) }
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: absolute(name)) }

    func text(_ name: String) -> String? { try? String(contentsOfFile: absolute(name), encoding: .utf8) }

    func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: absolute(folder)).sorted()
    }

    func status(_ name: String) throws -> FileStatus? {
        guard case .file(let status) = try ProjectTree(base: path).entry(at: FilePath(name)) else { return nil }
        return status
    }
}

extension TriggerEvent {
    var path: String { input.text }
}

extension RecordedRuns {
    var paths: [String] { accepted.map(\.path) }

    func waitForHealth(_ health: TriggerHealth, after count: Int = 0) async throws {
        try await wait { $0.health.dropFirst(count).contains(health) }
    }
}

extension TriggerHealth {
    static let watching = TriggerHealth.waiting(
        "for files in \"inbox\"", translations: ["ja": "「inbox」のファイルを待機中"])
}

extension WatchFixture {
    /// - Parameter path: Bytes with a NUL at the end.
    func createEmpty(_ path: [UInt8]) throws {
        let file = path.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o644) } }
        }
        guard let file, file >= 0 else { throw POSIXError(.EIO) }
        close(file)
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: absolute(name), withDestinationPath: target)
    }
}

extension WatchFixture {
    func systemSetting(_ name: String) throws -> String {
        try String(contentsOfFile: "/proc/sys/" + name, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension WatchFixture {
    /// What is remembered of files.
    var ledger: [String: Value] { harness.memory.all.filter { $0.key.hasPrefix("file/") } }
}
