import RunnelKit
import Testing

@testable import JSONSchema

@Suite("Bounds")
struct LimitTests {
    @Test("a value nested deeper than the limit is reported, not followed")
    func depth() throws {
        var value: Value = []
        for _ in 0..<3000 { value = [value] }
        let issues = try JSONSchema(["items": ["$ref": "#"]]).validate(value)
        #expect(issues.map(\.keyword) == ["limit"])
        #expect(
            issues.map(\.message)
                == ["validation stopped: value and schema are nested deeper than 500 levels"])
    }

    @Test("a value two hundred levels deep is checked")
    func allowedDepth() throws {
        var value: Value = 1
        for _ in 0..<200 { value = [value] }
        #expect(try JSONSchema(["items": ["$ref": "#"], "type": ["array", "integer"]]).validate(value).isEmpty)
    }

    @Test("a schema whose work doubles with each level is given up")
    func steps() throws {
        var definitions = ValueObject()
        for level in 0..<40 {
            let next: Value = ["$ref": .string("#/$defs/d\(level + 1)")]
            definitions["d\(level)"] = ["allOf": [next, next]]
        }
        definitions["d40"] = ["type": "integer"]
        var compiler = SchemaCompiler(resources: [:], assertFormats: false)
        let program = try compiler.compile(["$defs": .object(definitions), "$ref": "#/$defs/d0"])
        let schema = JSONSchema(program: program, limits: EvaluationLimits(issues: 100, depth: 500, steps: 10_000))
        #expect(
            schema.validate(5).map(\.message)
                == ["validation stopped after 10000 steps: the value or the schema is too large"])
    }

    @Test("equal objects with many keys are compared in linear time, in any order of the keys", .timeLimit(.minutes(1)))
    func largeObjects() throws {
        let members = (0..<100_000).map { ("key\($0)", Value.int(Int64($0))) }
        let items = [members, Array(members.reversed())].map { Value.object(ValueObject($0)) }
        #expect(try JSONSchema(["uniqueItems": true]).validate(.list(items)).map(\.keyword) == ["uniqueItems"])
    }

    @Test("a large list is checked in one pass, duplicates included")
    func large() throws {
        let items = (0..<20_000).map { Value.object(["id": .int(Int64($0)), "name": .string("n\($0)")]) }
        let schema = try JSONSchema([
            "uniqueItems": true, "items": ["required": ["id", "name"], "properties": ["id": ["type": "integer"]]],
        ])
        #expect(schema.validate(.list(items)).isEmpty)
        #expect(schema.validate(.list(items + [items[7]])).map(\.keyword) == ["uniqueItems"])
    }
}
