import JSONSchema
import RunnelKit
import Testing

@Suite("Mistakes in a schema")
struct SchemaErrorTests {
    private func mistake(_ schema: String) throws -> String {
        let value = try Value.json(schema)
        do {
            _ = try JSONSchema(value)
            return "none"
        } catch {
            return "\(error.code.rawValue) \(error)"
        }
    }

    @Test(
        "each is said with its place",
        arguments: [
            ("5", "schema-keyword-invalid the schema: a schema must be an object or true or false, found the number 5"),
            (
                #"{"properties":{"a":{"type":"strnig"}}}"#,
                "schema-keyword-invalid #/properties/a/type: \"strnig\" is not a type; types are string, number, "
                    + "integer, boolean, array, object, null (did you mean \"string\"?)"
            ),
            (
                #"{"type":[]}"#,
                "schema-keyword-invalid #/type: \"type\" must be the name of a type or a list of such names, "
                    + "found an empty list"
            ),
            (
                #"{"minLength":-1}"#,
                "schema-keyword-invalid #/minLength: \"minLength\" must be a whole number from 0, found the number -1"
            ),
            (
                #"{"multipleOf":0}"#,
                "schema-keyword-invalid #/multipleOf: \"multipleOf\" must be a number above 0, found the number 0"
            ),
            (
                #"{"required":["a",1]}"#,
                "schema-keyword-invalid #/required/1: \"required\" must be a list of strings, found the number 1"
            ),
            (
                #"{"items":[{}]}"#,
                "schema-keyword-invalid #/items: a schema must be an object or true or false, found a list"
            ),
            (#"{"allOf":[]}"#, "schema-keyword-invalid #/allOf: \"allOf\" must not be an empty list"),
            (
                #"{"$defs":{"unused":{"pattern":"(a"}}}"#,
                "schema-pattern-invalid #/$defs/unused/pattern: invalid pattern \"(a\": unclosed group"
            ),
            (
                #"{"patternProperties":{"[":{}}}"#,
                "schema-pattern-invalid #/patternProperties/[: invalid pattern \"[\": unclosed \"[\""
            ),
            (
                ##"{"$defs":{"label":{}},"$ref":"#/$defs/labl"}"##,
                "schema-reference-unresolved #/$ref: \"$ref\" points to \"#/$defs/labl\", which does not exist "
                    + "(did you mean \"#/$defs/label\"?)"
            ),
            (
                #"{"$ref":"other.json"}"#,
                "schema-reference-unresolved #/$ref: \"$ref\" points to \"other.json\", but there is no such document "
                    + "(documents are not fetched; add it as a resource)"
            ),
            (
                ##"{"$ref":"#nowhere"}"##,
                "schema-reference-unresolved #/$ref: \"$ref\" points to \"#nowhere\", but there is no such anchor"
            ),
            (
                #"{"$schema":"https://example.org/mine"}"#,
                "schema-dialect-unknown #/$schema: unknown dialect \"https://example.org/mine\" "
                    + "(use \"https://json-schema.org/draft/2020-12/schema\", or add the metaschema as a resource)"
            ),
            (
                ##"{"$ref":"#"}"##,
                "schema-loop the schema: the schema refers to itself without descending into the value, "
                    + "so validation would never end"
            ),
            (
                #"{"$id":"a#b"}"#,
                "schema-keyword-invalid #/$id: \"$id\" must not have a fragment, found the string \"a#b\" "
                    + "(use \"$anchor\")"
            ),
        ])
    func words(schema: String, message: String) throws {
        #expect(try mistake(schema) == message)
    }

    @Test("properties in the place of keywords are errors, extension keywords are not")
    func properties() throws {
        let schema = """
            {"type":"object","label":"string","items":{"score":{"type":"number"},"kind":{"enum":["a"]}},
             "x-order":"string","unit":"metre","discriminator":{"propertyName":"kind"}}
            """
        let problems = JSONSchema.problems(in: try Value.json(schema))
        #expect(
            problems.map(\.description) == [
                "#/label: unknown keyword \"label\" (a property is written as `properties: { label: { type: … } }`)",
                "#/items/score: unknown keyword \"score\" (a property is written as `properties: { score: { type: … } }`)",
                "#/items/kind: unknown keyword \"kind\" (a property is written as `properties: { kind: { type: … } }`)",
            ])
    }

