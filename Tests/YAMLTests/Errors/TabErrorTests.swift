import Testing
import YAML

@Suite("Tabs")
struct TabErrorTests {
    @Test("a tab where spaces must be is named as such", arguments: examples)
    func words(_ example: ErrorExample) throws {
        #expect(try failure(example.text).description == example.shows)
    }

    private static let examples = [
        ErrorExample(
            "a:\n\tb: 1\n",
            shows: #"""
                p.yaml:2:1: error: this line is indented with a tab; YAML allows only spaces (libyaml: while scanning for the next token: found character that cannot start any token) [tab-indentation]
                   2 | 	b: 1
                     | ^
                hint: replace the tab with spaces
                """#),
        ErrorExample(
            "a: b\n\tc: d\n",
            shows: #"""
                p.yaml:2:1: error: this line is indented with a tab; YAML allows only spaces (libyaml: while scanning a plain scalar: found a tab character that violates indentation) [tab-indentation]
                   2 | 	c: d
                     | ^
                hint: replace the tab with spaces
                """#),
        ErrorExample(
            "- \tb: 1\n  c: 2\n",
            shows: #"""
                p.yaml:1:3: error: a tab follows the "-"; YAML allows only spaces there (libyaml: while scanning for the next token: found character that cannot start any token) [tab-indentation]
                   1 | - 	b: 1
                     |   ^
                hint: replace the tab with spaces
                """#),
        ErrorExample(
            "a: |\n\tb\n",
            shows: #"""
                p.yaml:2:1: error: this line is indented with a tab; YAML allows only spaces (libyaml: while scanning a block scalar: found a tab character where an indentation space is expected) [tab-indentation]
                   2 | 	b
                     | ^
                hint: replace the tab with spaces
                """#),
    ]
}
