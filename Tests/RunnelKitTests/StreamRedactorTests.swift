import RunnelKit
import TestSupport
import Testing

@Suite("Redacting a stream") struct StreamRedactorTests {
    private static let redactor = Redactor(secrets: ["abcdef", "defghi", "abcdefabcd", "aaaa", "geh€im!"])

    @Test(
        "in whatever two or three pieces a text comes, what is shown is what the whole would be",
        arguments: [
            "abcdef", "-abcdef-", "abcdefghi", "xabcdefabcdefghiy", "abcde", "aaaaaaaaab", "aaa", "abcdefabc",
            "é geh€im! é geh€i", "YWJjZGVm YWJjZGVmZ2hp", "a b c",
        ])
    func splits(text: String) {
        let whole = Self.redactor.redact(text)
        let scalars = Array(text.unicodeScalars)
        func piece(_ range: Range<Int>) -> String {
            var piece = String.UnicodeScalarView()
            piece.append(contentsOf: scalars[range])
            return String(piece)
        }
        for first in 0...scalars.count {
            for second in first...scalars.count {
                var stream = StreamRedactor(Self.redactor)
                var shown = stream.append(piece(0..<first))
                shown += stream.append(piece(first..<second))
                shown += stream.append(piece(second..<scalars.count))
                shown += stream.finish()
                #expect(shown == whole, "split at \(first) and \(second)")
            }
        }
    }

    @Test("random texts in random pieces are shown as the whole would be")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let pieces = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                String(
                    (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                        "abcdefghi".randomElement(using: &generator) ?? "a"
                    })
                    + (Bool.random(using: &generator) ? "abcdef" : "efghi")
            }
            var stream = StreamRedactor(Self.redactor)
            let shown = pieces.map { stream.append($0) }.joined() + stream.finish()
            #expect(shown == Self.redactor.redact(pieces.joined()), "seed \(seed): \(pieces)")
        }
    }

    @Test("what cannot begin a secret is shown at once, and a whole secret as soon as it has ended")
    func prompt() {
        var stream = StreamRedactor(Redactor(secrets: ["abcdef"]))
        #expect(stream.append("hello ab") == "hello ")
        #expect(stream.append("x") == "abx")
        #expect(stream.append("abc") == "")
        #expect(stream.append("def") == "***")
        #expect(stream.append("abc") == "")
        #expect(stream.finish() == "abc")
        #expect(stream.finish() == "")
    }

    @Test("base64 of base64 holds back no text that it merely could begin with, and is masked nevertheless")
    func doubleBase64() {
        let redactor = Redactor(secrets: ["s3cr3t-value"])
        var stream = StreamRedactor(redactor)
        #expect(stream.append("three") == "three")
        #expect(stream.append(" Y") == " Y")
        // Base64 of "czNjcjN0LXZhbHVl".
        #expect(stream.append("3p") == "")
        #expect(stream.append("OamNqTjBMWFpoYkhWbA== x") == "*** x")
        #expect(stream.finish() == "")
        for size in 1...5 {
            var stream = StreamRedactor(redactor)
            var rest = Substring("a Y3pOamNqTjBMWFpoYkhWbA== b")
            var shown = ""
            while !rest.isEmpty {
                shown += stream.append(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            shown += stream.finish()
            #expect(["a *** b", "a Y*** b", "a Y3*** b"].contains(shown), "\(shown)")
        }
    }

    @Test("without secrets every piece passes as it is")
    func empty() {
        var stream = StreamRedactor(Redactor())
        #expect(stream.append("abc") == "abc")
        #expect(stream.finish() == "")
    }
}
