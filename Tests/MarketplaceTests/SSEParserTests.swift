import RunnelSupport
import Testing

@testable import Marketplace

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct SSECase: Decodable, CustomTestStringConvertible {
    struct Expected: Decodable {
        var event: String
        var data: String
        var id: String
    }

    var name: String
    var bytesBase64: String
    var expected: [Expected]
    var retry: Int?
    var contentType: String?
    var mustReject: Bool?

    enum CodingKeys: String, CodingKey {
        case name, expected, retry
        case bytesBase64 = "bytes_base64"
        case contentType = "content_type"
        case mustReject = "must_reject"
    }

    var testDescription: String { name }

    static func all() throws -> [SSECase] {
        let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Resources/sse_cases.json")
        return try JSONDecoder().decode([SSECase].self, from: Data(contentsOf: url))
    }
}

@Suite("The server-sent events parser")
struct SSEParserTests {
    @Test("gives the same public cases whole and in pieces of 1, 2, 3 and 7 bytes", arguments: try SSECase.all())
    func publicCases(_ testCase: SSECase) throws {
        if testCase.mustReject == true {
            #expect(!ContentType.isEventStream(testCase.contentType))
            return
        }
        if let type = testCase.contentType { #expect(ContentType.isEventStream(type)) }
        let bytes = try #require(Data(base64Encoded: testCase.bytesBase64))
        let expected = testCase.expected.map { SSEParser.Event(event: $0.event, data: $0.data, id: $0.id) }
        for size in [bytes.count, 1, 2, 3, 7] {
            var parser = SSEParser()
            var events: [SSEParser.Event] = []
            for start in stride(from: 0, to: bytes.count, by: max(size, 1)) {
                events += try parser.feed(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(events == expected, "in pieces of \(size)")
            #expect(parser.retry == testCase.retry, "in pieces of \(size)")
        }
    }

    @Test("has 39 public cases to pass")
    func caseCount() throws {
        #expect(try SSECase.all().count == 39)
    }

    @Test("gives an event whatever two places it is cut at, also inside a character or between CR and LF")
    func anyCut() throws {
        let text = "\u{FEFF}: hi\r\nevent: x\rdata: こん\r\ndata:にち\r\n\r\n\ndata: 🙂\n\r"
        let bytes = Array(text.utf8)
        let expected = [
            SSEParser.Event(event: "x", data: "こん\nにち"), SSEParser.Event(data: "🙂"),
        ]
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var parser = SSEParser()
                var events = try parser.feed(bytes[..<first])
                events += try parser.feed(bytes[first..<second])
                events += try parser.feed(bytes[second...])
                #expect(events == expected, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("an unfinished event at the end does not change the last event id")
    func unfinishedEvent() throws {
        var parser = SSEParser()
        _ = try parser.feed("data: a\n\nid: 7\ndata: b\n".utf8)
        #expect(parser.lastEventID == "")
        _ = try parser.feed("\n".utf8)
        #expect(parser.lastEventID == "7")
    }

    @Test("a line may be as long as the limit and no byte longer, in one piece or in many")
    func lineLimit() throws {
        let limits = SSEParser.Limits(line: 10, event: 100)
        for size in [1, 3, 100] {
            var fits = SSEParser(limits: limits)
            #expect(try feed(&fits, "data:12345\n\n", size) == [SSEParser.Event(data: "12345")])
            for line in ["data:123456\n", "data:123456", ": a long comment"] {
                var parser = SSEParser(limits: limits)
                #expect(throws: SSEParser.Failure.lineTooLong(limit: 10)) { _ = try feed(&parser, line, size) }
            }
        }
    }

    @Test("the data of an event is limited over all its lines")
    func eventLimit() throws {
        let limits = SSEParser.Limits(line: 100, event: 9)
        for size in [1, 4, 100] {
            var fits = SSEParser(limits: limits)
            #expect(try feed(&fits, "data:1234\ndata:6789\n\n", size) == [SSEParser.Event(data: "1234\n6789")])
            var parser = SSEParser(limits: limits)
            #expect(throws: SSEParser.Failure.eventTooLarge(limit: 9)) {
                _ = try feed(&parser, "data:1234\ndata:56789\n", size)
            }
        }
    }

    @Test("the standard limit of a line and of an event is 16 MiB")
    func standardLimit() {
        #expect(SSEParser.Limits() == SSEParser.Limits(line: 16_777_216, event: 16_777_216))
    }

    @Test("what no blank line ended is given at the end of the stream, and only then")
    func finish() throws {
        for (text, expected) in [
            ("data: a", "a"), ("data: a\n", "a"), ("data: a\r\n", "a"), ("event: x\ndata:a\ndata: b", "a\nb"),
            ("data: a\n\n", nil), ("", nil), ("event: x", nil), (": data: a", nil),
        ] as [(String, String?)] {
            for size in [1, 100] {
                var parser = SSEParser()
                _ = try feed(&parser, text, size)
                var last: String?
                try parser.finish { last = String(decoding: $0.data, as: UTF8.self) }
                #expect(last == expected, "\(text)")
            }
        }
        var parser = SSEParser()
        #expect(try feed(&parser, "data: [DO", 100) == [])
        #expect(parser.unfinishedData == [])
        #expect(try feed(&parser, "NE]\n", 100) == [])
        #expect(parser.unfinishedData == Array("[DONE]".utf8))
    }

    private func feed(_ parser: inout SSEParser, _ text: String, _ size: Int) throws -> [SSEParser.Event] {
        let bytes = Array(text.utf8)
        return try stride(from: 0, to: bytes.count, by: size).flatMap {
            try parser.feed(bytes[$0..<min($0 + size, bytes.count)])
        }
    }
}
