import Testing

@testable import MarketplaceSimulator

@Suite("Text")
struct TextTests {
    @Test("pieces are words with the space after them, long runs are cut, and nothing is lost")
    func pieces() {
        #expect(WordSplitter.pieces(of: "One  two\nthree.") == ["One  ", "two\n", "three."])
        let japanese = "これはとても長い文章なので分けて送られます"
        #expect(WordSplitter.pieces(of: japanese) == ["これはとても長い文章なの", "で分けて送られます"])
        #expect(WordSplitter.pieces(of: "") == [])
    }

    @Test("bytes are cut inside the first character of several bytes")
    func cutInside() {
        let parts = WordSplitter.cutInsideCharacter(Array("ab é".utf8))
        #expect(parts == [[0x61, 0x62, 0x20, 0xC3], [0xA9]])
        #expect(WordSplitter.cutInsideCharacter(Array("ab".utf8)) == [[0x61, 0x62]])
    }

    @Test(
        "times are written as RFC 3339 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_795_451_400_123, "2026-11-23T16:30:00.123Z"), (-1, "1969-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) {
        #expect(WallClock.timestamp(milliseconds: milliseconds) == text)
    }

    @Test("ids are made of the parts alone and have a UUID's form")
    func ids() {
        let id = StableHash.uuid("message", "Hello")
        #expect(id == StableHash.uuid("message", "Hello"))
        #expect(id != StableHash.uuid("messageH", "ello"))
        #expect(id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    }
}