    @Test(
        "each mistake is reported once, and hides no other",
        arguments: [
            (
                #"{"type":["strnig","object",5],"required":["a",1,true],"minLength":-1}"#,
                [
                    "#/type/0: \"strnig\" is not a type; types are string, number, integer, boolean, array, "
                        + "object, null (did you mean \"string\"?)",
                    "#/type/2: \"type\" must be the name of a type, found the number 5",
                    "#/required/1: \"required\" must be a list of strings, found the number 1",
                    "#/required/2: \"required\" must be a list of strings, found true",
                    "#/minLength: \"minLength\" must be a whole number from 0, found the number -1",
                ]
            ),
            (
                #"{"dependentRequired":{"a":[1],"b":5},"dependencies":{"c":["d",2],"e":3}}"#,
                [
                    "#/dependentRequired/a/0: \"dependentRequired\" must be a list of strings, found the number 1",
                    "#/dependentRequired/b: \"dependentRequired\" must be a list of strings, found the number 5",
                    "#/dependencies/c/1: \"dependencies\" must be a list of strings, found the number 2",
                    "#/dependencies/e: a schema must be an object or true or false, found the number 3",
                ]
            ),
            (
                #"{"patternProperties":{"[":{},"(":{"type":"null"},"a":5},"additionalProperties":false}"#,
                [
                    "#/patternProperties/[: invalid pattern \"[\": unclosed \"[\"",
                    "#/patternProperties/(: invalid pattern \"(\": unclosed group",
                    "#/patternProperties/a: a schema must be an object or true or false, found the number 5",
                ]
            ),
            (
                ##"{"$defs":{"a":5},"properties":{"x":{"$ref":"#/$defs/a"},"y":{"allOf":[{"$ref":"#/$defs/a"},6]}}}"##,
                [
                    "#/$defs/a: a schema must be an object or true or false, found the number 5",
                    "#/properties/y/allOf/1: a schema must be an object or true or false, found the number 6",
                ]
            ),
            (
                ##"{"properties":{"properties":{"type":"text"},"b":{"items":[1],"contains":2}}}"##,
                [
                    "#/properties/properties/type: \"text\" is not a type; types are string, number, integer, boolean, "
                        + "array, object, null",
                    "#/properties/b/items: a schema must be an object or true or false, found a list",
                    "#/properties/b/contains: a schema must be an object or true or false, found the number 2",
                ]
            ),
            (
                ##"{"$ref":"#/x/y","x":{"y":{"allOf":[5],"type":[1]}}}"##,
                [
                    "#/x/y/allOf/0: a schema must be an object or true or false, found the number 5",
                    "#/x/y/type/0: \"type\" must be the name of a type, found the number 1",
                ]
            ),
        ])
    func once(schema: String, messages: [String]) throws {
        #expect(JSONSchema.problems(in: try Value.json(schema)).map(\.description) == messages)
    }

    @Test("a loop of references is one mistake: what it refers to is there")
    func loops() throws {
        let schema = ##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"items":{"$ref":"#/$defs/a"}}"##
        let problems = JSONSchema.problems(in: try Value.json(schema))
        #expect(problems.map(\.code) == [.loop])
    }

    @Test("a schema that is too large is one mistake")
    func size() throws {
        let many = ValueObject((0..<200_000).map { ("k\($0)", [:]) })
        let problems = JSONSchema.problems(in: ["properties": .object(many)])
        #expect(problems.map(\.message) == ["there are more than 100000 schemas"])
    }

    @Test("a schema that describes itself deeper in the value is no loop")
    func recursion() throws {
        #expect(try mistake(##"{"properties":{"child":{"$ref":"#"}},"additionalProperties":false}"##) == "none")
        #expect(
            try problems(
                ##"{"properties":{"child":{"$ref":"#"}},"additionalProperties":false}"##,
                #"{"child":{"child":{"chidl":1}}}"#)
                == [#"child.child: the key "chidl" is not known here; did you mean "child"?"#])
    }

    @Test("a loop that only some values enter is reported when one does")
    func conditionalLoop() throws {
        let schema = ##"{"dependentSchemas":{"a":{"$ref":"#"}}}"##
        #expect(try problems(schema, #"{"b":1}"#) == [])
        #expect(
            try problems(schema, #"{"a":1}"#)
                == [#"infinite recursion in the schema ("$ref"), so the value cannot be validated"#])
    }

    @Test("older drafts keep their meaning: tuples, dependencies, anchors in $id")
    func olderDraft() throws {
        let schema = """
            {"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}],"additionalItems":false,
             "dependencies":{"a":["b"]},"definitions":{"x":{"$id":"#x"}},"properties":{"c":{"$ref":"#x"}}}
            """
        #expect(try problems(schema, #"["a",2]"#) == ["expected at most 1 item, found 2"])
        #expect(try problems(schema, #"{"a":1}"#) == [#"the key "b" is required where "a" is given"#])
        let draft4 = #"{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}"#
        #expect(try problems(draft4, "1") == ["expected more than 1, found 1"])
    }
}
