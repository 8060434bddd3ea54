import RunnelSupport
import RunnelValue
import Testing

@Suite("JSON of servers") struct LenientJSONTests {
    private func read(_ bytes: [UInt8], values: Int = .max) throws(JSONError) -> Value {
        var options = JSONOptions()
        options.isLenient = true
        options.maxValues = values
        return try bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONError) in try Value.json(bytes, options) }
        }.get()
    }

    @Test("a string that ends inside a character is read as its bytes, half a surrogate pair as three of them")
    func fragments() throws {
        #expect(try read([0x22, 0x61, 0xC3, 0x22]) == .bytes([0x61, 0xC3]))
        #expect(try read(Array(#""a\ud83d""#.utf8)) == .bytes([0x61, 0xED, 0xA0, 0xBD]))
        #expect(try read(Array(#""\ude00b""#.utf8)) == .bytes([0xED, 0xB8, 0x80, 0x62]))
        #expect(try read(Array(#""a\ud83db""#.utf8)) == "a\u{FFFD}b")
        #expect(try read(Array(#""\ud83d\ude00""#.utf8)) == "😀")
    }

    @Test("a number that 64 bits or a double cannot hold keeps its digits as a string")
    func numbers() throws {
        #expect(try read(Array("12345678901234567890".utf8)) == "12345678901234567890")
        #expect(try read(Array("1e400".utf8)) == "1e400")
        #expect(try read(Array("[9223372036854775807,1.5]".utf8)) == [.int(.max), 1.5])
    }

    @Test("a number that is none is null")
    func noNumbers() throws {
        #expect(try read(Array("[NaN,Infinity,-Infinity,-1]".utf8)) == [.null, .null, .null, -1])
        for text in ["-NaN", "nan", "Inf", "-Infinit"] {
            #expect(throws: JSONError.self) { try read(Array(text.utf8)) }
        }
        #expect(throws: JSONError.self) { try Value.json("NaN") }
    }

    @Test("more values than allowed are refused")
    func bounds() throws {
        #expect(try read(Array("[1,2]".utf8), values: 3) == [1, 2])
        #expect(throws: JSONError(message: "more than 3 values", line: 1, column: 6)) {
            try read(Array("[1,2,3]".utf8), values: 3)
        }
    }
}
