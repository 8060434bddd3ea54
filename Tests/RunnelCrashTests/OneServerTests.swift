import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A server by itself whose disk or whose runs do harm.
@Suite("a server and what may harm it", .timeLimit(.minutes(5))) struct OneServerTests {
    /// A running server, its project, and what its preloaded library does.
    private struct Rig {
        let folder: URL
        let server: ServerProcess
        let port: Int

        /// Lets all writes and syncs in `.runnel` fail.
        func fail(with number: Int32?) throws {
            let control = folder.appendingPathComponent("fault")
            try number.map { try Data("\($0) all 0".utf8).write(to: control, options: .atomic) }
                ?? FileManager.default.removeItem(at: control)
        }

        /// The status and the body, which is JSON.
        func call(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> (UInt, [String: Any]) {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
            request.method = method
            if let body {
                request.headers = ["content-type": "application/json"]
                request.body = .bytes(ByteBuffer(string: body))
            }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            let bytes = try await response.body.collect(upTo: 1 << 20)
            let json = try? JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any]
            return (response.status.code, json ?? [:])
        }

        /// Asks again until the answer is the expected one; the last answer.
        func readiness(until expected: String?) async throws -> (UInt, String?) {
            var answer: (UInt, String?) = (0, nil)
            for _ in 0..<300 {
                let (status, body) = try await call(.GET, "/health/ready")
                answer = (status, body["reason"] as? String)
                if answer.1 == expected { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            return answer
        }

        /// The paths of what was synced, below the project.
        func synced() throws -> Set<String> {
            let log = try String(contentsOf: folder.appendingPathComponent("syncs"), encoding: .utf8)
            let root = folder.resolvingSymlinksInPath().path
            return Set(
                log.split(separator: "\n").filter { $0.hasPrefix(root) }.map {
                    String($0.dropFirst(root.count).drop { $0 == "/" })
                })
        }
    }

    private func withServer(_ files: [String: String], _ body: (Rig) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-one-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
        let fault = try #require(Disk.compileFault(in: folder))
        let server = try ServerProcess(
            folder: folder, log: folder.appendingPathComponent("server.log"),
            environment: [
                "LD_PRELOAD": fault.path, "FAULT_FOLDER": folder.resolvingSymlinksInPath().path + "/.runnel",
                "FAULT_CONTROL": folder.path + "/fault", "FAULT_SYNCS": folder.path + "/syncs",
            ])
        do {
            let port = try #require(await server.waitForPort(.seconds(60)), "\(server.text)")
            try await body(Rig(folder: folder, server: server, port: port))
        } catch {
            server.send(SIGKILL)
            _ = await server.waitForEnd(.seconds(10))
            throw error
        }
        server.send(SIGTERM)
        #expect(await server.waitForEnd(.seconds(60)))
        #expect(server.end == .status(0), "\(server.text)")
    }

    private static func hook(_ name: String, _ steps: String) -> String {
        """
        name: \(name)
        on: { webhook: { path: \(name), verify: { scheme: none }, respond: result } }
        steps:
        \(steps)

        """
    }

    #if os(Linux)
    @Test(
        "the server is not ready while its journal cannot be written, takes nothing, and is ready again afterwards",
        arguments: [(EIO, "journal-failed"), (EROFS, "journal-failed"), (ENOSPC, "journal-full")])
    func readiness(number: Int32, code: String) async throws {
        let files = ["runnel.yaml": "", "a.yaml": Self.hook("a", "  - { uses: template, with: { text: fine } }")]
        try await withServer(files) { (rig) async throws -> Void in
            #expect(try await rig.readiness(until: nil) == (200, nil))
            try rig.fail(with: number)
            #expect(try await rig.readiness(until: code) == (503, code))
            #expect(try await rig.call(.POST, "/hooks/a", "{}").0 == 503)
            #expect(try await rig.call(.GET, "/health/live").0 == 200)
            try rig.fail(with: nil)
            #expect(try await rig.readiness(until: nil) == (200, nil))
            #expect(try await rig.call(.POST, "/hooks/a", "{}").0 == 200)
        }
    }

    @Test("each folder that is made, and each file that is renamed, survives a power cut: their folders are synced")
    func folders() async throws {
        let files = [
            "runnel.yaml": "",
            "a.yaml": Self.hook(
                "a",
                """
                  - { uses: file.write, with: { path: out/deep/er/a.txt, content: "{{ trigger.body.text }}" } }
                """),
        ]
        try await withServer(files) { (rig) async throws -> Void in
            let text = String(repeating: "x", count: 400_000)
            #expect(try await rig.call(.POST, "/hooks/a", "{\"text\":\"\(text)\"}").0 == 200)
            let synced = try rig.synced()
            for folder in ["", ".runnel", ".runnel/outputs", "out", "out/deep", "out/deep/er"] {
                #expect(synced.contains(folder), "\(folder.isEmpty ? "the project" : folder) was not synced")
            }
        }
    }
    #endif

    @Test(
        "the call that made every server that took it up end fails its own run alone, and is not repeated by a restart")
    func slice() async throws {
        let files = [
            "runnel.yaml": "",
            "slice.yaml": Self.hook(
                "slice",
                """
                  - id: part
                    uses: transform
                    with: { from: "{{ trigger.body }}", jq: ".items[(.at | log | floor):]" }
                  - { uses: file.write, with: { path: out.json, content: "{{ steps.part }}" } }
                """),
            "other.yaml": Self.hook("other", "  - { uses: template, with: { text: fine } }"),
        ]
        try await withServer(files) { (rig) async throws -> Void in
            for _ in 0..<4 {
                let (status, body) = try await rig.call(.POST, "/hooks/slice", #"{"items":[1,2,3],"at":-1}"#)
                #expect(status == 500)
                #expect((body["error"] as? [String: Any])?["code"] as? String == "jq-crashed", "\(body)")
            }
            #expect(try await rig.call(.POST, "/hooks/other", "{}").0 == 200)
            #expect(try await rig.call(.POST, "/hooks/slice", #"{"items":[1,2,3],"at":10}"#).0 == 200)
            #expect(rig.server.isRunning)
        }
    }
}
