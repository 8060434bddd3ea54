import Foundation
import NIOCore
import NIOPosix
import RunnelEngine
import RunnelStore
import Synchronization

/// A `runnel serve` that was started for a test.
final class Server: Sendable {
    struct Ended {
        let status: Int32
        let wasKilled: Bool
        /// From the first signal on.
        let time: Duration
        let error: String
    }

    let folder: Folder
    let port: Int
    let error: StreamText
    let identifier: pid_t
    private let end: AsyncStream<(status: Int32, wasKilled: Bool)>
    private let signalledAt = Mutex<ContinuousClock.Instant?>(nil)

    struct NotListening: Error {
        let status: Int32
        let output: String
        let error: String
    }

    /// Another binary to try, such as one that was built before a change.
    private static var program: URL {
        ProcessInfo.processInfo.environment["RUNNEL_SHUTDOWN_BINARY"].map { URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("runnel")
    }

    /// Starts it, and returns once it listens or has printed `mark`.
    ///
    /// - Parameters:
    ///   - openFiles: How many files the process may open.
    ///   - environment: Further variables.
    init(
        _ folder: Folder, _ arguments: [String] = [], until mark: String = "Listening on http://127.0.0.1:",
        openFiles: Int? = nil, environment: [String: String] = [:]
    ) async throws {
        self.folder = folder
        let process = Process()
        let command = [Self.program.path, "serve"] + (arguments.contains("--port") ? [] : ["--port", "0"]) + arguments
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let limit = openFiles.map { "ulimit -n \($0); " } ?? ""
        process.arguments = ["-c", limit + "exec \"$@\"", "sh"] + command
        process.currentDirectoryURL = folder.url
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
            .merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let output = try StreamText(in: folder, "stdout")
        let errors = try StreamText(in: folder, "stderr")
        error = errors
        (process.standardOutput, process.standardError) = (output.handle, errors.handle)
        let (end, ending) = AsyncStream.makeStream(of: (status: Int32, wasKilled: Bool).self)
        self.end = end
        process.terminationHandler = { process in
            output.end()
            errors.end()
            ending.yield((process.terminationStatus, process.terminationReason == .uncaughtSignal))
            ending.finish()
        }
        try process.run()
        identifier = process.processIdentifier
        let text = await output.wait(for: mark)
        guard let start = text.firstRange(of: mark) else {
            var iterator = end.makeAsyncIterator()
            let status = await iterator.next()?.status ?? 0
            throw NotListening(status: status, output: text, error: errors.current)
        }
        port = Int(text[start.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    func signal(_ number: Int32) {
        signalledAt.withLock { $0 = $0 ?? .now }
        kill(identifier, number)
    }

    /// Waits for the end; after `limit` the process is killed, so that a test ends in any case.
    func ended(within limit: Duration = .seconds(60)) async -> Ended {
        let killer = Task { [identifier] in
            try await Task.sleep(for: limit)
            kill(identifier, SIGKILL)
        }
        var iterator = end.makeAsyncIterator()
        let (status, wasKilled) = await iterator.next() ?? (-1, true)
        killer.cancel()
        let time = signalledAt.withLock { $0 }.map { ContinuousClock.now - $0 } ?? .zero
        return Ended(status: status, wasKilled: wasKilled, time: time, error: error.current)
    }

    /// - Parameter token: nil for that of the API.
    func call(
        _ method: String, _ path: String, body: String? = nil, token: String? = nil
    ) async throws -> CallerAnswer {
        let length = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        let file = folder.url.appendingPathComponent(".runnel/api-token")
        let token = token ?? (try? String(contentsOf: file, encoding: .utf8)).map { String($0.dropLast()) } ?? ""
        let request =
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n\(length)Connection: close\r\n\r\n\(body ?? "")"
        let (pieces, piece) = AsyncStream.makeStream(of: String.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reader(piece))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(string: request))
        var text = ""
        for await piece in pieces { text += piece }
        guard let answer = CallerAnswer.take(from: &text) else { throw BrokenAnswer(text: text) }
        return answer
    }

    struct BrokenAnswer: Error { let text: String }

    /// Returns once so many runs are worked on.
    func waitForRunning(_ count: Int) async throws {
        try await wait(forStatus: "\"running\":\(count),")
    }

    /// Returns once the status contains `part`, and throws when the test's time limit is over.
    func wait(forStatus part: String) async throws {
        while try await !call("GET", "/api/v1/status").body.contains(part) { try Task.checkCancellation() }
    }
}

/// Lets this process open as many files as it may: each caller takes one.
func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// What a process writes, into a file, which no amount of output can fill up as it can a pipe.
final class StreamText: Sendable {
    private let file: URL
    let handle: FileHandle
    private let hasEnded = Mutex(false)

    init(in folder: Folder, _ name: String) throws {
        file = folder.url.appendingPathComponent("\(name).\(UUID().uuidString)")
        try Data().write(to: file)
        handle = try FileHandle(forWritingTo: file)
    }

    var current: String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }

    /// The process writes nothing any more.
    func end() {
        try? handle.close()
        hasEnded.withLock { $0 = true }
    }

    /// Waits for a whole line with `mark`, the end, or the test's time limit, and returns the text up to then.
    func wait(for mark: String) async -> String {
        while true {
            let isOver = hasEnded.withLock { $0 } || Task.isCancelled
            let text = current
            let rest = text.firstRange(of: mark).map { text[$0.upperBound...] }
            if isOver || rest.map({ $0.contains("\n") || mark.hasSuffix("\n") }) ?? false { return text }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// A project's folder.
struct Folder: Sendable {
    let url: URL

    init(_ files: [String: String]) throws {
        url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("runnel-shutdown-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (name, content) in files { try write(name, content) }
    }

    func write(_ name: String, _ content: String) throws {
        let file = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
    }

    func remove() {
        try? FileManager.default.removeItem(at: url)
    }

    func withJournal<Result>(_ body: (any Journal) async throws -> Result) async throws -> Result {
        let journal = try SQLiteJournal.open(directory: url.path + "/.runnel")
        let result = try await body(journal)
        await journal.close()
        return result
    }
}

private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let piece: AsyncStream<String>.Continuation

    init(_ piece: AsyncStream<String>.Continuation) {
        self.piece = piece
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        piece.yield(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        piece.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
