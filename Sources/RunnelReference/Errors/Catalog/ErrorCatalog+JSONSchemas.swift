// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let jSONSchemas: [ErrorEntry] = [
        ErrorEntry(
            "schema-dialect-unknown", part: "JSON schemas",
            sentences: ["`$schema` names an unknown dialect, or its metaschema an unknown vocabulary"]),
        ErrorEntry(
            "schema-keyword-invalid", part: "JSON schemas",
            sentences: ["A keyword has a value of the wrong type or out of its range"]),
        ErrorEntry(
            "schema-loop", part: "JSON schemas",
            sentences: ["The schema refers to itself without descending into the value, so validation would never terminate"]),
        ErrorEntry(
            "schema-pattern-invalid", part: "JSON schemas",
            sentences: ["`pattern` or `patternProperties` holds an invalid regular expression"]),
        ErrorEntry(
            "schema-reference-unresolved", part: "JSON schemas",
            sentences: ["`$ref` or `$dynamicRef` points to nothing"]),
        ErrorEntry(
            "schema-too-large", part: "JSON schemas",
            sentences: ["The schema exceeds the limit on size or nesting"]),
    ]
}
