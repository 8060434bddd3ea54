import Foundation

/// Runs a program of this machine, where there is one.
enum Tool {
    struct Outcome {
        let status: Int32
        /// What it wrote, both to standard output and to standard error.
        let output: String
    }

    static func isInstalled(_ name: String) -> Bool { path(of: name) != nil }

    /// nil where the program is not installed.
    /// - Parameter input: What it finds in the file that is its last argument.
    static func run(_ command: [String], input: String) throws -> Outcome? {
        guard let program = path(of: command[0]) else { return nil }
        let folder = FileManager.default.temporaryDirectory.appending(path: "runnel-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (file, log) = (folder.appending(path: "input"), folder.appending(path: "log"))
        try Data(input.utf8).write(to: file)
        try Data().write(to: log)
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = command.dropFirst() + [file.path(percentEncoded: false)]
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try output.close()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: try Data(contentsOf: log), as: UTF8.self))
    }

    private static func path(of name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
