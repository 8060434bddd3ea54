import RunnelKit
import Templates
import YAML

/// Checks that every reference in a template resolves when it is rendered.
struct ReferenceChecker {
    let pipeline: Pipeline
    let names: ProjectNames?
    /// Knows what the outputs of steps look like.
    let registry: StepRegistry

    private static let roots = [
        "input", "inputs", "steps", "trigger", "secrets", "env", "run", "error", "item", "index",
    ]
    static let runKeys = ["id", "pipeline", "started_at"]
    static let errorKeys = ["code", "message", "hint", "step", "output"]

    /// The names in scope at one place of the pipeline.
    private struct Place {
        var earlier: [String] = []
        var isErrorKnown = false
        var isItemKnown = false
    }

    func check(into diagnostics: inout DiagnosticList) {
        var place = Place()
        check(pipeline.steps, isParallel: false, at: &place, into: &diagnostics)
        for (template, node) in pipeline.output?.templates ?? [] {
            check(template.references, in: node, at: place, into: &diagnostics)
        }
        for trigger in pipeline.triggers {
            for (template, node) in trigger.entry.templates {
                checkTrigger(template.references, in: node, into: &diagnostics)
            }
        }
        place.isErrorKnown = true
        for section in [pipeline.onFailure, pipeline.finally] {
            var place = place
            check(section, isParallel: false, at: &place, into: &diagnostics)
        }
    }

    /// - Parameter place: On return, the scope after the steps.
    private func check(
        _ steps: [PipelineStep], isParallel: Bool, at place: inout Place, into diagnostics: inout DiagnosticList
    ) {
        let before = place
        for step in steps {
            // Parallel steps cannot refer to each other.
            var inside = isParallel ? before : place
            for (template, node) in step.forEach?.templates ?? [] {
                check(template.references, in: node, at: inside, into: &diagnostics)
            }
            if step.forEach != nil { inside.isItemKnown = true }
            if let condition = step.condition {
                check(condition.expression.references, in: condition.node, at: inside, into: &diagnostics)
            }
            for (template, node) in step.with.templates {
                check(template.references, in: node, at: inside, into: &diagnostics)
            }
            if let group = step.group {
                let known = inside.earlier.count
                check(group, isParallel: step.isParallel, at: &inside, into: &diagnostics)
                if step.forEach == nil { place.earlier += inside.earlier[known...] }
            }
            place.earlier.append(step.id)
        }
    }

    private func check(
        _ references: [Reference], in node: YAMLNode, at place: Place, into diagnostics: inout DiagnosticList
    ) {
        for reference in references {
            guard let (code, message, hint) = problem(with: reference, at: place) else { continue }
            diagnostics.error(code, in: node, utf8Range: reference.utf8Range, message, hint: hint)
        }
    }

    /// When a trigger starts, there is no run yet.
    private func checkTrigger(
        _ references: [Reference], in node: YAMLNode, into diagnostics: inout DiagnosticList
    ) {
        let known = references.filter { ["secrets", "env"].contains($0.root) }
        check(known, in: node, at: Place(), into: &diagnostics)
        for reference in references where !["secrets", "env"].contains(reference.root) {
            diagnostics.error(
                "unknown-name", in: node, utf8Range: reference.utf8Range,
                "`\(reference.root)` is not available under `on:`", hint: "triggers can use secrets and env")
        }
    }

    private typealias Problem = (code: String, message: String, hint: String?)

