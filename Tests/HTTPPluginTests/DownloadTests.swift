import Foundation
import HTTPTestServer
import RunnelKit
import RunnelTesting
import Testing

@testable import HTTPPlugin

@Suite("http.fetch with save_as", .timeLimit(.minutes(5))) struct DownloadTests {
    @Test("the body goes to the file, decompressed, and not into the output")
    func saved() async throws {
        let body = String(repeating: "line of a large file\n", count: 50_000)
        try await TestServer.run { request in
            request.uri == "/moved"
                ? .reply(302, [("location", "/file")], "moved") : .reply(200, [("content-type", "text/plain")], body)
        } body: { server in
            try await withTemporaryDirectory { folder in
                let output = try await fetch(
                    ["url": .string(server.url + "/moved"), "save_as": "in/file.txt"], in: folder)
                #expect(output["body"] == .null)
                #expect(output["path"] == "in/file.txt")
                #expect(output["bytes"] == .int(Int64(body.utf8.count)))
                #expect(try String(contentsOfFile: folder + "/in/file.txt", encoding: .utf8) == body)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/in") == ["file.txt"])
            }
        }
    }

    @Test(
        "what was there stays, and nothing is left behind, when the answer is an error, too large or not whole",
        arguments: [
            (.reply(500, [("content-type", "text/plain")], "out of order"), "http-status"),
            (.reply(200, [], String(repeating: "x", count: 2000)), "response-too-large"),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf"), "connection-closed"),
        ] as [(TestServer.Answer, String)])
    func unfinished(answer: TestServer.Answer, code: String) async throws {
        try await TestServer.run { _ in
            answer
        } body: { server in
            try await withTemporaryDirectory { folder in
                try "old".write(toFile: folder + "/file", atomically: true, encoding: .utf8)
                let error = try await failedFetch(
                    ["url": .string(server.url), "save_as": "file", "max_size": "1000B"], in: folder)
                #expect(error.code == code)
                #expect(!(code == "http-status") || error.message.contains("out of order"))
                #expect(try String(contentsOfFile: folder + "/file", encoding: .utf8) == "old")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
            }
        }
    }

    @Test("nothing is asked for where the file cannot be written")
    func outside() async throws {
        try await TestServer.run { _ in
            .reply(200, [], "x")
        } body: { server in
            try await withTemporaryDirectory { folder in
                let error = try await failedFetch(["url": .string(server.url), "save_as": "../file"], in: folder)
                #expect(error.code == "path-outside")
                #expect(server.requests.isEmpty)
            }
        }
    }
}
