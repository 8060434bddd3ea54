import Testing
import YAML

@Suite("Errors of structure")
struct StructureErrorTests {
    @Test("each is shown in these words, with libyaml's after them", arguments: examples)
    func words(_ example: ErrorExample) throws {
        #expect(try failure(example.text).description == example.shows)
    }

    private static let examples = [
        ErrorExample(
            "text: {{ input }} and\n",
            shows: #"""
                p.yaml:1:19: error: A key is expected, but here is "and". (libyaml: while parsing a block mapping: did not find expected key) [bad-indentation]
                   1 | text: {{ input }} and
                     |                   ^~~
                p.yaml:1:1: note: The mapping begins here.
                   1 | text: {{ input }} and
                     | ^
                hint: A value that begins with "{{" must be in quotes: "{{ … }}".
                """#),
        ErrorExample(
            "run: Error: bad\n",
            shows: #"""
                p.yaml:1:11: error: A ":" cannot stand here. (libyaml: mapping values are not allowed in this context) [unexpected-colon]
                   1 | run: Error: bad
                     |           ^
                hint: If the ":" is part of a text, put the text in quotes; if not, check the indentation.
                """#),
        ErrorExample(
            "a: [1,\n  2\nb: 3\n",
            shows: #"""
                p.yaml:3:2: error: A "," or "]" is expected, but here is ": 3". (libyaml: while parsing a flow sequence: did not find expected ',' or ']') [unclosed-list]
                   3 | b: 3
                     |  ^~~
                p.yaml:1:4: note: The list begins here.
                   1 | a: [1,
                     |    ^
                """#),
        ErrorExample(
            "a: [1, 2\n",
            shows: #"""
                p.yaml:2:1: error: A "," or "]" is expected, but here is the end of the file. (libyaml: while parsing a flow sequence: did not find expected ',' or ']') [unclosed-list]
                   2 | 
                     | ^
                p.yaml:1:4: note: The list begins here.
                   1 | a: [1, 2
                     |    ^
                """#),
        ErrorExample(
            "a: {b: 1\n",
            shows: #"""
                p.yaml:2:1: error: A "," or "}" is expected, but here is the end of the file. (libyaml: while parsing a flow mapping: did not find expected ',' or '}') [unclosed-mapping]
                   2 | 
                     | ^
                p.yaml:1:4: note: The mapping begins here.
                   1 | a: {b: 1
                     |    ^
                """#),
        ErrorExample(
            "a: {b: 1 c: 2}\n",
            shows: #"""
                p.yaml:1:11: error: A "," or "}" is expected, but here is ": 2}". (libyaml: while parsing a flow mapping: did not find expected ',' or '}') [unclosed-mapping]
                   1 | a: {b: 1 c: 2}
                     |           ^~~~
                p.yaml:1:4: note: The mapping begins here.
                   1 | a: {b: 1 c: 2}
                     |    ^
                """#),
        ErrorExample(
            "{a: 1} b\n",
            shows: #"""
                p.yaml:1:8: error: The document's value has ended; "b" cannot follow it. (libyaml: did not find expected <document start>) [unexpected-content]
                   1 | {a: 1} b
                     |        ^
                """#),
        ErrorExample(
            "a: 1\nfoo\nb: 2\n",
            shows: #"""
                p.yaml:2:1: error: "foo" stands where a key must, but has no ":". (libyaml: while scanning a simple key: could not find expected ':') [missing-colon]
                   2 | foo
                     | ^~~
                hint: Write "key: value", or correct the indentation.
                """#),
        ErrorExample(
            "a:\n  b: 1\n   c: 2\n",
            shows: #"""
                p.yaml:3:5: error: A ":" cannot stand here. (libyaml: mapping values are not allowed in this context) [unexpected-colon]
                   3 |    c: 2
                     |     ^
                hint: If the ":" is part of a text, put the text in quotes; if not, check the indentation.
                """#),
        ErrorExample(
            "a:\n    b: 1\n  c: 2\n",
            shows: #"""
                p.yaml:3:3: error: A key is expected, but here is "c: 2". (libyaml: while parsing a block mapping: did not find expected key) [bad-indentation]
                   3 |   c: 2
                     |   ^~~~
                p.yaml:1:1: note: The mapping begins here.
                   1 | a:
                     | ^
                hint: Keys of one mapping begin in the same column.
                """#),
        ErrorExample(
            "- a\nb: 1\n",
            shows: #"""
                p.yaml:2:1: error: An item of a list ("- ") is expected, but here is "b: 1". (libyaml: while parsing a block collection: did not find expected '-' indicator) [bad-indentation]
                   2 | b: 1
                     | ^~~~
                p.yaml:1:1: note: The list begins here.
                   1 | - a
                     | ^
                hint: Items of one list begin in the same column.
                """#),
        ErrorExample(
            "a: - b\n",
            shows: #"""
                p.yaml:1:4: error: An item of a list ("- ") cannot begin here. (libyaml: block sequence entries are not allowed in this context) [unexpected-item]
                   1 | a: - b
                     |    ^
                hint: Begin the list on a line of its own; if "-" is part of a text, put the text in quotes.
                """#),
        ErrorExample(
            "a: ? b\n",
            shows: #"""
                p.yaml:1:4: error: A key ("? ") cannot begin here. (libyaml: mapping keys are not allowed in this context) [unexpected-key]
                   1 | a: ? b
                     |    ^
                hint: If "?" is part of a text, put the text in quotes.
                """#),
        ErrorExample(
            "%YAML 1.1\nfoo\n",
            shows: #"""
                p.yaml:2:1: error: A line "---" must follow the directives. (libyaml: did not find expected <document start>) [unexpected-content]
                   2 | foo
                     | ^~~
                """#),
        ErrorExample(
            "]\n",
            shows: #"""
                p.yaml:1:1: error: A value is expected, but here is "]". (libyaml: while parsing a block node: did not find expected node content) [missing-value]
                   1 | ]
                     | ^
                """#),
        ErrorExample(
            "a: }\n",
            shows: #"""
                p.yaml:1:4: error: A value is expected, but here is "}". (libyaml: while parsing a block node: did not find expected node content) [missing-value]
                   1 | a: }
                     |    ^
                """#),
        ErrorExample(
            "[a:,b]\n",
            shows: #"""
                p.yaml:1:3: error: A ":" must be followed by a space here. (libyaml: while scanning a plain scalar: found unexpected ':') [unexpected-colon]
                   1 | [a:,b]
                     |   ^
                hint: If the ":" is part of a text, put the text in quotes.
                """#),
    ]
}
