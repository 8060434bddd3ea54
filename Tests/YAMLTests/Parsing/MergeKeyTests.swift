import Testing
import YAML

@Suite("Merge keys")
struct MergeKeyTests {
    private func flat(_ node: YAMLNode?) -> String? {
        node?.pairs?.map { "\($0.key.scalar?.text ?? "?")=\($0.value.scalar?.text ?? "?")" }.joined(separator: " ")
    }

    @Test("a mapping's own keys win, and merged ones stand where << stood")
    func ownKeysWin() throws {
        let node = try root("base: &b {x: 1, y: 2}\nuse:\n  a: 0\n  <<: *b\n  y: 3\n")
        #expect(flat(node["use"]) == "a=0 x=1 y=3")
    }

    @Test("the earlier mapping of a list wins")
    func earlierWins() throws {
        let node = try root("- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b, {z: 3}], w: 0}\n")
        #expect(flat(node.items?[2]) == "x=1 y=2 z=3 w=0")
    }

    @Test("a merged mapping may have been merged itself")
    func nested() throws {
        let node = try root("- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b, z: 3}\n")
        #expect(flat(node.items?[2]) == "x=1 y=2 z=3")
    }

    @Test("an empty list of mappings merges nothing, and a quoted \"<<\" is an ordinary key")
    func notMerged() throws {
        #expect(flat(try root("{<<: [], a: 1}")) == "a=1")
        #expect(flat(try root("{\"<<\": 1, a: 1}")) == "<<=1 a=1")
    }
}
