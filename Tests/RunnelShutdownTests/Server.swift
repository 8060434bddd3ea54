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
    private let identifier: pid_t
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
    /// - Parameter openFiles: How many files the process may open.
    init(
        _ folder: Folder, _ arguments: [String] = [], until mark: String = "Listening on http://127.0.0.1:",
        openFiles: Int? = nil
    ) async throws {
        self.folder = folder
        let process = Process()
        let command = [Self.program.path, "serve"] + (arguments.contains("--port") ? [] : ["--port", "0"]) + arguments
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let limit = openFiles.map { "ulimit -n \($0); " } ?? ""
        process.arguments = ["-c", limit + "exec \"$@\"", "sh"] + command
        process.currentDirectoryURL = folder.url
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
        process.standardInput = FileHandle.nullDevice
        let (output, error) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, error)
        let (end, ending) = AsyncStream.makeStream(of: (status: Int32, wasKilled: Bool).self)
        self.end = end
        process.terminationHandler = { process in
            ending.yield((process.terminationStatus, process.terminationReason == .uncaughtSignal))
            ending.finish()
        }
        self.error = StreamText(error.fileHandleForReading)
        let printed = StreamText(output.fileHandleForReading)
        try process.run()
        identifier = process.processIdentifier
        let text = await printed.wait(for: mark)
        guard let start = text.firstRange(of: mark) else {
            var iterator = end.makeAsyncIterator()
            let status = await iterator.next()?.status ?? 0
            throw NotListening(status: status, output: text, error: await self.error.all)
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
        return Ended(status: status, wasKilled: wasKilled, time: time, error: await error.all)
    }

    func call(_ method: String, _ path: String, body: String? = nil) async throws -> CallerAnswer {
        let length = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        let request = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(length)Connection: close\r\n\r\n\(body ?? "")"
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
        while try await !call("GET", "/api/v1/status").body.contains("\"running\":\(count),") {}
    }
}

/// What a process writes, as it comes.
final class StreamText: Sendable {
    private let text = Mutex("")
    private let changes: AsyncStream<Void>

    init(_ handle: FileHandle) {
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.changes = changes
        handle.readabilityHandler = { [self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                change.finish()
            } else {
                text.withLock { $0 += String(decoding: data, as: UTF8.self) }
                change.yield()
            }
        }
    }

    var current: String { text.withLock { $0 } }

    /// All of it, once the process has ended.
    var all: String {
        get async {
            for await _ in changes {}
            return current
        }
    }

    /// What there is once it holds `mark` and the rest of its line, or at the end.
    func wait(for mark: String) async -> String {
        func hasCome() -> Bool {
            let text = current
            return text.firstRange(of: mark).map { text[$0.upperBound...].contains("\n") || mark.hasSuffix("\n") } ?? false
        }
        if hasCome() { return current }
        for await _ in changes where hasCome() { break }
        return current
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
        try Data(content.utf8).write(to: url.appendingPathComponent(name))
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
