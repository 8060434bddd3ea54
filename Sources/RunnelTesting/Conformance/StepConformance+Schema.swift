import JSONSchema
import RunnelKit

extension StepConformance {
    /// Whether a person finds in the reference what there is to know.
    func documentation() -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        func find(_ message: String) { findings.append(ConformanceFinding(promise: .documentation, message: message)) }
        let words = definition.name.split(separator: ".", omittingEmptySubsequences: false)
        let isName = words.allSatisfy { word in
            !word.isEmpty
                && word.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D
                }
        }
        if !isName { find("the name \"\(definition.name)\" is not made of lower-case words joined by dots") }
        if !definition.summary.hasSuffix(".") { find("the summary is not a sentence: \"\(definition.summary)\"") }
        if definition.documentation.output.isEmpty { find("nothing says what the step's output is") }
        for field in definition.fields where field.help.isEmpty { find("nothing says what \"\(field.key)\" means") }
        findings += definition.nameHints.findings(fields: definition.fields)
        return findings
    }

    /// Whether the schema says what decoding does.
    func schema() -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        func find(_ message: String) { findings.append(ConformanceFinding(promise: .schema, message: message)) }
        let schema: JSONSchema
        do {
            schema = try JSONSchema(definition.schema)
        } catch {
            find("it is no JSON schema: \(error)")
            return findings
        }
        if let issue = schema.validate(.object(with)).first {
            find("the schema refuses settings the step works with: \(issue.message)")
        }
        if schema.validate(.object(with.setting("no such key", to: 1))).isEmpty {
            find("the schema accepts a key that does not exist")
        }
        for field in definition.fields {
            if field.isRequired, schema.validate(.object(with.removing(field.key))).isEmpty {
                find("the schema does without \"\(field.key)\", which is required")
            }
            if let value = field.defaultValue, !value.isNull, let problem = definition.problems(field.key, value).first
            {
                find("the default of \"\(field.key)\" is not accepted: \(problem.message)")
            }
            guard let own = try? JSONSchema(field.schema) else { continue }
            for sample in Self.samples where definition.problems(field.key, sample).isEmpty && definition.hasDecoder {
                if !own.validate(sample).isEmpty {
                    find("decoding takes \(sample.json()) for \"\(field.key)\", and the schema refuses it")
                }
            }
        }
        return findings
    }

    /// One value of each kind, and some that are often taken for another.
    private static let samples: [Value] = [
        .null, true, 0, 1, -1, 1.5, "", "text", "1", "true", "1s", "a.txt", "https://example.com/a", [], ["text"], [1],
        ["a": "text"], ["a": 1],
    ]
}

extension [NameHint] {
    /// Hints that are never printed, because the key exists.
    func findings(fields: [FieldDefinition]) -> [ConformanceFinding] {
        let names = Set(filter { $0.place == .keys }.flatMap(\.names))
        return fields.filter { names.contains($0.key) }.map { field in
            ConformanceFinding(
                promise: .documentation, message: "the hint for \"\(field.key)\" is never printed: the key exists")
        }
    }
}

extension StepDefinition {
    /// Whether ``problems`` knows the keys: the decoding of other steps happens elsewhere.
    fileprivate var hasDecoder: Bool {
        // Nothing is a value of every kind.
        fields.contains { field in
            ["", 0, true, [], [:]].contains { !problems(field.key, $0).isEmpty }
        }
    }
}

extension ValueObject {
    fileprivate func setting(_ key: String, to value: Value) -> ValueObject {
        var copy = self
        copy[key] = value
        return copy
    }
}
