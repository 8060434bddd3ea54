package import RunnelKit
package import YAML

/// Loads `runnel.yaml` with overrides from environment variables.
package enum SettingsLoader {
    /// The result of loading.
    package struct Outcome: Sendable {
        /// The settings; nil if there are errors.
        package let settings: Settings?
        /// What stands in the sections of plugins, by key.
        package let sections: [String: Value]
        package let report: LoadReport
        /// Every setting with its value and its source, by key.
        package let effective: [EffectiveSetting]
        /// What the file says, with the chosen profile. It may hold secrets.
        package let file: Value
        /// The same, with the environment variables that win over it.
        package let merged: Value
        /// Where settings stand: the mapping of the file, and those of its profiles. They may hold secrets.
        package let roots: [YAMLNode]
    }

    /// - Parameters:
    ///   - bytes: The file's content; nil if there is no file.
    ///   - environment: The process's environment; variables that begin with `RUNNEL_` are settings.
    ///   - sections: Those of plugins.
    ///   - profile: The chosen one of `profiles`.
    package static func load(
        _ bytes: [UInt8]?, file: String, environment: [String: String], sections: [FieldDefinition] = [],
        profile: String? = nil
    ) -> Outcome {
        let shape = SettingsShape(sections)
        let sections = shape.sections
        let document: YAMLDocument
        do {
            // In an unparsable file any line may hold a secret: none is printed or quoted.
            document = try YAMLParser.parse(bytes ?? [], name: file, isSecret: true)
        } catch {
            let source = YAMLSource(name: file, text: "")
            return Outcome(
                settings: nil, sections: [:],
                report: LoadReport(source: source, diagnostics: [Diagnostic(error, in: source)]), effective: [],
                file: [:], merged: [:], roots: [])
        }
        var diagnostics = DiagnosticList(source: document.source)
        var shown = document.source
        var value: Value = document.root.map { Value($0) } ?? .null
        if value.isNull { value = [:] }
        // A section whose keys are all commented out is treated as missing.
        if let sections = value.asObject {
            value = .object(ValueObject(sections.filter { !$0.value.isNull }.map { ($0.key, $0.value) }))
        }
        let overlay = EnvironmentOverlay(environment: environment, shape: shape, configuration: value)
        let profiles = SettingsProfiles(root: document.root)
        let roots = [document.root].compactMap(\.self) + profiles.nodes.map(\.node)
        if let root = document.root, !root.isNull {
            let checker = KeyChecker(
                subject: "runnel.yaml", schema: shape.schema, problems: shape.problems,
                advice: "docs/reference/configuration.md lists the settings", except: [SettingsProfiles.key])
            checker.check(.literal(value), node: root, place: root, into: &diagnostics)
            for (name, node) in profiles.nodes { check(name, node, checker, into: &diagnostics) }
            let sensitive = SensitivePlaces(root: root, profiles: profiles, schema: shape.schema)
            sensitive.conceal(in: &diagnostics)
            diagnostics.conceal(in: root, byName: false)
            shown = sensitive.masked(shown).masked(diagnostics.items.flatMap(\.hidden))
            for node in roots { warnAboutLiterals(node, sections, into: &diagnostics) }
        }
        value = profiles.applied(profile, to: value, into: &diagnostics) ?? value
        for problem in overlay.problems {
            diagnostics.add(reported: problem.code, problem.severity, nil, problem.message, hint: problem.hint)
        }
        guard !diagnostics.items.hasErrors else { return outcome(nil, diagnostics, shown) }
        let merged = overlay.applied(to: value)
        do throws(FieldError) {
            return outcome(
                try shape.read(merged), diagnostics, shown,
                EffectiveSetting.all(
                    value, roots: profiles.roots(of: profile, over: document.root), file: file, overlay, shape),
                file: value, merged: merged, roots: roots)
        } catch {
            let path = error.path.map(\.text).joined(separator: ".")
            diagnostics.add(
                reported: error.code ?? PipelineErrorCode.wrongValue.rawValue, .error, nil,
                "`\(path)`: \(error.message)",
                hint: error.hint)
            return outcome(nil, diagnostics, shown)
        }
    }

    /// A profile has the keys of the file, except `profiles`.
    private static func check(
        _ name: String, _ node: YAMLNode, _ checker: KeyChecker, into diagnostics: inout DiagnosticList
    ) {
        guard node.isMapping else {
            return diagnostics.error(
                PipelineErrorCode.wrongType, node,
                "`profiles.\(name)`: expected settings, found \(Value(node).kindName)")
        }
        let sections = (Value(node).asObject ?? [:]).filter { !$0.value.isNull }.map { ($0.key, $0.value) }
        if let inner = node.keyNode(for: SettingsProfiles.key) {
            diagnostics.error(PipelineErrorCode.unknownKey, inner, "a profile has no key \"profiles\"")
        }
        checker.check(.literal(.object(ValueObject(sections))), node: node, place: node, into: &diagnostics)
    }

    private static func outcome(
        _ read: (settings: Settings, sections: [String: Value])?, _ diagnostics: DiagnosticList, _ source: YAMLSource,
        _ effective: [EffectiveSetting] = [], file: Value = [:], merged: Value = [:], roots: [YAMLNode] = []
    ) -> Outcome {
        Outcome(
            settings: read?.settings, sections: read?.sections ?? [:],
            report: LoadReport(source: source, diagnostics: diagnostics.items.sortedByPlace()), effective: effective,
            file: file, merged: merged, roots: roots)
    }

    private static func warnAboutLiterals(
        _ root: YAMLNode, _ sections: [FieldDefinition], into diagnostics: inout DiagnosticList
    ) {
        var places: [(String, YAMLNode)] = []
        for section in sections {
            for key in section.sensitiveKeys {
                if let node = root[section.key]?[key] { places.append(("\(section.key).\(key)", node)) }
            }
        }
        if let node = root["server"]?["token"] { places.append(("server.token", node)) }
        if let node = root["server"]?["sign_in"]?["secret"] { places.append(("server.sign_in.secret", node)) }
        if case .mapping(let tokens)? = root["server"]?["tokens"]?.content {
            places += tokens.compactMap { pair in
                pair.value["token"].map { ("server.tokens.\(pair.key.keyText).token", $0) }
            }
        }
        for section in ["traces", "metrics"] {
            guard case .mapping(let headers)? = root[section]?["headers"]?.content else { continue }
            places += headers.map { ("\(section).headers.\($0.key.keyText)", $0.value) }
        }
        if case .mapping(let pairs)? = root["secrets"]?.content {
            places += pairs.map { ("secrets.\($0.key.keyText)", $0.value) }
        }
        for (path, node) in places where node.isScalar && !node.isNull {
            diagnostics.warning(
                PipelineErrorCode.literalSecret, node, literal(path), hint: literalHint)
        }
    }

    private static func literal(_ path: String) -> String { "`\(path)` is a literal in the file" }
    private static let literalHint = "use \(SensitiveValue.forms), so that the file can be shared"

    /// A warning for each literal secret below `plugins:`.
    ///
    /// - Parameters:
    ///   - schemas: Those of the settings, by plugin.
    ///   - roots: See ``Outcome/roots``.
    package static func literalSecrets(
        of schemas: [String: Value], in roots: [YAMLNode], file: String
    ) -> [Diagnostic] {
        var found: [Diagnostic] = []
        func visit(_ node: YAMLNode, _ place: SchemaPlace, _ path: String) {
            if case .scalar(let scalar) = node.content {
                guard place.isSensitive, case .string(let text) = scalar.value, !text.isEmpty else { return }
                found.append(
                    Diagnostic(
                        PipelineErrorCode.literalSecret, .warning, file: file, range: node.range, literal(path),
                        hint: literalHint))
            }
            for pair in node.pairs ?? [] {
                let key = pair.key.keyText
                if let inner = place[key] { visit(pair.value, inner, "\(path).\(key)") }
            }
            guard case .sequence(let items) = node.content else { return }
            for (index, item) in items.enumerated() {
                if let inner = place[index] { visit(item, inner, "\(path)[\(index)]") }
            }
        }
        for pair in roots.flatMap({ $0["plugins"]?.pairs ?? [] }) {
            let name = pair.key.keyText
            if let schema = schemas[name] { visit(pair.value, SchemaPlace(schema), "plugins.\(name)") }
        }
        return found
    }
}

