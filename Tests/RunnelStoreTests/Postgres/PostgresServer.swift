import Dispatch
import Foundation
import LibC
import PostgresClient
import Synchronization
import Testing

@testable import RunnelStore

/// A real PostgreSQL, started for the tests on a Unix socket. It ends with this process, however it ends: its script
/// reads until the end of its input.
final class PostgresServer: Sendable {
    let url: String
    private let process: Process
    private let input: FileHandle
    private let output: FileHandle

    /// One server for the tests that do not harm it; each has a schema of its own.
    static let shared = Task { try await PostgresServer(["fsync=off", "deadlock_timeout=200ms"]) }

    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("scripts/postgres.sh").path

    /// - Parameter settings: `NAME=VALUE` for `postgresql.conf`.
    init(_ settings: [String] = []) async throws {
        let (input, output) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Self.script] + settings.flatMap { ["-c", $0] }
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        // So that nothing but this process holds the end that keeps the server alive.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        (self.process, self.input, self.output) = (process, input.fileHandleForWriting, output.fileHandleForReading)
        url = try await Self.line(of: output.fileHandleForReading)
        try #require(url.hasPrefix("postgres://"), "the server did not start: scripts/packages.sh postgres installs it")
    }

    /// `stop`, `start`, `restart` or `crash`; returns when it is done.
    func tell(_ command: String) async throws {
        try input.write(contentsOf: Data("\(command)\n".utf8))
        #expect(try await Self.line(of: output) == "done")
    }

    func stop() {
        try? input.close()
        process.waitUntilExit()
    }

    /// The URL of this server through PgBouncer in transaction mode, for as long as `body` runs.
    func withPgBouncer<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let (input, output) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Self.script.replacing("postgres.sh", with: "pgbouncer.sh"), url]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        defer {
            try? input.fileHandleForWriting.write(contentsOf: Data("stop\n".utf8))
            process.waitUntilExit()
        }
        let url = try await Self.line(of: output.fileHandleForReading)
        try #require(url.hasPrefix("postgres://"))
        return try await body(url)
    }

    private static func line(of handle: FileHandle) async throws -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes: [UInt8] = []
                while let byte = try? handle.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
                    bytes.append(byte)
                }
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    /// Runs SQL on a connection of its own.
    @discardableResult func query(_ sql: String) throws -> [[String?]] {
        let connection = try PostgresConnection(PostgresOptions(url: url))
        return try connection.execute(PostgresStatement(sql)).rows.map { row in
            (0..<8).map { row.optionalText($0) }
        }
    }

    private static let schemas = Atomic(0)

    /// A configuration with a schema that no other test uses.
    func configuration(pool: Int = 4) -> PostgresJournalConfiguration {
        var configuration = PostgresJournalConfiguration(url: url)
        configuration.schema = "test\(Self.schemas.add(1, ordering: .relaxed).newValue)"
        configuration.pool = pool
        return configuration
    }
}

/// Runs `body` with a server of its own, which it may harm.
func withPostgres<Result>(
    _ settings: String..., body: (PostgresServer) async throws -> Result
) async throws -> Result {
    let server = try await PostgresServer(["fsync=off"] + settings)
    defer { server.stop() }
    return try await body(server)
}

/// Whether PgBouncer is installed.
let hasPgBouncer = hasPostgres && access("/usr/sbin/pgbouncer", X_OK) == 0

/// Whether the tests with PostgreSQL run: with `RUNNEL_POSTGRES=on`, as `make postgres-test` sets it.
let hasPostgres = getenv("RUNNEL_POSTGRES").map { String(cString: $0) } == "on"
