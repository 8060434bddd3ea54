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
        let closed = seal.seal(text)
        #expect(!closed.contains("first secret"))
        #expect(!closed.contains("zw/ei"))
        #expect(seal.unseal(closed) == text)
        #expect(Array(seal.unseal(closed).utf8) == Array(text.utf8))
    }

    @Test("binary data and keys are sealed like texts")
    func values() {
        let value: Value = [
            "first secret": .bytes(Array("x first secret".utf8) + [0xFF, 0xEF, 0xB7, 0x90]),
            "n": [1, 2.5, true, .null],
        ]
        let closed = seal.seal(value)
        #expect(!closed.json().contains("first secret"))
        #expect(seal.unseal(closed) == value)
    }

    @Test("a text that looks like a reference is not taken for one")
    func escapes() {
        let mark = String(decoding: [0xEF, 0xB7, 0x90] as [UInt8], as: UTF8.self)
        let end = String(decoding: [0xEF, 0xB7, 0x91] as [UInt8], as: UTF8.self)
        for text in ["\(mark)one.0\(end)", mark, end, "\(mark)\(end)", "\(mark)\(mark)one"] {
            #expect(seal.unseal(seal.seal(text)) == text)
        }
    }

    @Test("a secret without a value is shown as a mask, and one with a new value comes back with that")
    func changes() {
        let closed = seal.seal("Bearer first secret")
        #expect(SecretSeal.masked(.string(closed)) == "Bearer ***")
        #expect(SecretSeal(secrets: ["one": "another one"]).unseal(closed) == "Bearer another one")
    }

    @Test("a secret that has no value any more is named, wherever it stands; an issued token and a credential are not")
    func lost() {
        let closed = seal.seal(["a": [.string("Bearer first secret")], "b": "zw/ei&="])
        #expect(seal.lostSecret(in: closed) == nil)
        #expect(SecretSeal(secrets: ["one": "another one", "two": "the other"]).lostSecret(in: closed) == nil)
        let renamed = SecretSeal(secrets: ["uno": "first secret", "two": "zw/ei&="])
        #expect(renamed.lostSecret(in: closed) == "one")
        #expect(renamed.lostSecret(in: seal.seal(["first secret": .null])) == "one")
        #expect(renamed.lostSecret(in: seal.seal(.bytes(Array("x first secret".utf8)))) == "one")
        let mark = String(decoding: [0xEF, 0xB7, 0x90] as [UInt8], as: UTF8.self)
        #expect(renamed.lostSecret(in: .string(seal.seal("\(mark)one.0\(mark)"))) == nil)
        let credentials = SecretSeal(secrets: ["server/token": "first secret"])
        Redactor(credentials).add("an issued token", named: "marketplace/access_token")
        #expect(seal.lostSecret(in: .string(credentials.seal("first secret, an issued token"))) == nil)
    }

    @Test("a new value is masked beside the former one in all copies and streams, and a reference comes back with it")
    func newValue() {
        let seal = SecretSeal(secrets: ["one": "first secret", "two": "zw/ei&="])
        let redactor = Redactor(seal)
        let closed = seal.seal("Bearer first secret")
        var stream = StreamRedactor(redactor)
        var shown = stream.append("- ")
        seal.update(["one": "second value", "three": "a third one"])
        shown += stream.append("second value") + stream.finish()
        #expect(shown == "- ***")
        #expect(redactor.redact("first secret, second value, zw/ei&=, a third one") == "***, ***, ***, ***")
        #expect(seal.unseal(closed) == "Bearer second value")
        #expect(seal.unseal(seal.seal("first secret; zw%2Fei%26%3D")) == "second value; zw%2Fei%26%3D")
    }

    @Test("of two secrets that have exchanged their values each comes back as it was")
    func exchanged() {
        let seal = SecretSeal(secrets: ["one": "first secret", "two": "other value"])
        seal.update(["one": "other value", "two": "first secret"])
        let text = "first secret, other value"
        #expect(!seal.seal(text).contains("secret"))
        #expect(seal.unseal(seal.seal(text)) == text)
    }

    @Test("a reference to an issued token is restored with that token alone, and one to a secret with its new value")
    func issued() {
        let seal = SecretSeal(secrets: ["one": "first secret"])
        let text = "Bearer token-1, first secret"
        Redactor(seal).add("token-1", named: "server/token")
        let closed = seal.seal(text)
        #expect(!closed.contains("token-1"))
        Redactor(seal).add("token-2", named: "server/token")
        #expect(seal.unseal(closed) == text)
        // After a restart.
        let later = SecretSeal(secrets: ["one": "second secret"])
        Redactor(later).add("token-2", named: "server/token")
        #expect(later.unseal(closed) == "Bearer ***, second secret")
        Redactor(later).add("token-1", named: "server/token")
        #expect(later.unseal(closed) == "Bearer token-1, second secret")
        #expect(SecretSeal.masked(closed) == "Bearer ***, ***")
    }

    @Test("the last nine issued tokens of a name are masked, beside those of other names")
    func issuedLimit() {
        let redactor = Redactor()
        redactor.add("other-token", named: "other")
        for number in 0..<10 { redactor.add("token-\(number)", named: "server/token") }
        #expect((1..<10).allSatisfy { redactor.redact("token-\($0)") == "***" })
        #expect(redactor.redact("token-0, other-token") == "token-0, ***")
    }

    @Test("the last eight former values of a secret are masked")
    func formerValues() {
        let values = ["red fox", "blue hen", "grey owl", "pink pig", "tan ox cart", "old yak", "wet cod", "shy elk"]
        let seal = SecretSeal(secrets: ["one": "the first"])
        for value in values + ["the last"] { seal.update(["one": value]) }
        let redactor = Redactor(seal)
        #expect((values + ["the last"]).allSatisfy { redactor.redact($0) == "***" })
        #expect(redactor.redact("the first") == "the first")
    }

    @Test("where secrets overlap nothing of either is stored")
    func overlaps() {
        let seal = SecretSeal(secrets: ["one": "abcdefgh", "two": "fghijklm"])
        let closed = seal.seal("-abcdefghijklm-")
        #expect(closed == "-\(opening)one.0\(closing)\(opening)two.0+3\(closing)-")
        #expect(seal.unseal(closed) == "-abcdefghijklm-")
        #expect(SecretSeal.masked(closed) == "-******-")
    }

    @Test("a reference says which part of a secret it is, and how each character is written")
    func references() {
        let seal = SecretSeal(secrets: ["key": "first/line\nsecond/line"])
        #expect(seal.seal("second/line") == "\(opening)key\u{1F}2.0\(closing)")
        #expect(seal.seal("second%2fline") == "\(opening)key\u{1F}2.0s0*6,6,0*4\(closing)")
        #expect(seal.seal("first/line\r\n  second/line") == "\(opening)key.0s0*10,1  ,0*11\(closing)")
        #expect(SecretSeal(secrets: ["key": "one line only"]).unseal("\(opening)key\u{1F}2.0\(closing)") == "***")
        #expect(
            SecretSeal(secrets: ["key": "other/secret"]).unseal("\(opening)key.0s0*6,6,0*4\(closing)") == "other/secret"
        )
    }

    @Test(
        "references of earlier journals are read as they were meant",
        arguments: [
            (0, "a/\"ö b"), (1, #"a/\"ö b"#), (2, "a%2F%22%C3%B6%20b"), (3, "a%2f%22%c3%b6%20b"),
            (4, "a/%22%C3%B6%20b"),
            (5, "a%2F%22%C3%B6+b"), (6, "YS8iw7YgY"), (7, "EvIsO2IG"), (8, "hLyLDtiBi"), (9, "YS8iw7YgY"),
        ])
    func earlier(form: Int, text: String) {
        let seal = SecretSeal(secrets: ["key": "a/\"ö b"])
        #expect(seal.unseal("\(opening)key.\(form)\(closing)") == text)
    }

    private var opening: String { String(decoding: [0xEF, 0xB7, 0x90] as [UInt8], as: UTF8.self) }
    private var closing: String { String(decoding: [0xEF, 0xB7, 0x91] as [UInt8], as: UTF8.self) }
}
