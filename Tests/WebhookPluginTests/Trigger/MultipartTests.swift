import RunnelKit
import Testing

@testable import WebhookPlugin

@Suite("Forms in parts") struct MultipartTests {
    /// Reads a body whose lines are joined as on the wire.
    private static func read(_ lines: [String], boundary: String = "b") throws -> Value {
        .object(try MultipartForm.read(Array(lines.joined(separator: "\r\n").utf8), boundary: boundary))
    }

    private static func part(_ name: String, _ content: String, _ more: String...) -> [String] {
        ["--b", "Content-Disposition: form-data; name=\"\(name)\""] + more + ["", content]
    }

    @Test("fields are text, and repeated names have lists")
    func fields() throws {
        let body = Self.part("a", "1") + Self.part("b", "two\r\nlines") + Self.part("a", "") + ["--b--", ""]
        #expect(try Self.read(body) == ["a": ["1", ""], "b": "two\r\nlines"])
    }

    @Test("a header field may be folded over several lines")
    func folded() throws {
        let body = ["--b", "A: b", "a: c", " d", "Content-Disposition: form-data;", "\tname=\"a\"", "", "1", "--b--"]
        #expect(try Self.read(body) == ["a": "1"])
    }

    @Test("a file has its name without folders, type, size, and text or bytes")
    func files() throws {
        let disposition = { (name: String) in "Content-Disposition: form-data; name=f; filename=\"\(name)\"" }
        let body = [
            "--b", disposition("C:\\tmp\\a \\\"b\\\".TXT"), "Content-Type: Text/Plain; charset=utf-8", "", "grüezi",
            "--b", disposition("../../etc/x%22y.json"), "content-type: application/json", "", "{}",
            "--b", disposition("z.bin"), "", "abc", "--b", disposition(""), "Content-Type: text/csv", "", "", "--b--",
        ]
        let expected: Value = [
            "f": [
                ["filename": "a \"b\".TXT", "media_type": "text/plain", "size": 7, "text": "grüezi"],
                ["filename": "x\"y.json", "media_type": "application/json", "size": 2, "text": "{}"],
                [
                    "filename": "z.bin", "media_type": "application/octet-stream", "size": 3,
                    "bytes": .bytes(Array("abc".utf8)),
                ], ["filename": "", "media_type": "text/csv", "size": 0, "text": ""],
            ]
        ]
        #expect(try Self.read(body) == expected)
    }

    @Test(
        "a file's name is read from `filename*` (RFC 8187), which some clients send for non-ASCII names",
        arguments: [
            ("filename=\"=?utf-8?B?6KuL5rGC?=\"; filename*=utf-8''%E8%AB%8B%E6%B1%82+1.pdf", "請求+1.pdf"),
            ("filename*=ISO-8859-1'de'%FC.pdf", "ü.pdf"), ("filename=a.pdf; filename*=x", "a.pdf"),
            ("filename=a.pdf; filename*=klingon''b.pdf", "a.pdf"), ("filename*=UTF-8''..%2Fb.pdf", "b.pdf"),
        ])
    func extendedName(parameters: String, name: String) throws {
        let body = ["--b", "Content-Disposition: form-data; name=f; \(parameters)", "", "abc", "--b--"]
        #expect(try Self.read(body)["f"]?["filename"] == .string(name))
    }

    @Test("what is not text stays bytes, in files and in fields")
    func bytes() throws {
        var body = Array(
            "--b\r\nContent-Disposition: form-data; name=a; filename=a.txt\r\nContent-Type: text/plain\r\n\r\n".utf8)
        body += [0xFF, 0x0D, 0x0A]
        body += Array("\r\n--b\r\nContent-Disposition: form-data; name=b\r\n\r\n".utf8) + [0xFE]
        body += Array("\r\n--b--".utf8)
        let expected: ValueObject = [
            "a": ["filename": "a.txt", "media_type": "text/plain", "size": 3, "bytes": .bytes([0xFF, 0x0D, 0x0A])],
            "b": .bytes([0xFE]),
        ]
        #expect(try MultipartForm.read(body, boundary: "b") == expected)
    }

