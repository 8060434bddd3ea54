import Testing
import YAML

@Suite("Limits")
struct LimitTests {
    @Test("a file over the size limit is an error that gives both sizes")
    func size() throws {
        let limit = YAMLLimits.default.maxBytes
        #expect(limit == 8 * 1024 * 1024)
        let error = try failure([UInt8](repeating: 0x23, count: limit + 1))
        #expect(
            error.description == "p.yaml:1:1: error: the file is larger than the limit of 8MiB [too-large]")
        #expect(try YAMLParser.parse([UInt8](repeating: 0x23, count: limit), name: "p.yaml").root == nil)
    }

    @Test("nesting is limited to 100 levels, in flow, in blocks and through aliases")
    func depth() throws {
        let nested = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(try root(nested(100)).kindName == "a list")
        let error = try failure(nested(101))
        #expect(error.code == "too-deep")
        #expect(error.message == "lists and mappings are nested more than 100 levels deep here")
        #expect(error.range.start == YAMLPosition(line: 1, column: 101))
        #expect(try failure(String(repeating: "[", count: 300_000)).code == "too-deep")
        #expect(try failure(String(repeating: "- ", count: 300_000)).code == "too-deep")
        #expect(try failure(String(repeating: "{a: ", count: 300_000)).code == "too-deep")

        let aliased =
            "- &a \(nested(60))\n- \(String(repeating: "[", count: 40))*a\(String(repeating: "]", count: 40))\n"
        #expect(try failure(aliased).code == "too-deep")
        let chain = (1...200).map { "- &a\($0) [*a\($0 - 1)]" }.joined(separator: "\n")
        #expect(try failure("- &a0 []\n\(chain)\n").code == "too-deep")
    }

    @Test("aliases are counted as what they stand for, without being expanded", .timeLimit(.minutes(5)))
    func billionLaughs() throws {
        var text = "a0: &a0 lol\n"
        for level in 1...60 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ","))]\n"
        }
        let error = try failure(text)
        #expect(error.message == "the document has more than 1000000 values once its aliases are expanded")
        #expect(error.code == "too-many-nodes")
    }

    @Test("the count is exact: lists, keys, values and what aliases stand for")
    func nodeCount() throws {
        // The list, [1, 2] with its items, twice, and the mapping with key and value: 1 + 3 + 3 + 3.
        let text = "- &a [1, 2]\n- *a\n- {k: v}\n"
        #expect(throws: Never.self) {
            try YAMLParser.parse(text, name: "p.yaml", limits: YAMLLimits(maxNodes: 10))
        }
        #expect(try failure(text, limits: YAMLLimits(maxNodes: 9)).code == "too-many-nodes")
        #expect(YAMLLimits.default.maxNodes == 1_000_000)
    }

    @Test("keys inside keys are compared in time that grows with their length", .timeLimit(.minutes(5)))
    func nestedKeys() throws {
        let list = "[" + String(repeating: "a,", count: 20_000) + "]"
        let text = String(repeating: "{? ", count: 90) + list + String(repeating: "}", count: 90)
        #expect(throws: Never.self) { try YAMLParser.parse(text, name: "p.yaml") }
        #expect(try failure("{? \(text) : 1, ? \(text) : 2}").code == "duplicate-key")
    }

    @Test("many %TAG lines are refused before they cost anything")
    func directives() throws {
        let text = (0..<100_000).map { "%TAG !a\($0)! x\n" }.joined() + "--- a\n"
        #expect(
            try failure(text).description == """
                p.yaml:101:1: error: there are more than 100 %TAG lines [too-many-directives]
                 101 | %TAG !a100! x
                     | ^~~~
                """)
    }

    @Test("one line of several megabytes is read in time that grows with its length, and its errors show a part of it")
    func longLine() throws {
        let text = "[" + String(repeating: "日, ", count: 100_000) + "@]"
        let error = try failure(text)
        #expect(error.range.start == YAMLPosition(line: 1, column: 300_002))
        #expect(error.description.utf8.count < 2000)
    }
}
