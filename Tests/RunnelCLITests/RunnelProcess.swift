import Foundation

/// The built `runnel`, run as a person would run it.
struct RunnelProcess {
    struct Ended {
        let status: Int32
        let output: String
        let error: String
    }

    /// The folder it runs in.
    let directory: String
    var environment: [String: String] = [:]
    /// What is run in the place of `runnel`.
    var program: String?

    /// Beside the test's own program.
    static var path: String {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return folder.appendingPathComponent("runnel").path
    }

    func run(_ arguments: [String], input: String? = nil) async throws -> Ended {
        let (process, files) = try prepared(arguments, input: input)
        defer { files.remove() }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return Ended(
            status: process.terminationStatus, output: try String(contentsOf: files.output, encoding: .utf8),
            error: try String(contentsOf: files.error, encoding: .utf8))
    }

    /// Sends SIGINT as soon as standard error holds `mark`, and waits for the end.
    func interrupt(_ arguments: [String], after mark: String) async throws -> Ended {
        try await signal(SIGINT, arguments) { $0.contains(mark) }
    }

    /// The same, as soon as `isTime` says so of all that standard error holds; it is asked at each new piece.
    func interrupt(_ arguments: [String], when isTime: (String) -> Bool) async throws -> Ended {
        try await signal(SIGINT, arguments, when: isTime)
    }

    /// The same, as soon as `isTime` says so of what standard output holds.
    func interruptOutput(_ arguments: [String], when isTime: (String) -> Bool) async throws -> Ended {
        try await signal(SIGINT, arguments, isOutput: true, when: isTime)
    }

    /// The same with SIGTERM, as soon as standard error holds `mark`.
    func terminate(_ arguments: [String], after mark: String) async throws -> Ended {
        try await signal(SIGTERM, arguments) { $0.contains(mark) }
    }

    /// The same with SIGKILL, which a process cannot do anything about.
    func kill(_ arguments: [String], after mark: String) async throws -> Ended {
        try await signal(SIGKILL, arguments) { $0.contains(mark) }
    }

    private func signal(
        _ signal: Int32, _ arguments: [String], isOutput: Bool = false, when isTime: (String) -> Bool
    ) async throws -> Ended {
        let (process, files) = try prepared(arguments, input: nil)
        defer { files.remove() }
        let pipe = Pipe()
        if isOutput { process.standardOutput = pipe } else { process.standardError = pipe }
        let ended = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in ended.continuation.finish() }
        try process.run()
        var text = ""
        var isSent = false
        for await data in pipe.fileHandleForReading.pieces {
            text += String(decoding: data, as: UTF8.self)
            if !isSent, isTime(text) {
                isSent = true
                Foundation.kill(process.processIdentifier, signal)
            }
        }
        for await _ in ended.stream {}
        return Ended(
            status: process.terminationStatus,
            output: isOutput ? text : try String(contentsOf: files.output, encoding: .utf8),
            error: isOutput ? try String(contentsOf: files.error, encoding: .utf8) : text)
    }

    private func prepared(
        _ arguments: [String], input: String?
    ) throws -> (process: Process, files: StreamFiles) {
        let files = try StreamFiles()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program ?? Self.path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
        variables.merge(environment) { _, own in own }
        process.environment = variables
        process.standardOutput = try files.open(files.output)
        process.standardError = try files.open(files.error)
        if let input {
            try Data(input.utf8).write(to: files.input)
            process.standardInput = try files.open(files.input)
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        return (process, files)
    }
}

extension FileHandle {
    /// The data as it comes, read on a thread of its own. With `readabilityHandler`, on Linux, the end of a pipe is missed now
    /// and then.
    var pieces: AsyncStream<Data> {
        AsyncStream { continuation in
            Thread {
                while true {
                    let data = self.availableData
                    if data.isEmpty { break }
                    continuation.yield(data)
                }
                continuation.finish()
            }.start()
        }
    }
}

/// Where a process reads from and writes to: files, which no amount of output can fill up as it can a pipe.
private final class StreamFiles {
    let folder: URL
    /// Closed by hand: on Linux a `Process` that has ended is kept, and its handles with it.
    private var handles: [FileHandle] = []
    var input: URL { folder.appendingPathComponent("in") }
    var output: URL { folder.appendingPathComponent("out") }
    var error: URL { folder.appendingPathComponent("err") }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-streams-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for file in [output, error] { try Data().write(to: file) }
    }

    func open(_ file: URL) throws -> FileHandle {
        let handle = try file == input ? FileHandle(forReadingFrom: file) : FileHandle(forWritingTo: file)
        handles.append(handle)
        return handle
    }

    func remove() {
        for handle in handles { try? handle.close() }
        try? FileManager.default.removeItem(at: folder)
    }
}

extension RunnelProcess {
    /// Creates a file of 1 TiB that begins with `content`. It is sparse, so it takes no space on disk.
    func makeSparseFile(_ name: String, _ content: String = "") throws {
        let file = URL(fileURLWithPath: directory + "/" + name)
        try Data(content.utf8).write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: 1 << 40)
        try handle.close()
    }
}

/// A project in a temporary folder, with the `runnel` that works in it.
func withProject<Result>(
    _ files: [String: String], environment: [String: String] = [:],
    _ body: (RunnelProcess) async throws -> Result
) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        .appendingPathComponent("runnel-cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, content) in files {
        let file = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
    }
    return try await body(RunnelProcess(directory: folder.path, environment: environment))
}