    private func problem(with reference: Reference, at place: Place) -> Problem? {
        let earlier = place.earlier
        let member: String? = if case .key(let key)? = reference.path.first { key } else { nil }
        switch reference.root {
        case "steps":
            return member.flatMap { stepProblem($0, earlier: earlier) ?? outputProblem($0, reference) }
        case "inputs": return unknown(member, among: pipeline.inputs.map(\.name), "input", "declare it under `inputs:`")
        case "secrets":
            return names.flatMap { names in
                unknown(member, among: names.secrets, "secret", "name it under `secrets:` in runnel.yaml")
                    ?? member.flatMap { unavailable($0, names) }
            }
        case "env":
            return names.flatMap {
                unknown(member, among: $0.env, "readable environment variable", "list it under `env:` in runnel.yaml")
            }
        case "run": return unknown(member, among: Self.runKeys, "`run` value", nil)
        case "error":
            guard place.isErrorKnown else {
                return ("unknown-name", "`error` is only available in `on_failure` and `finally`", nil)
            }
            return unknown(member, among: Self.errorKeys, "`error` value", nil)
        case "item", "index":
            guard !place.isItemKnown else { return nil }
            return ("unknown-name", "`\(reference.root)` is only available in a step with `for_each`", nil)
        case "input", "trigger": return nil
        default:
            let closest = Suggestion.closest(to: reference.root, among: Self.roots + earlier)
            let hint =
                closest.map { earlier.contains($0) ? "did you mean \"steps.\($0)\"?" : "did you mean \"\($0)\"?" }
                ?? "known names: \(Self.roots.joined(separator: ", "))"
            return ("unknown-name", "unknown name \"\(reference.root)\"", hint)
        }
    }

    private func stepProblem(_ id: String, earlier: [String]) -> Problem? {
        guard !earlier.contains(id) else { return nil }
        if let group = pipeline.allSteps.first(where: { $0.forEach != nil && $0.holds(id) }), earlier.contains(group.id)
        {
            return (
                "later-step", "the step \"\(id)\" runs once for each item of \"\(group.id)\"",
                "the list `steps.\(group.id)` holds their outputs"
            )
        }
        if let later = pipeline.allSteps.first(where: { $0.id == id }) {
            return (
                "later-step", "the step \"\(id)\" runs later",
                "it is on line \(later.node.range.start.line); only steps above can be used"
            )
        }
        let closest = Suggestion.closest(to: id, among: earlier)
        return (
            "unknown-reference", "there is no step with the id \"\(id)\"",
            closest.map { "did you mean \"\($0)\"?" }
                ?? (earlier.isEmpty
                    ? "this is the first step" : "the steps above are \(earlier.joined(separator: ", "))")
        )
    }

    /// What is wrong with a path into the output of a step whose keys are known.
    private func outputProblem(_ id: String, _ reference: Reference) -> Problem? {
        // A failed step that the run goes on behind has another output.
        guard let step = pipeline.allSteps.first(where: { $0.id == id }), step.group == nil, step.onError == .fail,
            var schema = registry[step.uses]?.outputSchema
        else { return nil }
        if step.forEach != nil { schema = ["type": "array", "items": schema] }
        let path = reference.path.dropFirst().map { element -> FieldError.PathElement in
            switch element {
            case .key(let key): .key(key)
            case .index(let index): .index(index)
            }
        }
        func written(_ count: Int) -> String {
            FieldError("", path: [.key("steps"), .key(id)] + path.prefix(count)).place
        }
        switch OutputSchema.find(path, in: schema) {
        case .possible: return nil
        case .unknownKey(let index, let known):
            guard case .key(let key) = path[index] else { return nil }
            return (
                "unknown-reference", "`\(written(index))` has no key \"\(key)\"",
                Suggestion.closest(to: key, among: known).map { "did you mean \"\($0)\"?" }
                    ?? "`\(step.uses)` gives \(known.joined(separator: ", "))"
            )
        case .noKeys(let index, let kind):
            let example = kind == "a list" ? "; `\(written(index))[0]` is its first item" : ""
            return ("unknown-reference", "`\(written(index))` is \(kind), which has no keys\(example)", nil)
        }
    }

    private func unavailable(_ secret: String, _ names: ProjectNames) -> Problem? {
        names.unavailableSecrets[secret].map {
            ("secret-unavailable", "the secret \"\(secret)\" has no value: \($0)", "see `secrets:` in runnel.yaml")
        }
    }

    private func unknown(_ name: String?, among known: [String], _ what: String, _ advice: String?) -> Problem? {
        guard let name, !known.contains(name) else { return nil }
        let closest = Suggestion.closest(to: name, among: known)
        return (
            "unknown-reference", "there is no \(what) \"\(name)\"",
            closest.map { "did you mean \"\($0)\"?" } ?? advice
                ?? "known: \(known.joined(separator: ", "))"
        )
    }
}

extension PipelineStep {
    /// Whether the group contains the step with this id.
    fileprivate func holds(_ id: String) -> Bool {
        (group ?? []).contains { $0.id == id || $0.holds(id) }
    }
}
