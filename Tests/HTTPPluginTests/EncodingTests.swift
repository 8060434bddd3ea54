import HTTPTestServer
import NIOHTTP1
import RunnelHTTP
import RunnelKit
import RunnelSupport
import Testing

@testable import HTTPPlugin

@Suite("Compressed and encoded responses") struct EncodingTests {
    /// "für alle: 日本 ", 20 times.
    private static let text = String(repeating: "für alle: 日本 ", count: 20)
    private static let compressed: [(coding: String, base64: String)] = [
        ("gzip", "H4sIAAAAAAACA0s7vKdIITEnJ9VK4dn0pc/mrFFIGxWhgQgAl60SPWgBAAA="),
        ("x-gzip", "H4sIAAAAAAACA0s7vKdIITEnJ9VK4dn0pc/mrFFIGxWhgQgAl60SPWgBAAA="),
        ("deflate", "eNpLO7ynSCExJyfVSuHZ9KXP5qxRSBsVoYEIAPDssW0="),
        // Without zlib's header, as many servers send it.
        ("deflate", "Szu8p0ghMScn1Urh2fSlz+asUUgbFaGBCAA="),
        ("br", "G2cB+C0OeJPGpdJ7uYXewKhBzOSGpzlvaV5yspZOWJWxBYURAiD6c5AG"),
        ("zstd", "KLUv/WBoAM0AAJBmw7xyIGFsbGU6IOaXpeacrCABAKZKnWE="),
    ]
    /// 64 KiB of zeros.
    private static let zeros =
        "H4sIAAAAAAACA+3BAQEAAACAkP6v7ggKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAauuOl9cAAAEA"

    private func bytes(_ base64: String) throws -> [UInt8] { try #require(Base64.decode(base64)) }

    @Test("a compressed body is decompressed, and asked for", arguments: compressed)
    func decompressed(coding: String, base64: String) async throws {
        // The system may lack a library; then the coding is not asked for either.
        guard HTTPHeaders.acceptEncoding.contains(coding.replacing("x-", with: "")) else { return }
        let body = try bytes(base64)
        try await TestServer.run { _ in
            .bytes(200, [("content-type", "text/plain"), ("content-encoding", coding)], body)
        } body: { server in
            let output = try await fetch(["url": .string(server.url)])
            #expect(output["body"] == .string(Self.text))
            #expect(output["headers"]?["content-encoding"] == nil)
            #expect(server.requests.first?.headers["accept-encoding"] == [HTTPHeaders.acceptEncoding])
        }
        #expect(HTTPHeaders.acceptEncoding.hasPrefix("gzip, deflate"))
    }

    @Test("two codings are undone in the order of the header, and identity is none")
    func several() throws {
        let gzip = try bytes(Self.compressed[0].base64)
        let decoder = try #require(try ContentDecoder(contentEncoding: ["identity", "gzip"]))
        var text: [UInt8] = []
        // Byte by byte, as a slow server sends it.
        for byte in gzip {
            try withUnsafeBytes(of: byte) { piece in
                try decoder.decode(piece) {
                    text += $0
                    return true
                }
            }
        }
        try decoder.finish()
        #expect(String(decoding: text, as: UTF8.self) == Self.text)
        #expect(try ContentDecoder(contentEncoding: ["identity", ""]) == nil)
        #expect(throws: ContentDecoder.Unsupported(coding: "compress")) {
            try ContentDecoder(contentEncoding: ["gzip, compress"])
        }
    }

    @Test("a bomb is refused at `max_size`, whatever it would become")
    func bomb() async throws {
        // Members of a gzip file stand one behind the other: 256 MiB of zeros.
        let member = try bytes(Self.zeros)
        let body = Array(repeatElement(member, count: 4096).joined())
        try await TestServer.run { _ in
            .bytes(200, [("content-type", "text/plain"), ("content-encoding", "gzip")], body)
        } body: { server in
            let error = try await failedFetch(["url": .string(server.url), "max_size": "1MiB"])
            #expect(error.code == "response-too-large")
            #expect(error.message == "the answer to GET \(server.url)/ is larger than 1MiB")
        }
    }

