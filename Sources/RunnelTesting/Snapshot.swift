package import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A text file beside the tests that holds what must not change: names, keys, types, codes and places, one on each line.
///
/// With `RUNNEL_WRITE_SNAPSHOTS=1` the tests write their snapshots instead of comparing them.
package enum Snapshot {
    /// The lines that are gone (`- …`) and that are new (`+ …`), in the order of the text; empty: nothing has changed.
    package static func changes(_ lines: [String], since path: String) throws -> [String] {
        let url = URL(filePath: path)
        if ProcessInfo.processInfo.environment["RUNNEL_WRITE_SNAPSHOTS"] == "1" {
            let manager = FileManager.default
            try manager.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url)
        }
        let kept = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        return Set(kept).subtracting(lines).sorted().map { "- " + $0 }
            + Set(lines).subtracting(kept).sorted().map { "+ " + $0 }
    }

    /// The members of a JSON Schema or an OpenAPI document, `path = value` on each line, sorted. What is written for
    /// people (`description`, `title`, `summary`, `examples`) is left out, and so is the order of members.
    package static func lines(of value: Value, under name: String) -> [String] {
        lines(value, name, isNames: false).sorted()
    }

    private static let prose: Set<String> = ["description", "title", "summary", "examples", "example"]
    /// Members whose keys are names, so that one of them may be called `description`.
    private static let namespaces: Set<String> = [
        "properties", "patternProperties", "$defs", "definitions", "schemas", "parameters", "headers", "responses",
        "paths", "dependentRequired", "default", "const",
    ]

    private static func lines(_ value: Value, _ path: String, isNames: Bool) -> [String] {
        switch value {
        case .object(let object) where !object.isEmpty:
            object.filter { isNames || !prose.contains($0.key) }.flatMap { key, member in
                lines(member, "\(path)/\(key)", isNames: !isNames && namespaces.contains(key))
            }
        case .list(let items) where items.contains { $0.asObject != nil || $0.asList != nil }:
            items.enumerated().flatMap { lines($1, "\(path)/\($0)", isNames: false) }
        default: ["\(path) = \(value.json())"]
        }
    }
}
