import RunnelKit
import Testing

@Suite("Values")
struct ValueTests {
    @Test("a whole number and a double of the same value are equal and hash alike")
    func numbers() {
        #expect(Value.int(1) == .double(1.0))
        #expect(Set<Value>([.int(1), .double(1), .double(1.5), .bool(true)]).count == 3)
        #expect(Value.int(0) == .double(-0.0))
        #expect(Value.int(.max) != .double(0x1p63))
        #expect(Value.int(9_007_199_254_740_993) != .double(9_007_199_254_740_992))
        #expect(Value.bool(true) != .int(1))
        #expect(Value.null != .bool(false))
    }

    @Test(
        "a whole number and a double are compared exactly",
        arguments: [
            (.int(1), .double(1.5)), (.double(-1.5), .int(-1)), (.double(0.5), .int(1)),
            (.double(9_007_199_254_740_992), .int(9_007_199_254_740_993)),
            (.int(9_007_199_254_740_991), .double(9_007_199_254_740_992)),
            (.int(-9_007_199_254_740_993), .double(-9_007_199_254_740_992)),
            (.int(.max), .double(0x1p63)), (.double(-0x1p63), .int(.min + 1)), (.double(-0x1.8p63), .int(.min)),
            (.int(.max), .double(.infinity)), (.double(-.infinity), .int(.min)),
        ] as [(Value, Value)])
    func order(less: Value, greater: Value) {
        #expect(less.isLess(than: greater) == true)
        #expect(greater.isLess(than: less) == false)
    }

    @Test("equal numbers and NaN are not less than each other; what is not a number is not compared")
    func unordered() {
        for (left, right) in [
            (.int(1), .double(1)), (.int(.min), .double(-0x1p63)), (.int(0), .double(-0.0)), (.int(1), .double(.nan)),
        ] as [(Value, Value)] {
            #expect(left.isLess(than: right) == false)
            #expect(right.isLess(than: left) == false)
        }
        #expect(Value.int(1).isLess(than: "2") == nil)
        #expect(Value.null.isLess(than: 2) == nil)
    }

    @Test("two objects are equal in whatever order, and keep theirs")
    func objects() {
        let left: Value = ["a": 1, "b": ["c": 2]]
        let right: Value = ["b": ["c": 2.0], "a": 1]
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left.asObject?.keys == ["a", "b"])
        #expect(right.asObject?.keys == ["b", "a"])
        #expect(left != ["a": 1])
        #expect(left != ["a": 1, "x": ["c": 2]])
    }

    @Test("where a key stands twice the later value wins at the earlier place")
    func duplicates() {
        let object = ValueObject([("a", 1), ("b", 2), ("a", 3)])
        #expect(object.keys == ["a", "b"])
        #expect(object["a"] == 3)
    }

    @Test("texts and keys in different Unicode normal forms (NFC, NFD) are equal; of equal keys, the last value wins")
    func composition() throws {
        #expect(Value.string("\u{E9}") == .string("e\u{301}"))
        #expect(try Value.json("{\"\u{E9}\": 1, \"e\u{301}\": 2}") == ["\u{E9}": 2])
    }

    @Test("a member is set, replaced and removed")
    func members() {
        var object: ValueObject = ["a": 1]
        object["b"] = .null
        object["a"] = 2
        #expect(object.map(\.key) == ["a", "b"])
        #expect(object["b"] == .null)
        #expect(object.removing("a").keys == ["b"])
        object["a"] = nil
        #expect(object.count == 1)
    }

    @Test("access gives nil for another kind and outside the bounds")
    func access() {
        let value: Value = ["list": [1, "two", .null]]
        #expect(value["list"]?[1]?.asString == "two")
        #expect(value["list"]?[3] == nil)
        #expect(value["list"]?[-1] == nil)
        #expect(value["none"] == nil)
        #expect(value[0] == nil)
        #expect(Value.string("a")["a"] == nil)
        #expect(Value.double(3).asInt == 3)
        #expect(Value.double(3.5).asInt == nil)
        #expect(Value.double(.nan).asInt == nil)
        #expect(Value.double(1e19).asInt == nil)
        #expect(Value.int(3).asDouble == 3)
        #expect(Value.string("3").asInt == nil)
    }

    @Test("false, null, 0, and what is empty is not true")
    func truth() {
        for value: Value in [.null, false, 0, 0.0, "", [], [:], .bytes([])] { #expect(!value.isTruthy, "\(value)") }
        for value: Value in [true, -1, 0.1, "0", [.null], ["a": .null], .bytes([0])] {
            #expect(value.isTruthy, "\(value)")
        }
    }

    @Test("text is a string as it is and anything else as JSON; a quotation is cut")
    func text() {
        #expect(Value.string("a \"b\"").text == "a \"b\"")
        #expect(Value.list([1, "a"]).text == #"[1,"a"]"#)
        #expect(Value.string("abcdef").quoted(limit: 5) == "\"abc…")
        #expect(Value.string("abc").quoted(limit: 5) == "\"abc\"")
    }
}
