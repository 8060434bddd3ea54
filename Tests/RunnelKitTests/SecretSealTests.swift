import RunnelKit
import Testing

@Suite("Sealing secrets") struct SecretSealTests {
    private let seal = SecretSeal(secrets: ["one": "first secret", "two": "zw/ei&=", "short": "abc"])

    @Test(
        "what is sealed holds no secret and comes back byte for byte",
        arguments: [
            "first secret", "a first secret b first secret", "zw/ei&= zw%2Fei%26%3D", "Zmlyc3Qgc2VjcmV0",
            "\u{0}first secret\u{0}",
            "first secre", "firstfirst secret", "",
        ])
    func roundTrip(text: String) {
        let closed = seal.close(text)
        #expect(!closed.contains("first secret"))
        #expect(!closed.contains("zw/ei"))
        #expect(seal.open(closed) == text)
        #expect(Array(seal.open(closed).utf8) == Array(text.utf8))
    }

    @Test("binary data and keys are sealed like texts")
    func values() {
        let value: Value = [
            "first secret": .bytes(Array("x first secret".utf8) + [0xFF, 0xEF, 0xB7, 0x90]),
            "n": [1, 2.5, true, .null],
        ]
        let closed = seal.close(value)
        #expect(!closed.json().contains("first secret"))
        #expect(seal.open(closed) == value)
    }

    @Test("a text that looks like a reference is not taken for one")
    func escapes() {
        let mark = String(decoding: [0xEF, 0xB7, 0x90] as [UInt8], as: UTF8.self)
        let end = String(decoding: [0xEF, 0xB7, 0x91] as [UInt8], as: UTF8.self)
        for text in ["\(mark)one.0\(end)", mark, end, "\(mark)\(end)", "\(mark)\(mark)one"] {
            #expect(seal.open(seal.close(text)) == text)
        }
    }

    @Test("a secret without a value is shown as a mask, and one with a new value comes back with that")
    func changes() {
        let closed = seal.close("Bearer first secret")
        #expect(SecretSeal.masked(.string(closed)) == "Bearer ***")
        #expect(SecretSeal(secrets: ["one": "another one"]).open(closed) == "Bearer another one")
    }
}
