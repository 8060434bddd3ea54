import RunnelKit
import Templates
import YAML

/// What a value has to be like, with the place where a test says so. All rules have to hold.
struct Matcher: Sendable {
    indirect enum Rule: Sendable {
        /// The very same value.
        case equals(Value)
        /// All of these texts stand somewhere in it.
        case contains([String])
        /// The regular expression is found in it.
        case matches(String)
        /// It is JSON, or data, that holds at least this.
        case json(Subset)
    }

    /// Data of which only a part is said.
    indirect enum Subset: Sendable {
        case value(Value)
        /// Other keys may be there too.
        case object([(key: String, value: Subset)])
        /// As many items, each like this.
        case list([Subset])
        case matcher(Matcher)
    }

    static let keys = ["equals", "contains", "matches", "json"]

    var rules: [Rule]
    var node: YAMLNode
}

/// One way in which something is not as a test wants it, said without what it is about.
struct Finding: Sendable, Hashable {
    /// A half sentence: `expected "bug", found "feature"`.
    var message: String
    /// Several lines that show more: a difference, or a text as it is.
    var detail: String?
    /// Where inside of the value: `.label`, `[0].id`.
    var path = ""
}

extension Matcher {
    /// Everything in which `actual` is not as it has to be.
    ///
    /// - Parameter isDocument: Whether a text may be meant as JSON: the content of a file, the body of a request.
    func findings(_ actual: Value, isDocument: Bool = false) -> [Finding] {
        rules.flatMap { rule -> [Finding] in
            switch rule {
            case .equals(let expected): Self.equal(expected, actual, isDocument: isDocument)
            case .contains(let texts): texts.compactMap { Self.contained($0, actual) }
            case .matches(let pattern): Self.matched(pattern, actual)
            case .json(let subset): Self.parsed(actual, { subset.findings($0) })
            }
        }
    }

    private static func equal(_ expected: Value, _ actual: Value, isDocument: Bool) -> [Finding] {
        if isDocument, expected.asString == nil { return parsed(actual) { difference(expected, $0) } }
        return difference(expected, actual)
    }

    static func difference(_ expected: Value, _ actual: Value) -> [Finding] {
        guard expected != actual else { return [] }
        let (left, right) = (expected.shownInFull, actual.shownInFull)
        guard left.isLong || right.isLong else {
            return [Finding(message: "expected \(expected.json()), found \(actual.foundText)")]
        }
        return [
            Finding(message: "it is not as expected", detail: UnifiedDiff.text(from: left, to: right).cut(lines: 400))
        ]
    }

    private static func contained(_ text: String, _ actual: Value) -> Finding? {
        guard !actual.text.holds(text) else { return nil }
        return notFound("expected it to contain \(Value.string(text).json())", in: actual)
    }

    private static func matched(_ pattern: String, _ actual: Value) -> [Finding] {
        guard let regex = try? Regex(pattern) else { return [] }
        // CR LF is one `Character`; only matching by Unicode scalar finds the line feed in it.
        let searches = [regex, regex.matchingSemantics(.unicodeScalar)]
        guard searches.allSatisfy({ (try? $0.firstMatch(in: actual.text)) == nil }) else { return [] }
        return [notFound("expected it to match /\(pattern)/", in: actual)]
    }

    private static func notFound(_ message: String, in actual: Value) -> Finding {
        let text = actual.shownInFull
        guard text.isLong else { return Finding(message: "\(message), found \(actual.foundText)") }
        return Finding(message: "\(message), found", detail: text.cut(lines: 40))
    }

    /// Looks at data, or at the JSON that a text is.
    private static func parsed(_ actual: Value, _ look: (Value) -> [Finding]) -> [Finding] {
        guard let text = actual.asString else { return look(actual) }
        guard let value = try? Value.json(text) else {
            return [notFound("expected JSON", in: actual)]
        }
        return look(value)
    }
}

extension Matcher.Subset {
    /// Everything that is not in `actual`, or not so.
    func findings(_ actual: Value, path: String = "") -> [Finding] {
        let found: [Finding]
        switch self {
        case .value(let expected): found = Matcher.difference(expected, actual)
        case .matcher(let matcher): found = matcher.findings(actual)
        case .object(let members):
            guard let object = actual.asObject else {
                found = [Finding(message: "expected an object, found \(actual.foundText)")]
                break
            }
            return members.flatMap { key, subset -> [Finding] in
                guard let value = object[key] else {
                    return [Finding(message: "the key is missing", path: "\(path).\(key)")]
                }
                return subset.findings(value, path: "\(path).\(key)")
            }
        case .list(let items):
            guard let list = actual.asList, list.count == items.count else {
                let count = actual.asList.map { "\($0.count)" } ?? actual.foundText
                found = [Finding(message: "expected a list of \(items.count), found \(count)")]
                break
            }
            return zip(items, list).enumerated().flatMap {
                $0.element.0.findings($0.element.1, path: "\(path)[\($0.offset)]")
            }
        }
        return found.map { finding in
            var copy = finding
            copy.path = path + finding.path
            return copy
        }
    }
}

extension Value {
    /// A string as it is; data as JSON over several lines, keys in alphabetical order.
    var shownInFull: String {
        if case .string(let text) = self { return text }
        return sorted.json(pretty: true) + "\n"
    }

    /// As the second half of "expected …, found …", where it fits a line.
    var foundText: String { isNull ? "nothing" : quoted(limit: 200) }

    private var sorted: Value {
        switch self {
        case .list(let items): .list(items.map(\.sorted))
        case .object(let members):
            .object(ValueObject(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted) }))
        default: self
        }
    }
}

extension String {
    /// Whether it is better shown over several lines.
    var isLong: Bool { dropLast().contains(where: \.isNewline) || count > 120 }

    func cut(lines limit: Int) -> String {
        let lines = split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard lines.count > limit else { return self }
        return (lines.prefix(limit) + ["… (\(lines.count - limit) more lines)"]).joined(separator: "\n")
    }
}
