import RunnelKit
import Testing

@testable import ChatPlugin

@Suite("Finding JSON in an answer") struct JSONFinderTests {
    @Test(
        "JSON is found alone, in a fence and in prose",
        arguments: [
            (#"{"a": 1}"#, ["a": 1]),
            ("  [1, 2]\n", [1, 2]),
            ("Here it is:\n```json\n{\"a\": 1}\n```\nBye.", ["a": 1]),
            ("```\n{\"a\": \"}\"}\n```", ["a": "}"]),
            ("```json\n{\"a\": 1}", ["a": 1]),
            (#"Sure! {"a": {"b": "}{"}} is the answer."#, ["a": ["b": "}{"]]),
            (#"Use {braces} first, then {"a": 1}."#, ["a": 1]),
            (#"The list [see below] is ["x"]"#, ["x"]),
        ] as [(String, Value)])
    func found(text: String, value: Value) {
        #expect(JSONFinder.find(in: text) == value)
    }

    @Test("where there is no JSON nothing is found", arguments: ["", "no JSON here", "{", "{not json}", "```\nx\n```"])
    func notFound(text: String) {
        #expect(JSONFinder.find(in: text) == nil)
    }

    @Test("a text of brackets alone is given up soon")
    func brackets() {
        #expect(JSONFinder.find(in: String(repeating: "{", count: 200_000)) == nil)
    }
}
