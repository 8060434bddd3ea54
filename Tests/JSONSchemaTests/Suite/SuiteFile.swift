import RunnelKit

@testable import JSONSchema

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The cases of the official JSON-Schema-Test-Suite (see `Resources/README.md`).
struct SuiteFile {
    struct Case {
        let name: String
        let isAsExpected: Bool
        let found: String
    }

    let remotes: [String: Value]
    /// Groups of cases by the keyword's file.
    let files: ValueObject

    init(_ name: String) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Resources/\(name).json")
        let document = try Value.json([UInt8](try Data(contentsOf: path)))
        remotes = Dictionary(
            (document["remotes"]?.asObject ?? [:]).map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        files = document["files"]?.asObject ?? [:]
    }

    /// Every case of a file, run.
    func run(_ file: String, assertFormats: Bool = false, schema dialect: String? = nil) -> [Case] {
        (files[file]?.asList ?? []).flatMap { group -> [Case] in
            let tests = group["tests"]?.asList ?? []
            var definition = group["schema"] ?? .null
            if let dialect, case .object(var schema) = definition, schema["$schema"] == nil {
                schema["$schema"] = .string(dialect)
                definition = .object(schema)
            }
            let schema = Result { () throws(SchemaError) in
                try JSONSchema(definition, resources: remotes, assertFormats: assertFormats)
            }
            return tests.map { test in
                let name = "\(file): \(group["description"]?.text ?? ""): \(test["description"]?.text ?? "")"
                switch schema {
                case .failure(let error): return Case(name: name, isAsExpected: false, found: "\(error)")
                case .success(let schema):
                    let issues = schema.validate(test["data"] ?? .null)
                    return Case(
                        name: name, isAsExpected: issues.isEmpty == (test["valid"]?.asBool ?? true),
                        found: issues.isEmpty ? "valid" : "\(issues)")
                }
            }
        }
    }
}
