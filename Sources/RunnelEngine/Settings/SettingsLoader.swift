import RunnelKit
import YAML

/// Reads `runnel.yaml` and lays the environment variables over it.
public enum SettingsLoader {
    /// What was found.
    public struct Outcome: Sendable {
        /// nil when there are errors.
        public let settings: Settings?
        public let report: LoadReport
    }

    /// - Parameters:
    ///   - bytes: The file's content; nil where there is no file.
    ///   - environment: The process's; variables that begin with `RUNNEL_` are settings.
    public static func load(_ bytes: [UInt8]?, file: String, environment: [String: String]) -> Outcome {
        let document: YAMLDocument
        do {
            document = try YAMLParser.parse(bytes ?? [], name: file)
        } catch {
            // The lines stay out of what is printed: where nothing could be parsed, any of them may hold a secret.
            let source = YAMLSource(name: file, text: "")
            return Outcome(
                settings: nil, report: LoadReport(source: source, diagnostics: [Diagnostic(error, file: file)]))
        }
        var diagnostics = DiagnosticList(source: document.source)
        let overlay = EnvironmentOverlay(environment: environment)
        var shown = document.source
        var value: Value = document.root.map { Value($0) } ?? .null
        if value.isNull { value = [:] }
        // A section whose keys are all commented out says nothing, like one that is not there.
        if let sections = value.asObject {
            value = .object(ValueObject(sections.filter { !$0.value.isNull }.map { ($0.key, $0.value) }))
        }
        if let root = document.root, !root.isNull {
            let checker = KeyChecker(
                subject: "runnel.yaml", schema: Settings.schema, rules: Settings.rules, problem: Settings.problem,
                advice: "docs/reference/configuration.md lists the settings")
            checker.check(.literal(value), node: root, place: root, into: &diagnostics)
            let sensitive = SensitivePlaces(root: root)
            sensitive.conceal(in: &diagnostics)
            warnAboutLiterals(root, into: &diagnostics)
            shown = sensitive.masked(document.source)
        }
        for problem in overlay.problems {
            diagnostics.add(problem.code, problem.severity, nil, problem.message, hint: problem.hint)
        }
        guard !diagnostics.items.hasErrors else { return outcome(nil, diagnostics, shown) }
        do {
            return outcome(try Settings(field: overlay.applied(to: value)), diagnostics, shown)
        } catch {
            let path = error.path.map(\.text).joined(separator: ".")
            diagnostics.add(error.code ?? "wrong-value", .error, nil, "`\(path)`: \(error.message)", hint: error.hint)
            return outcome(nil, diagnostics, shown)
        }
    }

    private static func outcome(
        _ settings: Settings?, _ diagnostics: DiagnosticList, _ source: YAMLSource
    ) -> Outcome {
        Outcome(
            settings: settings,
            report: LoadReport(source: source, diagnostics: diagnostics.items.sortedByPlace()))
    }

    private static func warnAboutLiterals(_ root: YAMLNode, into diagnostics: inout DiagnosticList) {
        var places: [(String, YAMLNode)] = []
        for key in ["client_secret", "token"] {
            if let node = root["marketplace"]?[key] { places.append(("marketplace.\(key)", node)) }
        }
        if let node = root["server"]?["token"] { places.append(("server.token", node)) }
        if case .mapping(let pairs)? = root["secrets"]?.content {
            places += pairs.map { ("secrets.\($0.key.keyText)", $0.value) }
        }
        for (path, node) in places where node.isScalar && !node.isNull {
            diagnostics.warning(
                "literal-secret", node, "`\(path)` is written out in the file",
                hint: "write `{ env: NAME }` or `{ file: path }`, so that the file can be shared")
        }
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
