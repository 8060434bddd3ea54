import Foundation
import Testing
import YAML

/// A case of the public YAML test suite.
struct SuiteCase: Decodable, CustomTestStringConvertible {
    let id: String
    let name: String
    let yaml: String
    let fails: Bool?
    let events: String
    let json: String?

    var testDescription: String { id }

    static let all: [SuiteCase] = {
        guard let url = Bundle.module.url(forResource: "Resources/yaml-test-suite", withExtension: "json"),
            let data = try? Data(contentsOf: url)
        else { return [] }
        return (try? JSONDecoder().decode([SuiteCase].self, from: data)) ?? []
    }()

    /// libyaml's events in the suite's notation, and whether it then failed.
    func libyamlEvents() -> (lines: [String], error: YAMLError?) {
        var lines: [String] = []
        do throws(YAMLError) {
            var stream = try YAMLEventReader(YAMLSource(name: id, text: yaml))
            while true {
                let event = try stream.next()
                lines.append(event.kind.notation)
                if case .streamEnd = event.kind { return (lines, nil) }
            }
        } catch {
            return (lines, error)
        }
    }

    /// How libyaml departs from the suite; nil when it agrees.
    var libyamlDifference: String? {
        let (lines, error) = libyamlEvents()
        if let error {
            return fails == true
                ? nil : "refuses it: " + (error.message.split(separator: " (libyaml: ").last ?? "").dropLast()
        }
        if fails == true { return "accepts it" }
        let expected = events.split(separator: "\n").map { Self.withoutStyle(String($0)) }
        return lines == expected ? nil : "reads it differently"
    }

    /// The code of the error with which Runnel refuses what libyaml accepts; nil when both agree.
    var runnelRefusal: String? {
        guard libyamlEvents().error == nil else { return nil }
        do throws(YAMLError) {
            _ = try YAMLParser.parse(yaml, name: id)
            return nil
        } catch {
            return error.code
        }
    }

    /// The suite marks how documents and collections are written, which makes no difference to what they are.
    private static func withoutStyle(_ line: String) -> String {
        switch line {
        case "+DOC ---": "+DOC"
        case "-DOC ...": "-DOC"
        default: line.replacing("+MAP {}", with: "+MAP").replacing("+SEQ []", with: "+SEQ")
        }
    }
}

extension YAMLEvent.Kind {
    /// The event as the suite writes it.
    var notation: String {
        switch self {
        case .streamStart: "+STR"
        case .streamEnd: "-STR"
        case .documentStart: "+DOC"
        case .documentEnd: "-DOC"
        case .alias(let name): "=ALI *\(name)"
        case .sequenceStart(let properties, _): "+SEQ" + properties.notation
        case .sequenceEnd: "-SEQ"
        case .mappingStart(let properties, _): "+MAP" + properties.notation
        case .mappingEnd: "-MAP"
        case .scalar(let text, let style, let properties):
            "=VAL" + properties.notation + " " + style.notation + text.escapedForSuite
        }
    }
}

extension YAMLEvent.Properties {
    fileprivate var notation: String {
        (anchor.map { " &\($0)" } ?? "") + (tag.map { " <\($0)>" } ?? "")
    }
}

extension YAMLScalarStyle {
    fileprivate var notation: String {
        switch self {
        case .plain: ":"
        case .singleQuoted: "'"
        case .doubleQuoted: "\""
        case .literal: "|"
        case .folded: ">"
        }
    }
}

extension String {
    fileprivate var escapedForSuite: String {
        [("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"), ("\u{8}", "\\b")].reduce(self) { text, pair in
            String(text.unicodeScalars.flatMap { String($0) == pair.0 ? Array(pair.1) : [Character($0)] })
        }
    }
}