extension FieldError.PathElement {
    var text: String {
        switch self {
        case .key(let key): key
        case .index(let index): String(index)
        }
    }
}

/// `profiles:` of `runnel.yaml`: settings that are merged over the rest when their profile is chosen.
struct SettingsProfiles {
    static let key = "profiles"

    /// The value of the key.
    private let section: YAMLNode?
    /// The profiles as they are written.
    let nodes: [(name: String, node: YAMLNode)]

    /// - Parameter root: That of the file; nil for an empty one.
    init(root: YAMLNode?) {
        section = root?[Self.key]
        nodes = (section?.pairs ?? []).map { ($0.key.keyText, $0.value) }.filter { !$0.node.isNull }
    }

    /// The settings with the chosen profile over them, without the profiles.
    ///
    /// - Returns: nil if there is no such profile, which is reported.
    func applied(
        _ profile: String?, to settings: Value, into diagnostics: inout DiagnosticList
    ) -> Value? {
        let base = Value.object((settings.asObject ?? [:]).removing(Self.key))
        guard let profile else { return base }
        if let node = nodes.first(where: { $0.name == profile })?.node { return Self.merge(Value(node), over: base) }
        // One whose keys are all commented out changes nothing.
        if section?[profile] != nil { return base }
        let names = nodes.map(\.name)
        let known = names.isEmpty ? "the file has no `profiles`" : "profiles: \(names.joined(separator: ", "))"
        diagnostics.add(
            PipelineErrorCode.unknownProfile, .error, section?.range, "there is no profile \"\(profile)\"",
            hint: Suggestion.hint(for: profile, among: names) ?? known)
        return nil
    }

    /// The mappings that ``applied(_:to:into:)`` merges, highest precedence first.
    func roots(of profile: String?, over file: YAMLNode?) -> [YAMLNode] {
        nodes.filter { $0.name == profile }.map(\.node) + [file].compactMap(\.self)
    }

    /// Merges key by key. Lists, and values that name a source (`{ env: NAME }`), are replaced as a whole.
    private static func merge(_ value: Value, over base: Value) -> Value {
        guard let object = value.asObject, var merged = base.asObject, !isSource(value), !isSource(base) else {
            return value
        }
        for (key, value) in object { merged[key] = merged[key].map { merge(value, over: $0) } ?? value }
        return .object(merged)
    }

    private static func isSource(_ value: Value) -> Bool {
        guard let object = value.asObject else { return false }
        return ["env", "file", "command"].contains { object[$0] != nil }
            && object.allSatisfy { ["env", "file", "command", "cache"].contains($0.key) }
    }
}
