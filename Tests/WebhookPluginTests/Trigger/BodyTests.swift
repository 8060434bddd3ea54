import RunnelHTTP
import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("What a hook makes of a body") struct BodyTests {
    private static func read(
        _ type: String?, _ body: [UInt8], method: String = "POST", accept: [String]? = nil, encoding: String? = nil
    ) throws(BodyProblem) -> WebhookBody {
        var headers = HeaderList()
        if let type { headers.add("Content-Type", type) }
        if let encoding { headers.add("Content-Encoding", encoding) }
        let ranges = accept?.compactMap { try? MediaRange(field: .string($0)) }
        return try BodyReader(accept: ranges, limit: 1 << 20, forms: .nested).read(
            IngressRequest(method: method, path: "/", headers: headers, body: body, remoteAddress: ""))
    }

    private static func value(_ type: String?, _ body: String) throws -> Value {
        let read = try read(type, Array(body.utf8))
        #expect(read.raw == .string(body))
        return read.value
    }

    @Test("JSON is read, whatever kind of JSON it is, with its integers exact")
    func json() throws {
        for type in ["application/json", "application/json; charset=utf-8", "application/vnd.x+json", "text/json"] {
            #expect(try Self.value(type, #"{"id": 9007199254740993}"#) == ["id": 9_007_199_254_740_993])
        }
    }

    @Test("a form is an object, and the values of a repeated name are a list")
    func form() throws {
        let body = "a=1&b=x+y%20z&a=2&c&=d&%C3%BC=%F0%9F%9A%80&e=a=b&&p=100%&q=%zz"
        let expected: Value = [
            "a": ["1", "2"], "b": "x y z", "c": "", "": "d", "ü": "🚀", "e": "a=b", "p": "100%", "q": "%zz",
        ]
        #expect(try Self.value("application/x-www-form-urlencoded", body) == expected)
        #expect(
            try Self.read("application/x-www-form-urlencoded; charset=windows-1252", Array("a=%E4".utf8)).value
                == ["a": "ä"])
    }

    @Test("a form of more than 1000 fields is refused")
    func largeForm() throws {
        let fits = Array(repeating: "a=1", count: 1000).joined(separator: "&")
        #expect(try Self.value("application/x-www-form-urlencoded", fits)["a"]?.asList?.count == 1000)
        #expect(throws: BodyProblem.malformed("the form has more than 1000 fields")) {
            try Self.value("application/x-www-form-urlencoded", fits + "&b=1")
        }
    }

    @Test("text is text in its charset, and bytes are bytes")
    func textAndBytes() throws {
        #expect(try Self.value("text/plain", "grüezi") == "grüezi")
        #expect(try Self.value("application/xml", "<a/>") == "<a/>")
        #expect(try Self.value("application/octet-stream", "abc") == .bytes(Array("abc".utf8)))
        #expect(try Self.value(nil, "abc") == .bytes(Array("abc".utf8)))
        let latin = try Self.read("text/plain; charset=iso-8859-1", [0xE4, 0xF6])
        #expect(latin == WebhookBody(value: "äö", raw: .bytes([0xE4, 0xF6])))
        let declaration = "<?xml version=\"1.0\" encoding=\"Shift_JIS\"?>"
        #expect(
            try Self.read("text/xml", Array(declaration.utf8) + [0x82, 0xA0]).value == .string(declaration + "あ"))
    }

    @Test("no body is null, also where a client names a type for it")
    func none() throws {
        #expect(try Self.read(nil, []) == WebhookBody(value: .null, raw: ""))
        #expect(try Self.read("application/json", [], method: "GET") == WebhookBody(value: .null, raw: ""))
        #expect(throws: BodyProblem.self) { try Self.read("application/json", []) }
        #expect(try Self.read("text/plain", []) == WebhookBody(value: "", raw: ""))
    }

    @Test(
        "a type that is not taken is refused",
        arguments: [
            ("image/png", nil, "this hook does not take bodies of the type \"image/png\""),
            ("json", nil, "the content type cannot be read"),
            ("text/plain", ["application/json"], "this hook does not take bodies of the type \"text/plain\""),
            ("application/json", ["image/*"], "this hook does not take bodies of the type \"application/json\""),
        ] as [(String, [String]?, String)])
    func unsupported(type: String, accept: [String]?, message: String) {
        #expect(throws: BodyProblem.unsupported(code: .unsupportedMediaType, message: message)) {
            try Self.read(type, [0x31], accept: accept)
        }
    }

    @Test("a type that `accept` names is taken")
    func accepted() throws {
        #expect(try Self.read("image/png", [0x89], accept: ["image/*"]).value == .bytes([0x89]))
        #expect(try Self.read("Application/JSON", [0x31], accept: ["application/json"]).value == 1)
        #expect(try Self.read("image/png", [0x89], accept: ["text/html", "*/*"]).value == .bytes([0x89]))
    }

    @Test("compressed bodies and unknown charsets are refused")
    func encodings() {
        #expect(
            throws: BodyProblem.unsupported(
                code: .unsupportedContentEncoding,
                message: "this hook takes bodies that are compressed with \(CompressedBody.accepted) or not at all",
                header: .init(name: "accept-encoding", value: CompressedBody.accepted))
        ) { try Self.read("application/json", [0x31], encoding: "compress") }
        #expect(throws: BodyProblem.malformed("the body is not \"gzip\" as its Content-Encoding says")) {
            try Self.read("application/json", [0x31], encoding: "gzip")
        }
        #expect(
            throws: BodyProblem.unsupported(
                code: .unsupportedCharset, message: #"the charset "klingon" is not known here"#)
        ) { try Self.read("text/plain; charset=Klingon", [0x31]) }
    }

    @Test("a compressed body is decompressed, up to the size that a hook takes")
    func compressed() throws {
        let gzip = try #require(Base64.decode("H4sIAAAAAAACA6tWSlSyMqwFAK+sG1YHAAAA"))
        let read = try Self.read("application/json", gzip, encoding: "gzip")
        #expect(read == WebhookBody(value: ["a": 1], raw: #"{"a":1}"#))
        let request = IngressRequest(
            method: "POST", path: "/", headers: ["content-type": "text/plain", "content-encoding": "gzip"], body: gzip)
        #expect(throws: BodyProblem.tooLarge(limit: 6)) {
            try BodyReader(accept: nil, limit: 6, forms: .flat).read(request)
        }
    }

    @Test(
        "a body that is not what its type says is refused with its place",
        arguments: [
            ("{", "the body is not JSON: line 1, column 2: expected a key in quotes, found the end"),
            ("", "the body is not JSON: line 1, column 1: expected a JSON value, found the end"),
            ("1 2", "the body is not JSON: line 1, column 3: expected the end, found '2'"),
            ("\"\u{1}\"", "the body is not JSON: line 1, column 2: a control character in a string has to be escaped"),
        ])
    func malformed(body: String, message: String) {
        #expect(throws: BodyProblem.malformed(message)) { try Self.value("application/json", body) }
    }

    @Test("JSON that is not UTF-8 or nested without end is refused, and the words stay short")
    func hostileJSON() throws {
        #expect(throws: BodyProblem.self) { try Self.read("application/json", [0x22, 0xFF, 0x22]) }
        #expect(throws: BodyProblem.self) { try Self.read("application/json", Array(repeating: 0x5B, count: 100_000)) }
        let key = String(repeating: "k", count: 100_000)
        let problem = try #require(throws: BodyProblem.self) { try Self.value("application/json", #"{"\#(key)" 1}"#) }
        let words = "the body is not JSON: line 1, column 100005: expected ':' after the key \"\(key)\", found '1'"
        #expect(problem.response.errorMessage == words.prefix(299) + "…")
        // Masked before it is cut, by the log and by the journal.
        #expect(problem.response.refusal == words)
        #expect(BodyProblem.malformed("the form has no end").response.refusal == nil)
    }
}
