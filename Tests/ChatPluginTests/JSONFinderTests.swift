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
        #expect(JSONFinder.values(in: text) == [value])
    }

    @Test(
        "what stands in a reasoning block is not the answer",
        arguments: [
            ("<think>The user may want {\"a\": 0} but no.</think>\n{\"a\": 1}", [["a": 1]]),
            ("I think {\"a\": 0} but no.</think>\n{\"a\": 1}", [["a": 1]]),
            ("<think>\n```json\n{\"a\": 0}\n```\n</think>```json\n{\"a\": 1}\n```", [["a": 1]]),
            ("<Thinking time=\"1\">{\"a\": 0}</THINKING>{\"a\": 1}", [["a": 1]]),
            ("<reasoning>[0]</reasoning> {\"a\": 1} <think>[2]</think>", [["a": 1]]),
            ("[THINK]{\"a\": 0}[/THINK]{\"a\": 1}", [["a": 1]]),
            ("<think>{\"a\": 0} <think>{\"a\": 2}</think> no</think>{\"a\": 1}", [["a": 1]]),
            ("<think>hm, <think> is a tag, {\"a\": 0}</think>{\"a\": 1}", [["a": 1]]),
            ("<think>hm</think>\n42\n", [42]),
            ("<think>hm</think> \"bug\"", ["bug"]),
            (" <think>cut off, {\"a\": 0}", []),
            ("{\"a\": 0}</think> none", []),
            // Where a tag is part of the answer, it is left alone.
            ("It is {\"html\": \"<think>x</think>\"}.", [["html": "<think>x</think>"]]),
            ("{\"html\": \"</think>\"}", [["html": "</think>"]]),
            ("I never write <think> tags. {\"a\": 1}", [["a": 1]]),
            ("<b>{\"a\": 1}</b> <thinkers>", [["a": 1]]),
            ("Maybe {\"a\": 0, or\n</think>\n{\"a\": 1}", [["a": 1]]),
        ] as [(String, [Value])])
    func reasoning(text: String, values: [Value]) {
        #expect(JSONFinder.values(in: text) == values)
    }

    @Test("several values are found in their order, the outermost ones alone")
    func several() {
        let text = """
            First I thought of [1] and {"a": {"b": 2}}, {not this}:
            ```json
            {"a": 3}
            ```
            ```
            x = {"a": 4}
            ```
            ```json
            "five"
            ```
            So {"a": 6}
            """
        #expect(
            JSONFinder.values(in: text) == [[1], ["a": ["b": 2]], ["a": 3], ["a": 4], "five", ["a": 6]])
    }

    @Test("where there is no JSON nothing is found", arguments: ["", "no JSON here", "{", "{not json}", "```\nx\n```"])
    func notFound(text: String) {
        #expect(JSONFinder.values(in: text) == [])
    }

    @Test(
        "nothing inside an object or list with a slip is the answer",
        arguments: [
            #"{"name": "order 7", "customer": {"name": "Ann"},}"#,
            "{\"status\": \"failed\", // disk full\n\"previous\": {\"status\": \"ok\"}}",
            "```json\n{ // now\n\"status\": \"failed\", \"previous\": {\"status\": \"ok\"}}\n```",
            "{\"log\": \"disk\nfull\", \"previous\": {\"status\": \"ok\"}}",
            #"{status: "failed", previous: {"status": "ok"}}"#, #"{'status': 'failed', 'previous': {"status": "ok"}}"#,
            // Cut off.
            #"{"status": "failed", "previous": {"status": "ok"}, "log": "..."#,
            #"{"say": "he said "no" ", "previous": {"status": "ok"}}"#, #"[{"a": 1}, {"a": 2}"#,
            #"[["a", "b"], ["c"],]"#, #"[1, {"a": 2},]"#, #"[true, ["a"],]"#,
            // What comes before is an example.
            #"Not {"status": "ok"} but {"status": "failed",}"#,
        ])
    func slips(text: String) {
        #expect(JSONFinder.values(in: text) == [])
        #expect(JSONFinder.problem(in: text).hasPrefix("it is not JSON: line "))
    }

    @Test("a value behind one with a slip is found, also when that one has no end in its fence")
    func corrected() {
        #expect(JSONFinder.values(in: #"{"a": 1,} must be {"a": 1}"#) == [["a": 1]])
        #expect(JSONFinder.values(in: "```json\n{\"a\": 1\n```\nNo:\n```json\n{\"a\": 1}\n```") == [["a": 1]])
        #expect(JSONFinder.values(in: #"{{"a": 1}}"#) == [["a": 1]])
        #expect(JSONFinder.values(in: "{\"a\": 1}\nSource: [1, p. 5], where {id: the id}") == [["a": 1]])
    }

    @Test(
        "where there is no JSON it is said why, with the place in the answer",
        arguments: [
            ("", "it is empty"), ("None.", "there is no JSON in it"), ("see [1", "there is no JSON in it"),
            (#"{"a": 1,}"#, "it is not JSON: line 1, column 9: expected a key in quotes, found '}'"),
            (#"It is: {"a": NaN}"#, "it is not JSON: line 1, column 14: expected a JSON value, found 'N'"),
            (
                "Here:\n\n```json\n{\n  \"a\": 1,\n}\n```",
                "it is not JSON: line 6, column 1: expected a key in quotes, found '}'"
            ),
            (#"{"a": 1"#, "it is not JSON: line 1, column 8: expected ',' or '}', found the end"),
            ("{draft}\n[\"a\",]", "it is not JSON: line 2, column 6: expected a JSON value, found ']'"),
            ("<think>{draft}</think>None.", "there is no JSON in it"),
            ("{draft}</think>None.", "there is no JSON in it"),
        ])
    func problem(text: String, words: String) {
        #expect(JSONFinder.values(in: text) == [])
        #expect(JSONFinder.problem(in: text) == words)
    }

    @Test("brackets of prose do not use up the search")
    func links() {
        let links = String(repeating: "[see](https://example.com/{id}) ", count: 1000)
        #expect(JSONFinder.values(in: links + #"{"a": 1}"#) == [["a": 1]])
    }

    @Test("a text of brackets alone is given up soon")
    func brackets() {
        #expect(JSONFinder.values(in: String(repeating: "{", count: 200_000)) == [])
        #expect(JSONFinder.values(in: "x" + String(repeating: "<think>", count: 30_000)) == [])
        #expect(JSONFinder.values(in: String(repeating: "{\"</think>", count: 30_000)) == [])
    }
}
