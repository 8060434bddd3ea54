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
                p.yaml:1:19: error: expected a key, found "and" (libyaml: while parsing a block mapping: did not find expected key) [bad-indentation]
                   1 | text: {{ input }} and
                     |                   ^~~
                p.yaml:1:1: note: the mapping begins here
                   1 | text: {{ input }} and
                     | ^
                hint: a value that begins with "{{" must be in quotes: "{{ … }}"
                """#),
        ErrorExample(
            "run: Error: bad\n",
            shows: #"""
                p.yaml:1:11: error: a ":" is not allowed here (libyaml: mapping values are not allowed in this context) [unexpected-colon]
                   1 | run: Error: bad
                     |           ^
                hint: if the ":" is part of a text, put the text in quotes; if not, check the indentation
                """#),
        ErrorExample(
            "a: [1,\n  2\nb: 3\n",
            shows: #"""
                p.yaml:3:2: error: expected "," or "]", found ": 3" (libyaml: while parsing a flow sequence: did not find expected ',' or ']') [unclosed-list]
                   3 | b: 3
                     |  ^~~
                p.yaml:1:4: note: the list begins here
                   1 | a: [1,
                     |    ^
                """#),
        ErrorExample(
            "a: [1, 2\n",
            shows: #"""
                p.yaml:2:1: error: expected "," or "]", found the end of the file (libyaml: while parsing a flow sequence: did not find expected ',' or ']') [unclosed-list]
                   2 | 
                     | ^
                p.yaml:1:4: note: the list begins here
                   1 | a: [1, 2
                     |    ^
                """#),
        ErrorExample(
            "a: {b: 1\n",
            shows: #"""
                p.yaml:2:1: error: expected "," or "}", found the end of the file (libyaml: while parsing a flow mapping: did not find expected ',' or '}') [unclosed-mapping]
                   2 | 
                     | ^
                p.yaml:1:4: note: the mapping begins here
                   1 | a: {b: 1
                     |    ^
                """#),
        ErrorExample(
            "a: {b: 1 c: 2}\n",
            shows: #"""
                p.yaml:1:11: error: expected "," or "}", found ": 2}" (libyaml: while parsing a flow mapping: did not find expected ',' or '}') [unclosed-mapping]
                   1 | a: {b: 1 c: 2}
                     |           ^~~~
                p.yaml:1:4: note: the mapping begins here
                   1 | a: {b: 1 c: 2}
                     |    ^
                """#),
        ErrorExample(
            "{a: 1} b\n",
            shows: #"""
                p.yaml:1:8: error: the document's value has ended; "b" cannot follow it (libyaml: did not find expected <document start>) [unexpected-content]
                   1 | {a: 1} b
                     |        ^
                """#),
        ErrorExample(
            "a: 1\nfoo\nb: 2\n",
            shows: #"""
                p.yaml:2:1: error: expected a key here, but "foo" has no ":" (libyaml: while scanning a simple key: could not find expected ':') [missing-colon]
                   2 | foo
                     | ^~~
                hint: write "key: value", or correct the indentation
                """#),
        ErrorExample(
            "a:\n  b: 1\n   c: 2\n",
            shows: #"""
                p.yaml:3:5: error: a ":" is not allowed here (libyaml: mapping values are not allowed in this context) [unexpected-colon]
                   3 |    c: 2
                     |     ^
                hint: if the ":" is part of a text, put the text in quotes; if not, check the indentation
                """#),
        ErrorExample(
            "a:\n    b: 1\n  c: 2\n",
            shows: #"""
                p.yaml:3:3: error: expected a key, found "c: 2" (libyaml: while parsing a block mapping: did not find expected key) [bad-indentation]
                   3 |   c: 2
                     |   ^~~~
                p.yaml:1:1: note: the mapping begins here
                   1 | a:
                     | ^
                hint: all keys of a mapping must begin in the same column
                """#),
        ErrorExample(
            "- a\nb: 1\n",
            shows: #"""
                p.yaml:2:1: error: expected a list item ("- "), found "b: 1" (libyaml: while parsing a block collection: did not find expected '-' indicator) [bad-indentation]
                   2 | b: 1
                     | ^~~~
                p.yaml:1:1: note: the list begins here
                   1 | - a
                     | ^
                hint: all items of a list must begin in the same column
                """#),
        ErrorExample(
            "a: - b\n",
            shows: #"""
                p.yaml:1:4: error: a list item ("- ") is not allowed here (libyaml: block sequence entries are not allowed in this context) [unexpected-item]
                   1 | a: - b
                     |    ^
                hint: begin the list on a line of its own; if "-" is part of a text, put the text in quotes
                """#),
        ErrorExample(
            "a: ? b\n",
            shows: #"""
                p.yaml:1:4: error: a key ("? ") is not allowed here (libyaml: mapping keys are not allowed in this context) [unexpected-key]
                   1 | a: ? b
                     |    ^
                hint: if "?" is part of a text, put the text in quotes
                """#),
        ErrorExample(
            "%YAML 1.1\nfoo\n",
            shows: #"""
                p.yaml:2:1: error: a line "---" must follow the directives (libyaml: did not find expected <document start>) [unexpected-content]
                   2 | foo
                     | ^~~
                """#),
        ErrorExample(
            "]\n",
            shows: #"""
                p.yaml:1:1: error: expected a value, found "]" (libyaml: while parsing a block node: did not find expected node content) [missing-value]
                   1 | ]
                     | ^
                """#),
        ErrorExample(
            "a: }\n",
            shows: #"""
                p.yaml:1:4: error: expected a value, found "}" (libyaml: while parsing a block node: did not find expected node content) [missing-value]
                   1 | a: }
                     |    ^
                """#),
        ErrorExample(
            "[a:,b]\n",
            shows: #"""
                p.yaml:1:3: error: a ":" must be followed by a space here (libyaml: while scanning a plain scalar: found unexpected ':') [unexpected-colon]
                   1 | [a:,b]
                     |   ^
                hint: if the ":" is part of a text, put the text in quotes
                """#),
    ]
}
