import RunnelKit
import YAML

/// The places in `runnel.yaml` that may hold a secret and must not be quoted in diagnostics.
struct SensitivePlaces {
    private var places: [(path: String, node: YAMLNode)] = []

    /// - Parameter sections: Those of plugins.
    init(root: YAMLNode, sections: [FieldDefinition]) {
        for section in sections {
            guard case .mapping(let pairs)? = root[section.key]?.content else { continue }
            let sensitive = section.sensitiveKeys
            let known = Set((section.schema["properties"]?.asObject ?? [:]).keys).subtracting(sensitive)
            // In a section with secrets, an unknown key may be a misspelt one whose value is a secret.
            for pair in pairs where !sensitive.isEmpty && !known.contains(pair.key.keyText) {
                places.append(("\(section.key).\(pair.key.keyText)", pair.value))
            }
        }
        if let token = root["server"]?["token"] { places.append(("server.token", token)) }
        for key in ["password", "url"] {
            if let node = root["journal"]?[key] { places.append(("journal.\(key)", node)) }
        }
        if case .mapping(let tokens)? = root["server"]?["tokens"]?.content {
            places += tokens.map { pair in
                let path = "server.tokens.\(pair.key.keyText)"
                return pair.value["token"].map { ("\(path).token", $0) } ?? (path, pair.value)
            }
        }
        if case .mapping(let headers)? = root["traces"]?["headers"]?.content {
            places += headers.map { ("traces.headers.\($0.key.keyText)", $0.value) }
        }
        if let secrets = root["secrets"] {
            if case .mapping(let pairs) = secrets.content {
                places += pairs.map { ("secrets.\($0.key.keyText)", $0.value) }
            } else {
                places.append(("secrets", secrets))
            }
        }
        places.removeAll { $0.node.isNull || (try? SensitiveValue(field: Value($0.node))).map(Self.isName) ?? false }
    }

    private static func isName(_ value: SensitiveValue) -> Bool {
        if case .literal = value.source { false } else { true }
    }

    /// Removes the values from messages.
    func conceal(in diagnostics: inout DiagnosticList) {
        for (path, node) in places {
            let kind = Value(node).kindName
            diagnostics.rewrite(in: node.range) { diagnostic in
                guard diagnostic.severity == .error else { return }
                diagnostic.message = "`\(path)`: expected `{ env: NAME }` or `{ file: path }`, found \(kind)"
                diagnostic.hint = nil
            }
        }
    }

    /// The displayable file: same positions, with asterisks for the values.
    func masked(_ source: YAMLSource) -> YAMLSource {
        guard !places.isEmpty else { return source }
        var lines: [String] = []
        while let line = source.line(lines.count + 1) {
            let number = lines.count + 1
            var shown = ""
            for (offset, scalar) in line.unicodeScalars.enumerated() {
                let position = YAMLPosition(line: number, column: offset + 1)
                let isHidden = places.contains { $0.node.range.start <= position && position < $0.node.range.end }
                shown.unicodeScalars.append(isHidden && scalar != " " ? "*" : scalar)
            }
            lines.append(shown)
        }
        return YAMLSource(name: source.name, text: lines.joined(separator: "\n"))
    }
}
