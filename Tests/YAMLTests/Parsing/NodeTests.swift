import Testing
import YAML

@Suite("Nodes")
struct NodeTests {
    @Test("a node knows its kind, its value and its parts")
    func access() throws {
        let node = try root("s: text\ni: 12\nf: 1.5\nb: true\nn:\nl: [1, 2]\nm: {a: 1}\n")
        #expect(
            node.pairs?.map(\.value.kindName) == [
                "a string", "a number", "a number", "true or false", "null", "a list", "a mapping",
            ])
        #expect(node.pairs?.compactMap(\.key.asString) == ["s", "i", "f", "b", "n", "l", "m"])
        #expect(node["s"]?.asString == "text")
        #expect(node["i"]?.asInt == 12)
        #expect(node["i"]?.asDouble == 12)
        #expect(node["i"]?.asString == nil)
        #expect(node["f"]?.asDouble == 1.5)
        #expect(node["f"]?.asInt == nil)
        #expect(node["b"]?.asBool == true)
        #expect(node["n"]?.isNull == true)
        #expect(node["l"]?.items?.count == 2)
        #expect(node["m"]?["a"]?.asInt == 1)
        #expect(node["x"] == nil)
        #expect(node["s"]?["a"] == nil)
        #expect(node.keyNode(for: "m")?.range.start == YAMLPosition(line: 7, column: 1))
    }

    @Test("a range ends where the value ends, without the blank lines and comments after it")
    func ranges() throws {
        let node = try root("a:\n  - x\n  - {k: v} # comment\n\n# comment\nb: !!str &n 'q'\nc: |\n  text\n\nd: 1\n")
        let shown = node.pairs?.map { "\($0.value.range)" }
        #expect(shown == ["2:3-3:11", "6:4-6:16", "7:4-10:1", "10:4-10:5"])
        #expect("\(node.range)" == "1:1-10:5")
        #expect("\(node["a"]?.items?.last?.range, default: "")" == "3:5-3:11")
        #expect(node["b"]?.tag == "tag:yaml.org,2002:str")
        #expect(node["b"]?.anchor == "n")
    }

    @Test("columns count Unicode scalars; LF, CR LF and CR end lines")
    func columns() throws {
        let node = try root("日本: é\u{301}😀 \r\nk: [\"a\u{A0}b\u{200B}c\",\ry]\n")
        #expect(node.pairs?.map { "\($0.value.range)" } == ["1:5-1:8", "2:4-3:3"])
        let items = try #require(node["k"]?.items)
        #expect(items.first?.asString == "a\u{A0}b\u{200B}c")
        #expect(items.map { "\($0.range)" } == ["2:5-2:12", "3:1-3:2"])
    }

    @Test("an alias is the node of its anchor, at the place of the original")
    func aliases() throws {
        let node = try root("a: &x [1]\nb: *x\nc: *x\n")
        let original = try #require(node["a"])
        #expect(node["b"] === original)
        #expect(node["c"] === original)
        #expect("\(original.range)" == "1:4-1:10")
    }

    @Test("an anchor's name may be used again; an alias means the one that began last before it")
    func reusedAnchors() throws {
        let node = try root("- &a 1\n- *a\n- &a [&a 2, *a]\n- *a\n")
        #expect(node.items?[1].asInt == 1)
        #expect(node.items?[2].items?[1].asInt == 2)
        #expect(node.items?[3].asInt == 2)
    }

    @Test(
        "a document without content has no root",
        arguments: ["", "\n", "# comment\n", "---\n", "--- # c\n...\n", "\u{FEFF}"])
    func empty(_ text: String) throws {
        #expect(try YAMLParser.parse(text, name: "p.yaml").root == nil)
    }

    @Test("a null that is written is a root", arguments: ["~", "null", "!!null", "&a"])
    func writtenNull(_ text: String) throws {
        #expect(try root(text).isNull)
    }

    @Test("the source gives its lines without their breaks")
    func lines() {
        let source = YAMLSource(name: "p.yaml", text: "a\r\nb\rc\n\n")
        #expect(source.lineCount == 5)
        #expect((0...6).map { source.line($0) } == [nil, "a", "b", "c", "", "", nil])
        #expect(YAMLSource(name: "p.yaml", text: "").line(1) == "")
    }
}

extension DefaultStringInterpolation {
    mutating func appendInterpolation(_ range: YAMLRange) {
        appendInterpolation("\(range.start.line):\(range.start.column)-\(range.end.line):\(range.end.column)" as String)
    }

    mutating func appendInterpolation(_ range: YAMLRange?, default other: String) {
        if let range { appendInterpolation(range) } else { appendInterpolation(other as String) }
    }
}
