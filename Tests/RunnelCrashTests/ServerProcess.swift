import Foundation
import LibC
import TestSupport

/// A real `runnel serve`, as a supervisor sees it.
final class ServerProcess {
    enum End: Equatable, CustomStringConvertible {
        case status(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .status(let number): "status \(number)"
            case .signal(let number): "signal \(number)"
            }
        }
    }

    private let process = Process()
    private let log: URL

    init(folder: URL, log: URL, environment: [String: String]) throws {
        self.log = log
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("runnel")
        process.arguments = ["serve", ".", "--port", "0"]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
            .merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.close()
    }

    var isRunning: Bool { process.isRunning }

    /// nil while it runs.
    var end: End? {
        guard !process.isRunning else { return nil }
        return process.terminationReason == .exit
            ? .status(process.terminationStatus) : .signal(process.terminationStatus)
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// What it printed.
    var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// nil before it listens.
    var port: Int? {
        text.split(separator: "\n").lazy.compactMap { line in
            line.hasPrefix("Listening on http://") ? line.split(separator: ":").last.flatMap { Int($0) } : nil
        }.first
    }

    /// - Returns: Whether it ended within the time.
    func waitForEnd(_ limit: Duration) async -> Bool {
        await eventually(limit) { !self.isRunning }
    }

    func waitForPort(_ limit: Duration) async -> Int? {
        var port: Int?
        _ = await eventually(limit) {
            port = self.port
            return port != nil || !self.isRunning
        }
        return port
    }
}
