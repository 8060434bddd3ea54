import Foundation
package import RunnelValue

/// A proxy and servers with certificates of an authority of their own, in a process beside the tests; see `peers.py`.
package struct Peers {
    package let folder: String
    private let ports: Value
    private let output: FileHandle

    package static func run(_ body: (Peers) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "runnel-peers-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", Bundle.module.bundlePath + "/peers.py", folder]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        let reader = output.fileHandleForReading
        try await body(Peers(folder: folder, ports: Value.json(line(of: reader)), output: reader))
    }

    /// The next request that a proxy got.
    package func proxied() throws -> Value { try Value.json(Self.line(of: output)) }

    /// The port of a peer.
    package subscript(_ name: String) -> Int { Int(ports[name]?.asInt ?? 0) }

    private static func line(of file: FileHandle) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let byte = try file.read(upToCount: 1)?.first, byte != 0x0A { bytes.append(byte) }
        return bytes
    }
}
