import RunnelKit
import Templates
import YAML

/// Checks that every reference in a template resolves when it is rendered.
struct ReferenceChecker {
    let pipeline: Pipeline
    let names: ProjectNames?
    /// Knows what the outputs of steps look like.
    let registry: StepRegistry
    /// The template files that steps name, by step.
    let files: [String: [TemplateFileReader.File]]

    private static let roots = [
        "input", "inputs", "steps", "trigger", "vars", "secrets", "env", "run", "error", "item", "index",
    ]
    static let runKeys = ["id", "pipeline", "started_at"]
    static let errorKeys = ["code", "message", "hint", "step", "output"]

    /// The keys of `trigger` in a run that was started by hand, beside `type`, and those of its trace.
    private static let manualKeys = ["path", "name", "stem", "extension", "size", "traceparent", "tracestate"]

    /// The names in scope at one place of the pipeline.
    private struct Place {
        var earlier: [String] = []
        var isErrorKnown = false
        var isItemKnown = false
        /// The names of the lists that `for_each` combines, which are the keys of `item`; nil for items of one list.
        var itemKeys: [String]?
        /// The step whose output `input` is, where that is certain.
        var previous: String?
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
            if let condition = trigger.condition {
                checkEvent(condition.expression.references, of: trigger, in: condition.node, into: &diagnostics)
            }
            for (template, node) in trigger.debounce?.key?.templates ?? [] {
                checkEvent(template.references, of: trigger, in: node, into: &diagnostics)
            }
        }
        place.isErrorKnown = true
        place.previous = nil
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
            if step.forEach != nil { (inside.isItemKnown, inside.itemKeys) = (true, step.combinedLists) }
            if let condition = step.condition {
                check(condition.expression.references, in: condition.node, at: inside, into: &diagnostics)
            }
            if let loop = step.loop {
                var after = inside
                after.earlier.append(step.id)
                check(loop.condition.expression.references, in: loop.condition.node, at: after, into: &diagnostics)
            }
            for (template, node) in step.with.templates {
                check(template.references, in: node, at: inside, into: &diagnostics)
            }
            for file in files[step.id] ?? [] { check(file, at: inside, into: &diagnostics) }
            if let group = step.group {
                let known = inside.earlier.count
                check(group, isParallel: step.isParallel, at: &inside, into: &diagnostics)
                if step.forEach == nil { place.earlier += inside.earlier[known...] }
            }
            place.earlier.append(step.id)
            // A skipped step leaves `input` as it was.
            place.previous = step.condition == nil && step.group == nil ? step.id : nil
        }
    }

    private func check(
        _ file: TemplateFileReader.File, at place: Place, into diagnostics: inout DiagnosticList
    ) {
        for reference in file.template.references {
            guard let (code, message, hint) = problem(with: reference, at: place) else { continue }
            diagnostics.error(
                code, file.node, "\(file.place(reference.utf8Range.lowerBound)): \(message)", hint: hint)
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
        let available = ["vars", "secrets", "env"]
        let known = references.filter { available.contains($0.root) }
        check(known, in: node, at: Place(), into: &diagnostics)
        for reference in references where !available.contains(reference.root) {
            diagnostics.error(
                PipelineErrorCode.unknownName, in: node, utf8Range: reference.utf8Range,
                "`\(reference.root)` is not available under `on:`", hint: "triggers can use vars, secrets and env")
        }
    }

    /// What `if` and `debounce` of a trigger can use: the event, and what does not depend on a run.
    private func checkEvent(
        _ references: [Reference], of trigger: TriggerDeclaration, in node: YAMLNode,
        into diagnostics: inout DiagnosticList
    ) {
        for reference in references {
            let problem: Problem?
            switch reference.root {
            case "trigger":
                let known = registry.trigger(named: trigger.kind)?.documentation.payload.map(\.name) ?? []
                let member: String? = if case .key(let key)? = reference.path.first { key } else { nil }
                // A trigger that does not say what it brings is not checked.
                problem = known.isEmpty ? nil : unknown(member, among: ["type"] + known, "`trigger` value", nil)
            case "input": problem = nil
            case "inputs", "vars", "secrets", "env": problem = self.problem(with: reference, at: Place())
            default:
                let known = TriggerGate.names
                problem = (
                    PipelineErrorCode.unknownName,
                    "`\(reference.root)` is not available in `if` and `debounce` of a trigger",
                    Suggestion.hint(for: reference.root, among: known)
                        ?? "they can use \(known.joined(separator: ", "))"
                )
            }
            guard let (code, message, hint) = problem else { continue }
            diagnostics.error(code, in: node, utf8Range: reference.utf8Range, message, hint: hint)
        }
    }

    private typealias Problem = (code: PipelineErrorCode, message: String, hint: String?)

    private func problem(with reference: Reference, at place: Place) -> Problem? {
        let earlier = place.earlier
        let member: String? = if case .key(let key)? = reference.path.first { key } else { nil }
        switch reference.root {
        case "steps":
            return member.flatMap {
                stepProblem($0, earlier: earlier)
                    ?? outputProblem(
                        $0, reference.path.dropFirst(), as: "steps.\($0)", isOptional: reference.isOptional)
            }
        case "inputs": return unknown(member, among: pipeline.inputs.map(\.name), "input", "declare it under `inputs:`")
        case "secrets":
            return names.flatMap { names in
                unknown(member, among: names.secrets, "secret", "name it under `secrets:` in runnel.yaml")
                    ?? member.flatMap { unavailable($0, names) }
            }
        case "env":
            return names.flatMap { names in
                unknown(
                    member, among: names.env, "readable environment variable", "list it under `env:` in runnel.yaml")
                    ?? member.flatMap { names.invalidEnv.contains($0) ? Self.invalidVariable($0) : nil }
            }
        case "vars": return names.flatMap { variableProblem(reference, member, $0) }
        case "run": return unknown(member, among: Self.runKeys, "`run` value", nil)
        case "error":
            guard place.isErrorKnown else {
                return (PipelineErrorCode.unknownName, "`error` is only available in `on_failure` and `finally`", nil)
            }
            return unknown(member, among: Self.errorKeys, "`error` value", nil)
        case "item", "index":
            guard !place.isItemKnown else {
                guard reference.root == "item", let keys = place.itemKeys else { return nil }
                return unknown(member, among: keys, "`item` value", nil)
            }
            return (
                PipelineErrorCode.unknownName, "`\(reference.root)` is only available in a step with `for_each`", nil
            )
        case "input":
            return place.previous.flatMap {
                outputProblem($0, reference.path[...], as: "input", isOptional: reference.isOptional)
            }
        case "trigger": return triggerProblem(member, isOptional: reference.isOptional)
        default:
            let closest = Suggestion.closest(to: reference.root, among: Self.roots + earlier)
            let hint =
                closest.map { earlier.contains($0) ? "did you mean \"steps.\($0)\"?" : "did you mean \"\($0)\"?" }
                ?? "known names: \(Self.roots.joined(separator: ", "))"
            return (PipelineErrorCode.unknownName, "unknown name \"\(reference.root)\"", hint)
        }
    }

    /// What is wrong with a key of `trigger` that no run of the pipeline has. One that may be missing is not checked: a run
    /// started over the API can have other keys.
    private func triggerProblem(_ member: String?, isOptional: Bool) -> Problem? {
        guard !isOptional, !pipeline.triggers.isEmpty else { return nil }
        var known = ["type"]
        for trigger in pipeline.triggers {
            // A trigger that does not say what it brings is not checked.
            guard let payload = registry.trigger(named: trigger.kind)?.documentation.payload, !payload.isEmpty else {
                return nil
            }
            known += payload.map(\.name) + (trigger.debounce == nil ? [] : ["count", "folded"])
        }
        let advice = "known: \(known.joined(separator: ", "))"
        return unknown(member, among: known + Self.manualKeys, "`trigger` value", advice)
    }

    private func stepProblem(_ id: String, earlier: [String]) -> Problem? {
        guard !earlier.contains(id) else { return nil }
        if let group = pipeline.allSteps.first(where: { $0.forEach != nil && $0.holds(id) }), earlier.contains(group.id)
        {
            return (
                PipelineErrorCode.laterStep, "the step \"\(id)\" runs once for each item of \"\(group.id)\"",
                "the list `steps.\(group.id)` holds their outputs"
            )
        }
        if let later = pipeline.allSteps.first(where: { $0.id == id }) {
            return (
                PipelineErrorCode.laterStep, "the step \"\(id)\" runs later",
                "it is on line \(later.node.range.start.line); only steps above can be used"
            )
        }
        return (
            PipelineErrorCode.unknownReference, "there is no step with the id \"\(id)\"",
            Suggestion.hint(for: id, among: earlier)
                ?? (earlier.isEmpty
                    ? "this is the first step" : "the steps above are \(earlier.joined(separator: ", "))")
        )
    }

    /// What is wrong with a path into the output of a step whose keys are known.
    private func outputProblem(
        _ id: String, _ elements: ArraySlice<Reference.Element>, as name: String, isOptional: Bool
    ) -> Problem? {
        // A failed step that the run goes on behind has another output.
        guard let step = pipeline.allSteps.first(where: { $0.id == id }), step.group == nil, step.onError == .fail,
            var schema = registry[step.uses]?.settledOutputSchema(step.with.partialSettings)
        else { return nil }
        if step.forEach != nil { schema = ["type": "array", "items": schema] }
        let path = elements.map { element -> FieldError.PathElement in
            switch element {
            case .key(let key): .key(key)
            case .index(let index): .index(index)
            }
        }
        func written(_ count: Int) -> String {
            FieldError("", path: [.key(name)] + path.prefix(count)).place
        }
        switch OutputSchema.find(path, in: schema) {
        case .possible: return nil
        case .unknownKey(let index, let known):
            guard case .key(let key) = path[index] else { return nil }
            return (
                PipelineErrorCode.unknownReference, "`\(written(index))` has no key \"\(key)\"",
                Suggestion.hint(for: key, among: known)
                    ?? "`\(step.uses)` gives \(known.joined(separator: ", "))"
            )
        case .noKeys(_, "null") where isOptional: return nil
        case .noKeys(let index, let kind):
            let example = kind == "a list" ? "; `\(written(index))[0]` is its first item" : ""
            return (
                PipelineErrorCode.unknownReference, "`\(written(index))` is \(kind), which has no keys\(example)", nil
            )
        }
    }

    /// The values of `vars` are known, so the whole path is.
    private func variableProblem(_ reference: Reference, _ member: String?, _ names: ProjectNames) -> Problem? {
        if let problem = unknown(
            member, among: names.vars.keys.sorted(), "variable", "name it under `vars:` in runnel.yaml")
        {
            return problem
        }
        guard !reference.isOptional, let member, var value = names.vars[member] else { return nil }
        var written = "vars.\(member)"
        for element in reference.path.dropFirst() {
            switch element {
            case .key(let key):
                guard let object = value.asObject else {
                    return (
                        PipelineErrorCode.unknownReference, "`\(written)` is \(value.kindName), which has no keys", nil
                    )
                }
                guard let next = object[key] else {
                    return (
                        PipelineErrorCode.unknownReference, "`\(written)` has no key \"\(key)\"",
                        Suggestion.hint(for: key, among: object.keys)
                            ?? "known: \(object.keys.joined(separator: ", "))"
                    )
                }
                (value, written) = (next, written + "." + key)
            case .index(let index):
                guard let items = value.asList else { return nil }
                let position = index < 0 ? items.count + index : index
                guard items.indices.contains(position) else {
                    return (
                        PipelineErrorCode.unknownReference,
                        "`\(written)[\(index)]` is missing: `\(written)` has \(items.count) item\(items.count == 1 ? "" : "s")",
                        nil
                    )
                }
                (value, written) = (items[position], written + "[\(index)]")
            }
        }
        return nil
    }

    private static func invalidVariable(_ name: String) -> Problem {
        (
            PipelineErrorCode.wrongValue, "the environment variable \(name) is not UTF-8 text",
            "set it as UTF-8 text where Runnel is started"
        )
    }

    private func unavailable(_ secret: String, _ names: ProjectNames) -> Problem? {
        names.unavailableSecrets[secret].map {
            (
                PipelineErrorCode.secretUnavailable,
                "the secret \"\(secret)\" \(UnavailableSecret(reason: $0).predicate)",
                "see `secrets:` in runnel.yaml"
            )
        }
    }

    private func unknown(_ name: String?, among known: [String], _ what: String, _ advice: String?) -> Problem? {
        guard let name, !known.contains(name) else { return nil }
        return (
            PipelineErrorCode.unknownReference, "there is no \(what) \"\(name)\"",
            Suggestion.hint(for: name, among: known) ?? advice
                ?? "known: \(known.joined(separator: ", "))"
        )
    }
}

extension PipelineStep {
    /// The names of the lists in a `for_each` with several; nil for one list.
    fileprivate var combinedLists: [String]? {
        guard case .object(let members) = forEach, forEachNode?.isMapping ?? false else { return nil }
        return members.map(\.key)
    }

    /// Whether the group contains the step with this id.
    fileprivate func holds(_ id: String) -> Bool {
        (group ?? []).contains { $0.id == id || $0.holds(id) }
    }
}
