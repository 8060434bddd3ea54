import RunnelKit
import YAML

/// Reports plain scalars whose text is lost because YAML reads them as numbers or booleans: `0123` is 123, and `1.10` is 1.1.
///
/// Where a text is expected, a whole number that loses digits (a leading zero, or those beyond 64 bits) is an error, and any
/// other loss is a warning. In data of any type, only lost digits are a warning.
struct PlainScalarChecker {
    /// The prefix of paths in messages: "retry.", or empty.
    let owner: String
    /// Keys of the outermost mapping whose values are checked elsewhere.
    let except: Set<String>

    private static let text: Value = ["type": ["string"]]

    func check(_ node: YAMLNode, _ schema: Value, into diagnostics: inout DiagnosticList) {
        // Most files have no such scalar; then the schema is not walked.
        if Self.hasRespelled(node) { check(node, schema, at: [], into: &diagnostics) }
    }

    private func check(
        _ node: YAMLNode, _ schema: Value, at path: [FieldError.PathElement], into diagnostics: inout DiagnosticList
    ) {
        let choices = schema["anyOf"]?.asList ?? [schema]
        switch node.content {
        case .scalar(let scalar):
            guard Self.hasRespelled(node) else { return }
            let isText = choices.contains { $0["type"]?.asList?.contains("string") ?? false }
            let isData = choices.contains { $0["type"] == nil && $0["enum"] == nil && $0["const"] == nil }
            let losesDigits = Self.losesDigits(scalar)
            guard isText || isData && losesDigits else { return }
            let isError = isText && losesDigits
            let place = owner + FieldError("", path: path).place
            diagnostics.add(
                isError ? PipelineErrorCode.wrongValue : PipelineErrorCode.doubtfulValue, isError ? .error : .warning,
                node.range,
                "`\(place)`: YAML reads this as \(node.kindName), so the text as it is written is lost",
                hint: YAMLNode.quotesHint)
        case .sequence(let items):
            let inner = choices.lazy.compactMap { $0["items"] }.first ?? true
            for (index, item) in items.enumerated() {
                check(item, inner, at: path + [.index(index)], into: &diagnostics)
            }
        case .mapping(let pairs):
            let properties = choices.lazy.compactMap { $0["properties"]?.asObject }.first ?? [:]
            let others =
                schema["format"]?.asString == ScriptVariables.format
                ? Self.text : choices.lazy.compactMap { $0["additionalProperties"] }.first ?? true
            for pair in pairs {
                let key = pair.key.keyText
                if path.isEmpty, except.contains(key) { continue }
                check(pair.value, properties[key] ?? others, at: path + [.key(key)], into: &diagnostics)
            }
        }
    }

    /// Whether the node is, or holds, a number or boolean that JSON writes differently.
    private static func hasRespelled(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .sequence(let items): return items.contains(where: hasRespelled)
        case .mapping(let pairs): return pairs.contains { hasRespelled($0.value) }
        case .scalar(let scalar):
            guard scalar.style == .plain, node.tag == nil else { return false }
            switch scalar.value {
            case .null, .string: return false
            case .bool, .int: break
            case .float(let number): if !number.isFinite { return false }
            }
            return Value(node).json() != scalar.text
        }
    }

    private static func losesDigits(_ scalar: YAMLScalar) -> Bool {
        let digits = scalar.text.trimmingPrefix { $0 == "-" || $0 == "+" }
        guard digits.count > 1, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
        if case .float = scalar.value { return true }
        return digits.first == "0"
    }
}
