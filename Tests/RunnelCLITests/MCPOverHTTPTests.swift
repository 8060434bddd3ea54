import Foundation
import Testing

@Suite("MCP servers on HTTP") struct MCPOverHTTPTests {
    @Test("a server made with the official package is listed, checked, called, and tells what goes on")
    func officialServer() async throws {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: pythonForTests)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Resources/mcp_http_server.py").path
        server.arguments = ["-u", script]
        let pipe = Pipe()
        server.standardError = pipe
        server.standardOutput = FileHandle.nullDevice
        try server.run()
        // It would wait for its connections.
        defer { kill(server.processIdentifier, SIGKILL) }
        var said = ""
        for await data in pipe.fileHandleForReading.pieces {
            said += String(decoding: data, as: UTF8.self)
            if said.contains("(Press CTRL+C") { break }
        }
        let address = try #require(said.firstMatch(of: /running on (http:\/\/127\.0\.0\.1:\d+)/), "\(said)").1
        let files = [
            "runnel.yaml": "",
            "plugins/sums/plugin.yaml": "name: sums\nprotocol: mcp\ntransport: http\nurl: \(address)/mcp\n",
            "p.yaml": "name: p\nsteps:\n  - { uses: sums.add, with: { a: 2, b: 40 } }\n",
            "wrong.yaml": "name: w\nsteps:\n  - { uses: sums.add, with: { a: x, b: 40 } }\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.output == "{\n  \"sum\": 42\n}\n", "\(ended.error)")
            #expect(ended.error.contains("  · sums-add: adding (1 of 2)\n"))
            let wrong = try await runnel.run(["validate", "wrong.yaml"])
            #expect(wrong.error.contains("`a`: expected a whole number, found the string \"x\" [wrong-value]"))
        }
    }
}
