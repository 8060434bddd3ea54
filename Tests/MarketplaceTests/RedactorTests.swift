import Logging
import NIOHTTP1
import Synchronization
import Testing

@testable import Marketplace

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Secrets")
struct RedactorTests {
    private let secret = "s3cr3t/+ value?"
    private var redactor: ResponseRedactor { ResponseRedactor(secrets: [secret]) }

    @Test(
        "are taken out as they are, percent-encoded in whole or in part, and JSON-escaped",
        arguments: [
            "s3cr3t/+ value?", "s3cr3t%2F%2B%20value%3F", "s3cr3t%2f%2b+value%3f", "s3cr3t/%2B%20value?",
            #"s3cr3t\/+ value?"#,
            "%733cr3t/+ value?",
        ])
    func forms(_ form: String) {
        #expect(redactor.redact("before \(form) after") == "before *** after")
        #expect(redactor.redact("x\(form)x\(form)") == "x***x***")
    }

    @Test("are taken out of base64 at every offset", arguments: 0..<7)
    func base64(_ offset: Int) {
        let data = Data((String(repeating: "u", count: offset) + secret + "tail").utf8)
        for encoded in [
            data.base64EncodedString(), data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_"),
        ] {
            let redacted = redactor.redact(encoded)
            #expect(redacted.contains("***"))
            // Nothing that decodes to more than a few bits at the secret's ends is left.
            #expect(redacted.replacing("***", with: "").count <= encoded.count - (secret.utf8.count * 8 / 6 - 2))
        }
    }

    @Test("other text stays as it is")
    func otherText() {
        #expect(redactor.redact("s3cr3t value, 100 % of it: こ") == "s3cr3t value, 100 % of it: こ")
        #expect(ResponseRedactor(secrets: []).redact("x") == "x")
    }

    @Test("an error that breaks off in the access token shows no part of it")
    func cutToken() async throws {
        try await withBench(answer: { exchange in
            if !issuingTokens(exchange) {
                exchange.begin(403, ["Content-Type": "text/plain", "Content-Length": "100"])
                exchange.send("bad token jwt-")
                exchange.breakConnection()
            }
            return true
        }) { bench in
            let (_, error) = try await bench.ask().failure()
            #expect(error.message == "the server does not allow this call: 403 Forbidden")
        }
    }

    @Test("the access token that a server echoes is in no error, and nothing secret is in the log")
    func echoedToken() async throws {
        let lines = LogLines()
        let logger = Logger(label: "test", factory: { _ in lines })
        for script in [
            { (exchange: ServerExchange) in exchange.reply(400, #"{"message":"bad token jwt-1 in Bearer jwt-1"}"#) },
            { (exchange: ServerExchange) in exchange.reply(200, "got jwt-1", type: "text/plain") },
            { (exchange: ServerExchange) in
                exchange.beginStream()
                exchange.event("jwt-1")
            },
            { (exchange: ServerExchange) in
                exchange.beginStream()
                exchange.event(#"{"error":"jwt-1"}"#)
            },
        ] as [@Sendable (ServerExchange) -> Void] {
            try await withBench(
                logger: logger,
                answer: { exchange in
                    if !issuingTokens(exchange) { script(exchange) }
                    return true
                }
            ) { bench in
                let (_, error) = try await bench.ask().failure()
                #expect(error.description.contains("***"))
                #expect(!"\(error)".contains("jwt-1"))
            }
        }
        #expect(!lines.text.contains("jwt-1"))
        #expect(!lines.text.contains(clientSecret))
    }
}

/// Keeps what is logged.
private final class LogLines: LogHandler, Sendable {
    private let lines = Mutex("")

    var text: String { lines.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        lines.withLock { $0 += "\(event.message) \(event.metadata.map { "\($0)" } ?? "")\n" }
    }
}
