import RunnelKit
import Templates
import YAML

/// Checks project paths in the settings of a step or trigger: literal parts before anything runs, and again after
/// rendering.
struct PathChecker {
    let project: ProjectDirectory

    /// A setting of a step or trigger under check.
    private struct Setting {
        let tree: TemplateTree?
        /// The value; The value; nil before it is rendered.
        let value: Value?

        subscript(key: String) -> Setting {
            guard case .object(let members)? = tree else { return Setting(tree: nil, value: value?[key]) }
            return Setting(tree: members.first { $0.key == key }?.value, value: value?[key])
        }

        subscript(index: Int) -> Setting {
            guard case .list(let items)? = tree, items.indices.contains(index) else {
                return Setting(tree: nil, value: value?[index])
            }
            return Setting(tree: items[index], value: value?[index])
        }

        /// The text; before rendering, a possible result of the template.
        var text: String? {
            if let value { return value.asString }
            switch tree {
            case .literal(.string(let text))?: return text
            case .template(let template, _)?: return template.literalPrefix + "…" + template.literalSuffix
            default: return nil
            }
        }

        var prefix: String? { if case .template(let template, _)? = tree { template.literalPrefix } else { nil } }
        var isTemplate: Bool { prefix != nil }

        var keys: [String] {
            if let value { return value.asObject?.keys ?? [] }
            switch tree {
            case .object(let members)?: return members.map(\.key)
            case .literal(.object(let object))?: return object.keys
            default: return []
            }
        }

        var count: Int {
            if let value { return value.asList?.count ?? 0 }
            if case .list(let items)? = tree { return items.count }
            return 0
        }
    }

    /// - Throws: The first error in the rendered settings.
    func check(_ places: ProjectPathPlaces, _ tree: TemplateTree, rendered: ValueObject) throws(StepError) {
        var first: StepError?
        visit(places, Setting(tree: tree, value: .object(rendered)), among: nil, []) { _, error in
            first = first ?? error
        }
        if let first { throw first }
    }

    /// Reports errors that can be found before running.
    func check(
        _ places: ProjectPathPlaces, _ tree: TemplateTree, node: YAMLNode?, into diagnostics: inout DiagnosticList
    ) {
        guard let node else { return }
        var found: [(path: [FieldError.PathElement], error: StepError)] = []
        visit(places, Setting(tree: tree, value: nil), among: nil, []) { found.append(($0, $1)) }
        for (path, error) in found {
            diagnostics.error(error.code, node.nearest(to: path), error.message, hint: error.hint)
        }
    }

    private func visit(
        _ places: ProjectPathPlaces, _ setting: Setting, among siblings: Setting?, _ path: [FieldError.PathElement],
        _ report: ([FieldError.PathElement], StepError) -> Void
    ) {
        switch places {
        case .path(let relativeTo):
            do throws(StepError) {
                try check(setting, folder: relativeTo.flatMap { siblings?[$0] })
            } catch {
                report(path, error)
            }
        case .list(let inner):
            for index in 0..<setting.count {
                visit(inner, setting[index], among: nil, path + [.index(index)], report)
            }
        case .object(let members, let others):
            for key in setting.keys {
                guard let inner = members[key] ?? others else { continue }
                visit(inner, setting[key], among: setting, path + [.key(key)], report)
            }
        }
    }

    private func check(_ setting: Setting, folder: Setting?) throws(StepError) {
        guard let text = setting.text, !project.grantedFiles.contains(text) else { return }
        let isKnown = setting.value != nil
        // Its base is known only after rendering.
        if !isKnown, folder?.isTemplate ?? false { return }
        if !isKnown, project.path.isEmpty, text.hasPrefix("/") || folder?.text?.hasPrefix("/") ?? false { return }
        if !isKnown, setting.prefix?.isEmpty ?? false, text == "…" { return }
        let confined = try project.confined(text, in: folder?.text)
        if let prefix = setting.prefix { try confined.check(text, staysBelow: prefix, in: folder?.text, of: project) }
    }
}
