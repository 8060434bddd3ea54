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
