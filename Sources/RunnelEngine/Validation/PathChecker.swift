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
        /// The value; nil before it is rendered.
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
            if let value { value.asString } else { tree?.text }
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
    func check(_ place: SchemaPlace, _ tree: TemplateTree, rendered: ValueObject) throws(StepError) {
        var first: StepError?
        visit(place, Setting(tree: tree, value: .object(rendered)), among: nil, []) { setting, _, _, folder in
            do throws(StepError) { try check(setting, folder: folder) } catch { first = first ?? error }
        }
        if let first { throw first }
    }

    /// Reports errors that can be found before running.
    func check(
        _ place: SchemaPlace, _ tree: TemplateTree, node: YAMLNode?, into diagnostics: inout DiagnosticList
    ) {
        guard let node else { return }
        var found: [(path: [FieldError.PathElement], error: StepError)] = []
        visit(place, Setting(tree: tree, value: nil), among: nil, []) { setting, path, _, folder in
            do throws(StepError) { try check(setting, folder: folder) } catch { found.append((path, error)) }
        }
        for (path, error) in found {
            diagnostics.error(reported: error.code, node.nearest(to: path), error.message, hint: error.hint)
        }
    }

    /// A path that stands in the settings of a step.
    struct Place {
        /// The path; nil where it is a template, and where it is relative to a folder.
        let text: String?
        let isTemplate: Bool
        let node: YAMLNode
    }

    /// The paths in the settings of a step.
    func all(_ place: SchemaPlace, in tree: TemplateTree, node: YAMLNode) -> [Place] {
        var found: [Place] = []
        visit(place, Setting(tree: tree, value: nil), among: nil, []) { setting, path, isTemplate, folder in
            guard let text = setting.text else { return }
            let isLiteral = !setting.isTemplate && folder?.text == nil
            found.append(Place(text: isLiteral ? text : nil, isTemplate: isTemplate, node: node.nearest(to: path)))
        }
        return found
    }

    private func visit(
        _ place: SchemaPlace, _ setting: Setting, among siblings: Setting?, _ path: [FieldError.PathElement],
        _ take: (Setting, [FieldError.PathElement], _ isTemplate: Bool, _ folder: Setting?) -> Void
    ) {
        for kind in place.paths { take(setting, path, kind.isTemplate, kind.relativeTo.flatMap { siblings?[$0] }) }
        for index in 0..<setting.count {
            guard let inner = place[index] else { continue }
            visit(inner, setting[index], among: nil, path + [.index(index)], take)
        }
        for key in setting.keys {
            guard let inner = place[key] else { continue }
            visit(inner, setting[key], among: setting, path + [.key(key)], take)
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
        // A program in another language may follow what it finds there.
        if isKnown { try confined.checkOnDisk() }
    }
}
