import Foundation
import Testing
import YAML

@Suite("The public YAML test suite")
struct SuiteTests {
    @Test("all of its cases are here")
    func isComplete() {
        #expect(SuiteCase.all.count == 402)
    }

    @Test("libyaml differs from the suite exactly where the table says so")
    func libyamlDifferences() throws {
        let found = SuiteCase.all.compactMap { one in one.libyamlDifference.map { one.row($0) } }
        try expect(found, inSection: "Where libyaml differs from the suite")
    }

    @Test("Runnel refuses what libyaml accepts exactly where the table says so, and never the other way round")
    func runnelRefusals() throws {
        let found = SuiteCase.all.compactMap { one in one.runnelRefusal.map { one.row("`\($0)`") } }
        try expect(found, inSection: "Where Runnel is stricter than libyaml")
        for one in SuiteCase.all where one.libyamlEvents().error != nil {
            #expect(throws: YAMLError.self, "\(one.id)") { try YAMLParser.parse(one.yaml, name: one.id) }
        }
    }

    @Test(
        "the values are those of the suite's JSON",
        arguments: SuiteCase.all.filter {
            $0.json != nil && $0.libyamlDifference == nil && $0.fails != true && $0.runnelRefusal == nil
        })
    func values(_ one: SuiteCase) throws {
        let document = try YAMLParser.parse(one.yaml, name: one.id)
        // The suite writes nothing for an empty document.
        let json = one.json.flatMap { $0.isEmpty ? nil : $0 } ?? "null"
        let expected = try JSONDecoder().decode(JSON.self, from: Data(json.utf8))
        #expect(document.root.map(JSON.init) ?? .null == expected)
    }

    @Test(
        "every scalar's value can be followed to its source",
        arguments: SuiteCase.all.filter { $0.runnelRefusal == nil })
    func scalarSources(_ one: SuiteCase) throws {
        guard one.libyamlEvents().error == nil else { return }
        let document = try YAMLParser.parse(one.yaml, name: one.id)
        for node in document.root?.allScalars ?? [] {
            #expect(try document.source.rebuiltValue(of: node) == node.scalar?.text)
        }
    }

    private func expect(_ found: [String], inSection title: String) throws {
        let url = try #require(Bundle.module.url(forResource: "yaml-test-suite", withExtension: "md"))
        let sections = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n## ")
        let section = try #require(sections.first { $0.hasPrefix(title) }, "no section \(title)")
        let listed = section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        let new = found.filter { !listed.contains($0) }
        let gone = listed.filter { !found.contains($0) }
        #expect(new.isEmpty, "not in the table:\n\(new.joined(separator: "\n"))")
        #expect(gone.isEmpty, "in the table, but no longer so:\n\(gone.joined(separator: "\n"))")
    }
}

extension SuiteCase {
    fileprivate func row(_ difference: String) -> String {
        "| `\(id)` | \(name.replacing("|", with: "\\|")) | \(difference) |"
    }
}

/// A JSON value, for comparison.
private enum JSON: Decodable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case list([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    init(_ node: YAMLNode) {
        switch node.content {
        case .sequence(let items): self = .list(items.map(JSON.init))
        case .mapping(let pairs):
            self = .object(
                Dictionary(pairs.map { ($0.key.scalar?.text ?? "", JSON($0.value)) }, uniquingKeysWith: { $1 }))
        case .scalar(let scalar):
            self =
                switch scalar.value {
                case .null: .null
                case .bool(let value): .bool(value)
                case .int(let value): .number(Double(value))
                case .float(let value): .number(value)
                case .string(let value): .string(value)
                }
        }
    }
}