    @Test("a body that is cut off, or is not what its header says, is an error")
    func corrupt() async throws {
        let gzip = try bytes(Self.compressed[0].base64)
        try await TestServer.run { request in
            switch request.uri {
            case "/cut": .bytes(200, [("content-encoding", "gzip")], gzip.dropLast(12))
            case "/other": .bytes(200, [("content-encoding", "gzip")], Array("not compressed".utf8))
            case "/unknown": .bytes(200, [("content-encoding", "compress"), ("content-type", "text/plain")], [1])
            default: .bytes(200, [("content-encoding", "gzip"), ("content-type", "text/plain")], [])
            }
        } body: { server in
            let cut = try await failedFetch(["url": .string(server.url + "/cut")])
            #expect(cut.code == "connection-closed")
            let other = try await failedFetch(["url": .string(server.url + "/other")])
            #expect(other.code == "corrupt-answer")
            #expect(
                other.message == "the answer to GET \(server.url)/other cannot be decompressed: it is not gzip")
            #expect(!other.isTransient)
            let unknown = try await failedFetch(["url": .string(server.url + "/unknown")])
            #expect(unknown.code == "compressed-answer")
            #expect(
                unknown.message
                    == "the answer to GET \(server.url)/unknown is compressed (compress), which cannot be decompressed here"
            )
            let raw = try await fetch(["url": .string(server.url + "/unknown"), "as": "bytes"])
            #expect(raw["body"] == .bytes([1]))
            let empty = try await fetch(["url": .string(server.url + "/empty")])
            #expect(empty["body"] == "")
            let head = try await fetch(["url": .string(server.url + "/unknown"), "method": "HEAD"])
            #expect(head["body"] == "")
            #expect(head["headers"]?["content-encoding"] == "compress")
        }
    }

    @Test(
        "the encodings of the web are decoded",
        arguments: [
            ("Shift_JIS", [147, 250, 150, 123, 140, 234, 135, 64, 238, 224], "日本語①髙"),
            ("x-sjis", [0x5C, 147, 250], "\\日"),
            ("EUC-JP", [198, 252, 203, 220, 184, 236], "日本語"),
            ("ISO-2022-JP", [27, 36, 66, 70, 124, 75, 92, 56, 108, 27, 40, 66, 32, 97], "日本語 a"),
            ("GB18030", [214, 208, 206, 196, 162, 227], "中文€"), ("GBK", [214, 208, 206, 196], "中文"),
            ("gb2312", [214, 208, 206, 196], "中文"), ("Big5", [164, 164, 164, 229], "中文"),
            ("EUC-KR", [199, 209, 177, 185, 190, 238], "한국어"),
            ("windows-1251", [207, 240, 232, 226, 229, 242], "Привет"),
            ("koi8-r", [240, 210, 201, 215, 197, 212], "Привет"), ("koi8-u", [240, 210, 201, 215, 197, 212], "Привет"),
            ("iso-8859-2", [174, 108, 117, 187, 111, 117, 232, 107, 253], "Žluťoučký"),
            ("iso-8859-15", [112, 114, 105, 120, 32, 164], "prix €"),
            ("windows-1250", [142, 108, 117, 157, 111, 117, 232, 107, 253], "Žluťoučký"),
            ("windows-1253", [234, 225, 235, 231, 236, 221, 241, 225], "καλημέρα"),
            ("windows-1254", [112, 114, 105, 120, 32, 128], "prix €"),
            ("iso-8859-9", [240, 252, 254], "ğüş"), ("windows-1255", [249, 236, 229, 237], "שלום"),
            ("windows-1256", [227, 209, 205, 200, 199], "مرحبا"), ("windows-1257", [254, 224, 115, 105, 115], "žąsis"),
            ("windows-1258", [112, 114, 105, 120, 32, 128], "prix €"),
            ("windows-874", [202, 199, 209, 202, 180, 213], "สวัสดี"),
            ("ibm866", [143, 224, 168, 162, 165, 226], "Привет"),
            ("macintosh", [112, 114, 105, 120, 32, 219], "prix €"),
            ("x-mac-cyrillic", [143, 240, 232, 226, 229, 242], "Привет"),
        ] as [(String, [UInt8], String)])
    func charsets(charset: String, bytes: [UInt8], text: String) async throws {
        try await TestServer.run { _ in
            .bytes(200, [("content-type", "text/plain; charset=\(charset)")], bytes)
        } body: { server in
            let output = try await fetch(["url": .string(server.url)])
            #expect(output["body"] == .string(text))
        }
    }

    @Test(
        "a character that is not known is one U+FFFD, and none behind it changes",
        arguments: [
            ("euc-jp", [0xA9, 0xA1, 0xC6, 0xFC, 0xCB, 0xDC], "\u{FFFD}日本"),
            ("euc-jp", [0x8F, 0xA1, 0xA1, 0xC6, 0xFC], "\u{FFFD}日"),
            ("euc-jp", [0xA9, 0x3C, 0xC6, 0xFC], "\u{FFFD}<日"),
            ("euc-kr", [0xC9, 0xA1, 0xC7, 0xD1], "\u{FFFD}한"), ("big5", [0x81, 0xFF, 0xA4, 0xA4], "\u{FFFD}中"),
            ("shift_jis", [0x85, 0x40, 0x93, 0xFA], "\u{FFFD}@日"),
            ("shift_jis", [0x85, 0x81, 0x93, 0xFA], "\u{FFFD}日"),
            ("gb18030", [0x81, 0xFF, 0xD6, 0xD0], "\u{FFFD}中"),
            ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x29, 0x21, 0x46, 0x7C, 0x1B, 0x28, 0x42, 0x61], "\u{FFFD}日a"),
            ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x46, 0x1B, 0x28, 0x42, 0x61], "日\u{FFFD}a"),
            ("iso-2022-jp", [0x1B, 0x24, 0x41, 0x80, 0x61], "\u{FFFD}$A\u{FFFD}a"),
        ] as [(String, [UInt8], String)])
    func unknownCharacters(label: String, bytes: [UInt8], text: String) throws {
        let decoded = try #require(Charset(label: label)?.decode(bytes[...]))
        #expect(decoded.text == text)
        #expect(decoded.firstInvalid != nil)
    }

    @Test("ISO-2022-JP has the characters of the other encodings of Japanese, and all of its own")
    func japaneseMail() throws {
        let pairs: [UInt8] = [0x2D, 0x21, 0x2D, 0x6A, 0x21, 0x41, 0x21, 0x5D]
        let mail = Array("\u{1B}$B".utf8) + pairs + Array("\n\u{1B}(I12\u{1B}(J\\~\u{1B}$@F|\u{1B}(B\\~".utf8)
        let decoded = try #require(Charset(label: "iso-2022-jp")?.decode(mail[...]))
        #expect(decoded.text == "①㈱～－\nｱｲ¥‾日\\~")
        #expect(decoded.firstInvalid == nil)
        #expect(Charset(label: "euc-jp")?.decode(pairs.map { $0 | 0x80 }[...])?.text == "①㈱～－")
    }

    @Test("every encoding of the table is known to this system's iconv")
    func table() throws {
        for name in Charset.allNames {
            let decoded = try #require(Charset(label: name)?.decode([0x61]), "\(name)")
            // UTF-16 has two bytes for every character.
            #expect(decoded.text == (name.hasPrefix("utf-16") ? "\u{FFFD}" : "a"), "\(name)")
        }
    }

    @Test("a page, XML and `encoding` tell the encoding where the content type does not")
    func declared() async throws {
        let sjis: [UInt8] = [0x93, 0xFA]
        let cases: [(type: String, head: String, with: ValueObject)] = [
            ("text/html", "<meta charset=Shift_JIS>", [:]),
            ("text/html", "<meta http-equiv=content-type content='text/html; charset=x-sjis'>", [:]),
            ("application/xml", "<?xml version='1.0' encoding='Shift_JIS'?>", [:]),
            ("application/rss+xml", "<?xml version=\"1.0\" encoding=\"shift_jis\" ?>", [:]),
            ("text/csv; charset=utf-8", "", ["encoding": "sjis"]),
            ("application/octet-stream", "", ["encoding": "Shift_JIS"]),
        ]
        for (type, head, with) in cases {
            try await TestServer.run { _ in
                .bytes(200, [("content-type", type)], Array(head.utf8) + sjis)
            } body: { server in
                var with = with
                with["url"] = .string(server.url)
                let output = try await fetch(with)
                #expect(output["body"] == .string(head + "日"), "\(type)")
            }
        }
    }

    @Test(
        "only a `<meta>` that declares the encoding of a page is obeyed",
        arguments: [
            ("<!-- <meta charset=euc-jp> --><meta charset='Shift_JIS'>", "shift_jis"),
            ("<meta name=description content='the charset Shift_JIS'>", nil),
            ("<meta name=description content='charset=Shift_JIS'>", nil),
            ("<p title='<meta charset=big5>'><META CHARSET = Shift_JIS >", "shift_jis"),
            ("<metal charset=big5><meta/charset=\"sjis\">", "sjis"),
            ("<meta content='a;charset= \"x-sjis\"' http-equiv=Content-Type />", "x-sjis"),
            ("<meta http-equiv=refresh content='0; charset=big5'>", nil), ("<meta charset=utf-16>", "utf-8"),
            ("<!--><meta charset=big5>", "big5"), ("<meta charset=big5", nil), ("<!-- <meta charset=big5>", nil),
            ("<", nil),
        ] as [(String, String?)])
    func declarations(page: String, label: String?) {
        #expect(Charset.declared(inHTML: Array(page.utf8)) == label)
    }

    @Test("in a page that is no UTF-8, the `<meta>` is found behind a long beginning")
    func lateDeclaration() {
        let meta = Array((String(repeating: " ", count: 2000) + "<meta charset=sjis>").utf8)
        #expect(Charset.declared(inHTML: [0x93, 0xFA] + meta) == "sjis")
        #expect(Charset.declared(inHTML: Array("日".utf8) + meta) == nil)
    }

    @Test("bytes that mean nothing become U+FFFD, and none is lost behind them")
    func invalid() throws {
        let decoded = try #require(Charset(label: "shift_jis")?.decode([0x61, 0xFF, 0x93, 0xFA, 0x93]))
        #expect(decoded.text == "a\u{FFFD}日\u{FFFD}")
        #expect(decoded.firstInvalid == 1)
        let wide = try #require(Charset(label: "utf-16le")?.decode([0x61, 0, 0x00, 0xD8, 0x62, 0]))
        #expect(wide.text == "a\u{FFFD}b")
        #expect(wide.firstInvalid == 2)
        #expect(Charset(label: "utf-7") == nil)
        #expect(Charset(label: "//TRANSLIT") == nil)
    }
}
