import Foundation
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Testing

@testable import HTTPPlugin

/// A proxy and servers with certificates of an authority of their own, in a process beside the tests; see `peers.py`.
struct Peers {
    let folder: String
    let ports: [String: Int]
    private let output: FileHandle

    static func run(_ body: (Peers) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "runnel-peers-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = try #require(Bundle.module.path(forResource: "peers", ofType: "py"))
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, folder]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        let reader = output.fileHandleForReading
        let first = try Value.json(Self.line(reader))
        let ports = (first.asObject ?? [:]).map { ($0.key, Int($0.value.asInt ?? 0)) }
        try await body(Peers(folder: folder, ports: Dictionary(uniqueKeysWithValues: ports), output: reader))
    }

    /// The next request that a proxy got.
    func proxied() throws -> Value { try Value.json(Self.line(output)) }

    subscript(_ name: String) -> Int { ports[name] ?? 0 }

    private static func line(_ file: FileHandle) throws -> String {
        var bytes: [UInt8] = []
        while let byte = try file.read(upToCount: 1)?.first, byte != 0x0A { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Runs `http.fetch` with settings of the network and an environment.
func fetch(
    _ url: String, _ settings: Value = [:], environment: [String: String] = [:], with: ValueObject = [:],
    untrusted: [String: String] = [:]
) async throws -> Result<Value, StepError> {
    let harness = StepHarness()
    let network = Network(try NetworkSettings(field: settings)) { environment[$0] }
    await Network.register(network, in: harness.services)
    await HTTPClientService.register(in: harness.services)
    var with = with
    with["url"] = .string(url)
    var context = harness.context
    context.untrustedKeys = untrusted
    let result: Result<Value, StepError>
    do {
        result = .success(try await StepDefinition(HTTPFetch.self).run(with, context))
    } catch let error as StepError {
        result = .failure(error)
    }
    await harness.services.shutDown()
    return result
}
