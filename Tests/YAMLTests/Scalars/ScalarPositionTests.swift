import Foundation
import Testing
import YAML

@Suite("Places inside scalars")
struct ScalarPositionTests {
    /// The place of `needle` in the value of the key `k`, and what the source has there.
    private func place(_ needle: String, in text: String) throws -> (YAMLPosition, Substring) {
        let document = try YAMLParser.parse(text, name: "p.yaml")
        let node = try #require(document.root?["k"])
        let value = try #require(node.scalar?.text)
        let index = try #require(value.range(of: needle)?.lowerBound)
        let place = document.source.position(
            ofUTF8Offset: value.utf8.distance(from: value.startIndex, to: index), in: node)
        let line = try #require(document.source.line(place.line))
        return (place, Substring(line.unicodeScalars.dropFirst(place.column - 1).prefix(needle.unicodeScalars.count)))
    }

    @Test(
        "an expression is found at its true place in every style",
        arguments: [
            ("k: say {{ x }}", 1, 8),
            ("k: &a !!str # c\n  say {{ x }}", 2, 7),
            ("k: one\n  two\n\n  thrée {{ x }}", 4, 9),
            ("k: '{{ x }}'", 1, 5),
            ("k: 'it''s {{ x }}'", 1, 11),
            ("k: 'one\n\n    it''s  \n  {{ x }}'", 4, 3),
            ("k: \"\\\"日\\u65E5\\t{{ x }}\"", 1, 16),
            ("k: \"a \\\n    b\\x41 \\\n   \\ c {{ x }}\"", 3, 8),
            ("k: \"a\n\n\n  b {{ x }}\"", 4, 5),
            ("k: |\n  one\n  日 {{ x }}\n", 3, 5),
            ("k: |-\n\n\n    one\n      {{ x }}", 5, 7),
            ("k: |2+ # comment\n    one\n    {{ x }}\n\n", 3, 5),
            ("k: &a |\n  {{ x }}", 2, 3),
            ("k: !!str\n  |\n  a\n  {{ x }}", 4, 3),
            ("k: >\n  one\n  two\n\n  three {{ x }}\n", 5, 9),
            ("k: >-\n  one\n    more\n    indented\n  {{ x }}\n", 5, 3),
            ("k: >1\n   one\n {{ x }}\n", 3, 2),
            ("k: |\r\n  one\r\n  {{ x }}\r\n", 3, 3),
            ("k: '{{ x }}' # {{ x }}", 1, 5),
        ])
    func expressions(_ text: String, _ line: Int, _ column: Int) throws {
        let (place, found) = try place("{{ x }}", in: text)
        #expect(place == YAMLPosition(line: line, column: column))
        #expect(found == "{{ x }}")
    }

    @Test("an alias leads to the place of the original")
    func alias() throws {
        let (place, _) = try place("{{ x }}", in: "a: &a |\n  say\n  {{ x }}\nk: *a\n")
        #expect(place == YAMLPosition(line: 3, column: 3))
    }

    @Test("an escape is at its backslash, a doubled quote at its first, a folded break at the end of its line")
    func replacements() throws {
        #expect(try place("é", in: #"k: "a\u00E9b""#).0 == YAMLPosition(line: 1, column: 6))
        #expect(try place("'", in: "k: 'a''b'").0 == YAMLPosition(line: 1, column: 6))
        #expect(try place(" b", in: "k: a  \n  b").0 == YAMLPosition(line: 1, column: 7))
        #expect(try place("\nb", in: "k: |\n  a\n  b\n").0 == YAMLPosition(line: 2, column: 4))
    }

    @Test(
        "past the end of the value is the end of the content",
        arguments: [
            ("k: ab", 1, 6), ("k: 'ab'", 1, 7), ("k: \"a\\n\"", 1, 8), ("k: |-\n  ab\n\n", 2, 5), ("k: ''", 1, 5),
        ])
    func end(_ text: String, _ line: Int, _ column: Int) throws {
        let document = try YAMLParser.parse(text, name: "p.yaml")
        let node = try #require(document.root?["k"])
        #expect(document.source.position(ofUTF8Offset: 99, in: node) == YAMLPosition(line: line, column: column))
        #expect(document.source.position(ofUTF8Offset: -1, in: node) >= node.range.start)
    }

    @Test("a place in a file that was UTF-16 is counted in characters")
    func utf16() throws {
        let document = try YAMLParser.parse("k: 'é😀 {{ x }}'".utf16LittleEndian, name: "p.yaml")
        let node = try #require(document.root?["k"])
        #expect(document.source.position(ofUTF8Offset: 7, in: node) == YAMLPosition(line: 1, column: 8))
    }

    @Test("the start of a collection stands for all of it")
    func collection() throws {
        let document = try YAMLParser.parse("k: [a]", name: "p.yaml")
        let node = try #require(document.root?["k"])
        #expect(document.source.position(ofUTF8Offset: 1, in: node) == YAMLPosition(line: 1, column: 4))
    }
}
