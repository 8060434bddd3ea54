package import RunnelKit
import YAML

/// Loads YAML files that are decoded as one field group, such as a plugin's manifest.
package enum FieldFile {
    /// The keys of references to secrets, whose values are names.
    fileprivate static let references: Set = ["env", "secret"]

    /// - Parameters:
    ///   - file: The displayed path.
    ///   - subject: The subject of messages such as `plugin.yaml has no key "stpes"`.
    ///   - advice: The default hint.
    ///   - make: Creates the value, and checks what fields alone cannot.
    /// - Returns: The value, unless there are errors, and the diagnostics sorted by position.
    package static func load<Group: FieldGroup, Made>(
        _ type: Group.Type, _ bytes: [UInt8], file: String, subject: String, advice: String,
        make: (Value) throws(FieldError) -> Made
    ) -> (value: Made?, report: LoadReport) {
        let document: YAMLDocument
        do {
            document = try YAMLParser.parse(bytes, name: file)
        } catch {
            let source = YAMLSource(name: file, text: String(decoding: bytes, as: UTF8.self))
            return (nil, LoadReport(source: source, diagnostics: [Diagnostic(error, in: source)]))
        }
        var diagnostics = DiagnosticList(source: document.source)
        var made: Made?
        if let root = document.root, !root.isNull {
            let value = Value(root)
            let checker = KeyChecker(
                subject: subject, schema: Group.schema, problems: Group.problems, advice: advice)
            checker.check(.literal(value), node: root, place: root, into: &diagnostics)
            if !diagnostics.items.hasErrors {
                do throws(FieldError) {
                    made = try make(value)
                } catch {
                    diagnostics.fieldError(error, in: root)
                }
            }
        } else {
            diagnostics.error(PipelineErrorCode.emptyFile, document.root, "\(subject) is empty", hint: advice)
        }
        diagnostics.conceal(in: document.root, references: references)
        return (made, LoadReport(source: document.source, diagnostics: diagnostics.items.sortedByPlace()))
    }
}

extension LoadReport {
    /// The report with a problem that was found after the file had been read, at its position.
    package func adding(_ problem: FieldError, _ severity: Diagnostic.Severity = .error) -> LoadReport {
        guard let root = try? YAMLParser.parse(source.text, name: source.name).root else { return self }
        var list = DiagnosticList(source: source)
        list.fieldError(problem, in: root)
        list.conceal(in: root, references: FieldFile.references)
        let found = list.items.map { item in
            var item = item
            item.severity = severity
            return item
        }
        return LoadReport(source: source, diagnostics: (diagnostics + found).sortedByPlace())
    }
}

extension DiagnosticList {
    /// Reports a field error at its position in the file.
    fileprivate mutating func fieldError(_ problem: FieldError, in root: YAMLNode) {
        guard case .key(let key)? = problem.path.first, let node = root[key] else {
            return error(
                reported: problem.code ?? PipelineErrorCode.wrongValue.rawValue, root.firstKeyOrSelf, problem.message,
                hint: problem.hint)
        }
        var inner = problem
        inner.path.removeFirst()
        fieldError(inner, key: key, in: node)
    }
}
