import RunnelKit
import RunnelReference
import Testing

@Suite struct PythonSchemaTests {
    private static let isInstalled =
        (try? Tool.run(["python3"], input: "import jsonschema"))?.status == 0

    private static let script = """
        import json
        from jsonschema import Draft7Validator, Draft202012Validator
        data = json.loads(DATA)
        for validator in (Draft7Validator, Draft202012Validator):
            for schema in data["schemas"]:
                validator.check_schema(schema)
            check = validator(data["schemas"][0])
            for case in data["cases"]:
                if check.is_valid(case["pipeline"]) != case["valid"]:
                    print(validator.__name__, "disagrees about", json.dumps(case))
        print(len(data["cases"]), "cases")
        """

    @Test(
        "Python's jsonschema says the same of every pipeline, as draft-07 and as 2020-12",
        .enabled(if: isInstalled, "python3 has no package jsonschema"))
    func agrees() throws {
        let cases =
            try BrokenPipelines.all.map { ($0.yaml, false) } + AcceptedPipelines.all.map { ($0, true) }
            + Project.pipelines().map { (try Project.text($0), true) }
        let data: Value = [
            "schemas": [
                PipelineSchema.pipeline(try Project.registry()), PipelineSchema.settings(try Project.registry()),
            ],
            "cases": .list(
                try cases.map { ["pipeline": try Project.data($0.0), "valid": .bool($0.1)] }),
        ]
        // JSON as a literal of Python: what JSON escapes, Python reads once more.
        let literal = Value.string(data.json()).json()
        let outcome = try #require(try Tool.run(["python3"], input: "DATA = \(literal)\n" + Self.script))
        #expect(outcome.status == 0)
        #expect(outcome.output == "\(cases.count) cases\n")
    }
}
