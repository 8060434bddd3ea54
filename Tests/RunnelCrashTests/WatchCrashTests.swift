import Foundation
import RunnelEngine
import RunnelKit
import RunnelStore
import TestSupport
import Testing

/// Files that come in every way there is, while the server that waits for them is killed at random moments.
///
/// `RUNNEL_FILES` says how many (300 unless given), `RUNNEL_SEED` repeats a sequence.
@Suite("kill -9 of a server that watches a folder") struct WatchCrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let files = environment["RUNNEL_FILES"].flatMap { Int($0) } ?? 300
    private static let seed = environment["RUNNEL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    private static let pipeline = """
        name: keep
        on:
          watch: { path: inbox, settle: 1s, after: move }
        steps:
          - id: file
            uses: file.read
            with: { path: "{{ trigger.path }}" }
          - uses: file.write
            with: { path: "out/{{ trigger.name }}", content: "{{ steps.file.text }}" }
        """

    @Test("each file is worked on exactly once, whole, and moved away")
    func kills() async throws {
        print("watch harness: \(Self.files) files, seed \(Self.seed)")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-watch-\(UUID().uuidString)")
        let inbox = folder.appendingPathComponent("inbox")
        try FileManager.default.createDirectory(at: inbox, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(Self.pipeline.utf8).write(to: folder.appendingPathComponent("keep.yaml"))
        try Data("journal: { keep_runs: 100000 }\n".utf8).write(to: folder.appendingPathComponent("runnel.yaml"))

        let arrivals = Arrivals(inbox: inbox, count: Self.files, seed: Self.seed)
        var generator = SeededGenerator(seed: Self.seed &+ 1)
        var kills = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await arrivals.run() }
            while await !arrivals.isOver {
                let server = try WatchServer(folder: folder)
                // The moment of the kill is what is tried here, so this is a time and not a wait for something.
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...1500, using: &generator)))
                await server.end(SIGKILL)
                kills += 1
            }
            try await group.waitForAll()
        }
        // Whatever is left is brought to its end, undisturbed.
        let server = try WatchServer(folder: folder)
        #expect(
            await eventually(.seconds(300)) { (try? FileManager.default.contentsOfDirectory(atPath: inbox.path)) == [] }
        )
        await server.end(SIGTERM)
        try await check(folder, kills)
    }

    private func check(_ folder: URL, _ kills: Int) async throws {
        let journal = try SQLiteJournal.open(directory: folder.path + "/.runnel")
        #expect(try await journal.check() == [])
        let runs = try await journal.runs(RunFilter(limit: 1_000_000))
        await journal.close()
        print(
            "watch harness: \(runs.count) runs, \(kills) kills, \(runs.map(\.interruptions).reduce(0, +)) interruptions"
        )
        #expect(runs.filter { $0.state != .succeeded }.map { "\($0.id) \($0.state): \($0.error?.json() ?? "")" } == [])
        var counts: [String: Int] = [:]
        for run in runs { counts[run.trigger["name"]?.asString ?? "", default: 0] += 1 }
        #expect(counts.filter { $0.value > 1 } == [:])
        #expect(counts.count == Self.files)
        for number in 0..<Self.files {
            let name = Arrivals.name(number)
            for place in ["out", "done"] {
                let content = try? String(
                    contentsOf: folder.appendingPathComponent("\(place)/\(name)"), encoding: .utf8)
                #expect(content == Arrivals.content(number), "\(place)/\(name)")
            }
        }
    }
}

/// Puts files into a folder: by rename, by writing in pieces, and by copying.
private actor Arrivals {
    private let inbox: URL
    private let count: Int
    private var generator: SeededGenerator
    private(set) var isOver = false

    init(inbox: URL, count: Int, seed: UInt64) {
        self.inbox = inbox
        self.count = count
        generator = SeededGenerator(seed: seed)
    }

    static func name(_ number: Int) -> String { "file-\(number).txt" }

    static func content(_ number: Int) -> String {
        "number \(number): " + String(repeating: "all of it is here. ", count: number % 40 + 1)
    }

    /// Made and written without being closed in between, or the empty file would be a file of its own. The thread is kept:
    /// a task could be resumed later than `settle` allows.
    private static func writeInPieces(_ content: Data, to target: URL) throws {
        let descriptor = open(target.path, O_CREAT | O_WRONLY, 0o644)
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        for piece in [content.prefix(8), content.dropFirst(8)] {
            try file.write(contentsOf: piece)
            usleep(5_000)
        }
        try file.close()
    }

    func run() async throws {
        defer { isOver = true }
        for number in 0..<count {
            let target = inbox.appendingPathComponent(Self.name(number))
            let content = Data(Self.content(number).utf8)
            switch number % 3 {
            case 0:
                let other = inbox.appendingPathComponent(".\(Self.name(number))")
                try content.write(to: other)
                try FileManager.default.moveItem(at: other, to: target)
            case 1:
                try Self.writeInPieces(content, to: target)
            default:
                let source = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
                try content.write(to: source)
                try FileManager.default.copyItem(at: source, to: target)
                try FileManager.default.removeItem(at: source)
            }
            // In bursts, as files come.
            if Int.random(in: 0..<50, using: &generator) == 0 { try await Task.sleep(for: .milliseconds(300)) }
        }
    }
}

/// A real `runnel serve`.
private struct WatchServer {
    private let process = Process()
    private let ended = AsyncStream.makeStream(of: Void.self)

    init(folder: URL) throws {
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("runnel")
        process.arguments = ["serve", ".", "--port", "0"]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.terminationHandler = { [ended] _ in ended.continuation.finish() }
        try process.run()
    }

    func end(_ signal: Int32) async {
        kill(process.processIdentifier, signal)
        for await _ in ended.stream {}
    }
}
