// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let jSONSchemas: [ErrorEntry] = [
        ErrorEntry(
            "schema-dialect-unknown", part: "JSON schemas",
            sentences: ["`$schema` names a dialect, or its metaschema a vocabulary, that is not known here"]),
        ErrorEntry(
            "schema-keyword-invalid", part: "JSON schemas",
            sentences: ["A keyword has a value of the wrong type or out of its range"]),
        ErrorEntry(
            "schema-loop", part: "JSON schemas",
            sentences: ["The schema refers to itself without looking deeper into the value, so a check would never end"]),
        ErrorEntry(
            "schema-pattern-invalid", part: "JSON schemas",
            sentences: ["`pattern` or `patternProperties` holds a regular expression that cannot be read"]),
        ErrorEntry(
            "schema-reference-unresolved", part: "JSON schemas",
            sentences: ["`$ref` or `$dynamicRef` points to nothing"]),
        ErrorEntry(
            "schema-too-large", part: "JSON schemas",
            sentences: ["The schema is larger or nested deeper than is accepted"]),
    ]
}
