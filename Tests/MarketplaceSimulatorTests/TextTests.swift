import RunnelValue
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

    @Test("ids are made of the parts alone and have a UUID's form")
    func ids() {
        let id = StableHash.uuid("message", "Hello")
        #expect(id == StableHash.uuid("message", "Hello"))
        #expect(id != StableHash.uuid("messageH", "ello"))
        #expect(id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    }
}