    @Test("only a whole boundary line is a boundary")
    func boundaryLines() throws {
        let content = "x--b\r\n --b\r\n--bb\r\n--b -\r\n--\r\n--B"
        let body = ["preamble --b", "--bx"] + Self.part("a", content) + ["--b-- epilogue", "--b", "rest"]
        #expect(try Self.read(body) == ["a": .string(content)])
        #expect(try Self.read(["--b \t"] + Self.part("a", "1").dropFirst() + ["--b--"]) == ["a": "1"])
    }

    @Test("an empty part may end right behind its header")
    func emptyPart() throws {
        #expect(try Self.read(["--b", "Content-Disposition: form-data; name=a", "", "--b--"]) == ["a": ""])
        #expect(try Self.read(["--b--"]) == [:])
    }

    @Test(
        "a body that is broken is refused with the reason",
        arguments: [
            (["no boundary"], "the body ends before its last boundary"), ([], "the body ends before its last boundary"),
            (part("a", "1"), "the body ends before its last boundary"),
            (["--b"], "the body ends before its last boundary"),
            (["--b", "Content-Disposition: form-data; name=a"], "the body ends in the header of a part"),
            (["--b", ""], "the body ends in the header of a part"),
            (["--b", "nonsense", "", "--b--"], "a header line of a part has no colon"),
            (["--b", "A: b", "", "1", "--b--"], "part 1 of the form has no name"),
            (
                part("a", "1") + ["--b", "Content-Disposition: attachment; name=a", "", "1", "--b--"],
                "part 2 of the form has no name"
            ),
            (
                part("a", "MQ==", "Content-Transfer-Encoding: base64") + ["--b--"],
                "part 1 of the form is encoded, which forms are not"
            ),
            (
                part("a", "1", "X: " + String(repeating: "x", count: 9000)) + ["--b--"],
                "the header of a part is longer than 8KiB"
            ),
        ])
    func broken(lines: [String], message: String) {
        #expect(throws: BodyProblem.malformed(message)) { try Self.read(lines) }
    }

    @Test("a body that was cut anywhere before its end is refused")
    func cut() throws {
        let lines =
            Self.part("a", "1") + Self.part("b", "") + ["--b", "Content-Disposition: form-data; name=c", "", "--b--"]
        let body = Array(lines.joined(separator: "\r\n").utf8)
        #expect(try MultipartForm.read(body, boundary: "b") == ["a": "1", "b": "", "c": ""])
        for count in 0..<body.count {
            #expect(throws: BodyProblem.self, "\(count)") {
                try MultipartForm.read(Array(body.prefix(count)), boundary: "b")
            }
        }
    }

    @Test("a hundred parts are taken, one more is not")
    func limits() throws {
        let parts = Array(repeating: Self.part("a", "1"), count: 100).flatMap(\.self)
        #expect(try Self.read(parts + ["--b--"])["a"]?.asList?.count == 100)
        #expect(throws: BodyProblem.malformed("the body has more than 100 parts")) {
            try Self.read(parts + Self.part("a", "1") + ["--b--"])
        }
    }

    @Test("a boundary has 1 to 70 characters")
    func boundary() throws {
        let long = String(repeating: "x", count: 70)
        #expect(try Self.read(["--\(long)--"], boundary: long) == [:])
        for boundary in ["", long + "x"] {
            #expect(throws: BodyProblem.malformed("the boundary between the parts has to be 1 to 70 characters long")) {
                try Self.read(["--\(boundary)--"], boundary: boundary)
            }
        }
    }

    @Test("parameters are read with and without quotes")
    func parameters() {
        let read = { (text: String) in HeaderParameters(text).values }
        #expect(HeaderParameters(" Form-Data ;a=1").value == "form-data")
        #expect(read(#"x; Name="a;b=\"c\""; b = d ; c; name=second; =e"#) == ["name": #"a;b="c""#, "b": "d"])
        #expect(read(#"x; a="C:\dir\f"; b="open"#) == ["a": #"C:\dir\f"#, "b": "open"])
        #expect(read("") == [:])
        #expect(read(";;;=;\"") == [:])
    }
}
