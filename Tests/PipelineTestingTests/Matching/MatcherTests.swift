import RunnelKit
import Testing
import YAML

@testable import PipelineTesting

@Suite("Matchers")
struct MatcherTests {
    private static let node = YAMLParserText.node("x")

    private func findings(_ rule: Matcher.Rule, _ actual: Value, isDocument: Bool = false) -> [String] {
        Matcher(rules: [rule], node: Self.node).findings(actual, isDocument: isDocument).map {
            ($0.path.isEmpty ? "" : "\($0.path): ") + $0.message + ($0.detail.map { "\n\($0)" } ?? "")
        }
    }

    @Test("a value has to be the very same, whatever the order of keys")
    func equals() {
        #expect(findings(.equals(["a": 1, "b": 2]), ["b": 2, "a": 1]) == [])
        #expect(findings(.equals("bug"), "feature") == [#"expected "bug", found "feature""#])
        #expect(findings(.equals(3), "3") == [#"expected 3, found "3""#])
        #expect(findings(.equals("x"), .null) == [#"expected "x", found nothing"#])
    }

    @Test("a document that is JSON can be compared with data, a string cannot")
    func documents() {
        #expect(findings(.equals(["a": 1]), "{\"a\": 1}", isDocument: true) == [])
        #expect(findings(.equals(["a": 1]), "{\"a\": 1}").count == 1)
        #expect(findings(.equals(["a": 1]), "oops", isDocument: true) == [#"expected JSON, found "oops""#])
    }

    @Test("data that differs is shown as a difference, keys in order")
    func dataDifference() {
        #expect(
            findings(.equals(["b": 2, "a": 1]), ["a": 1, "b": 3]) == [
                """
                it is not as expected
                --- expected
                +++ found
                @@ -1,4 +1,4 @@
                 {
                   "a": 1,
                -  "b": 2
                +  "b": 3
                 }
                """
            ])
    }

    @Test("`contains` and `matches` find a line feed in a text with CRLF line endings")
    func carriageReturns() {
        let text: Value = "one\r\ntwo\r\n"
        for part in ["\n", "one\r\n", "\ntwo", "one\r"] { #expect(findings(.contains([part]), text) == []) }
        for pattern in [#"\n"#, #"one\r\ntwo"#, #"one\s+two"#, "\ntwo"] {
            #expect(findings(.matches(pattern), text) == [])
        }
        #expect(findings(.contains(["one\n"]), text).count == 1)
    }

    @Test("`contains` wants all of its texts")
    func contains() {
        #expect(findings(.contains(["quick", "fox"]), "the quick fox") == [])
        #expect(
            findings(.contains(["quick", "dog"]), "the quick fox") == [
                #"expected it to contain "dog", found "the quick fox""#
            ])
        #expect(findings(.contains(["\"a\":1"]), ["a": 1]) == [])
        #expect(
            findings(.contains(["x"]), "one\ntwo") == ["expected it to contain \"x\", found\none\ntwo"])
    }

    @Test("`matches` finds a regular expression anywhere")
    func matches() {
        #expect(findings(.matches("o+"), "foo") == [])
        #expect(findings(.matches("^o"), "foo") == [#"expected it to match /^o/, found "foo""#])
    }

    @Test("`json` looks at what is said and nothing else, and says where something is not so")
    func json() {
        let subset = Matcher.Subset.object([
            ("label", .value("bug")), ("items", .list([.value(1), .object([("id", .value("a"))])])),
        ])
        #expect(findings(.json(subset), #"{"label":"bug","items":[1,{"id":"a","x":0}],"more":true}"#) == [])
        #expect(
            findings(.json(subset), ["label": "question", "items": [1, ["id": "b"]]]) == [
                #".label: expected "bug", found "question""#, #".items[1].id: expected "a", found "b""#,
            ])
        #expect(
            findings(.json(subset), ["items": [1]]) == [
                ".label: the key is missing", ".items: expected a list of 2, found 1",
            ])
        #expect(findings(.json(subset), "prose") == [#"expected JSON, found "prose""#])
        #expect(findings(.json(subset), [1]) == ["expected an object, found [1]"])
    }

    @Test("a matcher can stand inside of `json`")
    func nested() {
        let inner = Matcher(rules: [.contains(["update"])], node: Self.node)
        let subset = Matcher.Subset.object([("summary", .matcher(inner))])
        #expect(findings(.json(subset), ["summary": "since the update"]) == [])
        #expect(
            findings(.json(subset), ["summary": "no"]) == [
                #".summary: expected it to contain "update", found "no""#
            ])
    }
}

enum YAMLParserText {
    /// The root of a small document.
    static func node(_ text: String) -> YAMLNode {
        guard let root = try? YAMLParser.parse(text, name: "test").root else { preconditionFailure("not YAML") }
        return root
    }
}
