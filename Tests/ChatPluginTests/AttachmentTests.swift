import HTTPTestServer
import Marketplace
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import ChatPlugin

private let answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"A cat\"}}]}\n\ndata: [DONE]\n\n"
private let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2]

private func json(_ text: String, status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)"
}

@Suite("Files of a chat") struct AttachmentTests {
    /// Runs a chat with a file of the project, and returns the bodies that the server got.
    private func chat(
        _ content: [UInt8], upload: String? = nil, uploadAnswer: String = json(#"{"fileId":"f-1"}"#),
        limit: ByteCount = .mebibytes(20), types: [String]? = nil, conversation: Value? = nil, name: String = "cat.png"
    ) async throws -> (
        result: Result<Value, StepError>, bodies: [(path: String, body: String)], progress: [StepProgress]
    ) {
        try await withTemporaryDirectory { folder in
            let harness = StepHarness(directory: folder)
            try harness.project.write(content, to: harness.project.confinedFile(name), runID: "r")
            return try await TestServer.run { request in
                .raw(request.uri.contains("upload") ? uploadAnswer : answer)
            } body: { server in
                let settings = try MarketplaceConfiguration(
                    baseURL: server.url, authentication: .none, streamEnd: .done,
                    dialect: .init(upload: try upload.map { text in try .init(text, method: "POST") }))
                var section = MarketplaceSettings()
                section.auth = .none
                section.limits.maxFile = limit
                if let types { section.limits.fileTypes = types }
                var with: ValueObject = ["prompt": "What is it?", "files": [.string(name)]]
                with["conversation"] = conversation
                let result = try await harness.chat(settings, section, with: with)
                return (
                    result, server.requests.map { ($0.uri, $0.body) }, harness.progress
                )
            }
        }
    }

    @Test("an image goes to an OpenAI-compatible server as a part of the content")
    func image() async throws {
        let (result, bodies, _) = try await chat(png)
        #expect(try result.get()["text"] == "A cat")
        let body = try Value.json(try #require(bodies.first).body)
        #expect(
            body["messages"]?[0]?["content"] == [
                ["type": "text", "text": "What is it?"],
                ["type": "image_url", "image_url": ["url": .string("data:image/png;base64," + Base64.encode(png))]],
            ])
    }

    @Test("a file is sent to the upload path first, and the chat names its id")
    func upload() async throws {
        let (result, bodies, _) = try await chat(Array("%PDF-1.7".utf8), upload: "/upload")
        #expect(try result.get()["text"] == "A cat")
        #expect(bodies.map(\.path) == ["/upload", "/v1/chat/completions"])
        #expect(bodies[0].body.contains(#"Content-Disposition: form-data; name="file"; filename="cat.png""#))
        #expect(bodies[0].body.contains("Content-Type: application/pdf\r\n\r\n%PDF-1.7\r\n--"))
        let body = try Value.json(bodies[1].body)
        #expect(body["files"] == [["fileId": "f-1"]])
        #expect(body["messages"]?[0]?["content"] == "What is it?")
    }

    @Test("a file name cannot inject headers into the form")
    func uploadName() async throws {
        let (_, bodies, _) = try await chat(png, upload: "/upload", name: "a\r\nX: 1\"\n.png")
        #expect(bodies[0].body.contains(#"filename="a%0D%0AX: 1%22%0A.png""#))
    }

    @Test("an upload that fails ends the step, and nothing is asked")
    func failedUpload() async throws {
        let (result, bodies, _) = try await chat(
            png, upload: "/upload", uploadAnswer: json(#"{"error":{"message":"too many"}}"#, status: "413 Too Large"))
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.code == "bad-request")
        #expect(error.message.contains(#""too many""#))
        #expect(bodies.map(\.path) == ["/upload"])
        let (unnamed, _, _) = try await chat(png, upload: "/upload", uploadAnswer: json("{}"))
        guard case .failure(let missing) = unnamed else {
            Issue.record("it succeeded")
            return
        }
        #expect(missing.message.hasSuffix("/upload took the file and named no id for it"))
    }

    @Test("if an upload is refused with 401, the access token is fetched again once; the error does not show it")
    func refusedToken() async throws {
        try await withTemporaryDirectory { folder in
            let harness = StepHarness(directory: folder)
            try harness.project.write(png, to: harness.project.confinedFile("cat.png"), runID: "r")
            try await TestServer.run { request in
                .raw(
                    request.uri.contains("upload")
                        ? json(#"{"message":"access-token is unknown"}"#, status: "401 Unauthorized")
                        : json(#"{"access_token":"access-token","expires_in":3600}"#))
            } body: { server in
                let settings = try MarketplaceConfiguration(
                    baseURL: server.url, authentication: .clientCredentials(clientID: "id", clientSecret: "s3cr3t"),
                    dialect: .init(upload: .init("/upload", method: "POST")))
                let result = try await harness.chat(settings, with: ["prompt": "What is it?", "files": ["cat.png"]])
                let error = try #require(result.failure)
                #expect(error.code == "unauthorized")
                #expect(error.message == #"the server refused the access token: 401 Unauthorized, "*** is unknown""#)
                let token = "/api/v1/auth/external-service-token"
                #expect(server.requests.map(\.uri) == [token, "/upload", token, "/upload"])
            }
        }
    }

    @Test("a transient refusal of an upload keeps its Retry-After; other refusals have a hint about the file")
    func refusedUpload() async throws {
        let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let page = json("<title>Too large</title>" + String(repeating: "x", count: 100_000), status: "413 Too Large")
        for (answer, message, hint, retryAfter) in [
            (
                busy, "the server failed: 503 Service Unavailable",
                "try again later; if it stays so, tell the operator", Duration.seconds(7)
            ),
            (
                page, #"the server does not accept the request: 413 Payload Too Large, "Too large""#,
                "check the type and the size of the file, and `marketplace.paths.upload`", nil
            ),
        ] as [(String, String, String, Duration?)] {
            let (result, _, _) = try await chat(png, upload: "/upload", uploadAnswer: answer)
            let error = try #require(result.failure)
            #expect(error.message == message)
            #expect(error.hint == hint)
            #expect(error.retryAfter == retryAfter)
        }
    }

    @Test(
        "what the server cannot take is an error before anything is sent",
        arguments: [
            (
                Array("not an image".utf8), ByteCount.mebibytes(1),
                "the file \"cat.png\" is no PNG, JPEG, GIF or WebP image"
            ),
            ([], .mebibytes(1), "the file \"cat.png\" is empty"),
        ] as [([UInt8], ByteCount, String)])
    func unsupported(content: [UInt8], limit: ByteCount, message: String) async throws {
        let (result, bodies, _) = try await chat(content, limit: limit)
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.code == "attachment-unsupported")
        #expect(error.message == message)
        #expect(bodies.isEmpty)
    }

    @Test("a file of a type that is not sent is an error before anything is, and the setting decides by its content")
    func types() async throws {
        let program: [UInt8] = [0x4D, 0x5A, 0x90, 0x00]
        let (result, bodies, _) = try await chat(program, upload: "/upload")
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.code == "attachment-unsupported")
        #expect(error.message == #"the file "cat.png" is of the type application/octet-stream, which is not sent"#)
        #expect(
            error.hint == "`marketplace.limits.file_types` says which types are sent: image/*, application/pdf, text/*")
        #expect(bodies.isEmpty)
        let (allowed, _, _) = try await chat(program, upload: "/upload", types: ["application/octet-stream"])
        #expect(try allowed.get()["text"] == "A cat")
        let (text, _, _) = try await chat(Array("a,b\n".utf8), upload: "/upload")
        #expect(try text.get()["text"] == "A cat")
        #expect {
            try MarketplaceSettings(field: ["limits": ["file_types": ["image/*", "pdf"]]])
        } throws: { error in
            (error as? FieldError)?.message
                == #"expected a media type such as "application/pdf" or "image/*", found "pdf""#
        }
    }

    @Test("where the journal keeps a conversation, a note says that the files of a turn are not kept")
    func conversation() async throws {
        let note = StepProgress.note(
            #"the files of this turn are not kept: later chats of the conversation "k" do not have them"#)
        let (result, _, progress) = try await chat(png, conversation: ["key": "k"])
        #expect(try result.get()["text"] == "A cat")
        #expect(progress.last == note)
        let (_, _, alone) = try await chat(png)
        #expect(!alone.contains(note))
    }

    @Test("a file that is too large is not sent")
    func tooLarge() async throws {
        let (result, bodies, _) = try await chat(png, limit: ByteCount(5))
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.code == "file-too-large")
        #expect(bodies.isEmpty)
    }
}
