import RunnelKit
import RunnelSupport
import Templates
import YAML

/// Decodes a ``Pipeline`` from the nodes of its file, collecting all structural errors.
struct PipelineDecoder {
    private let environment: TemplateEnvironment
    private let registry: StepRegistry
    private(set) var diagnostics: DiagnosticList
    private var stepCounts: [String: Int] = [:]

    init(source: YAMLSource, environment: TemplateEnvironment, registry: StepRegistry, isStored: Bool) {
        self.environment = environment
        self.registry = registry
        diagnostics = DiagnosticList(source: source, isStored: isStored)
    }

    private static let keys = [
        "name", "description", "on", "inputs", "concurrency", "priority", "timeout", "steps",
        "on_failure", "finally", "output",
    ]

    mutating func pipeline(_ document: YAMLDocument) -> Pipeline? {
        guard let root = document.root, !root.isNull else {
            diagnostics.add(PipelineErrorCode.emptyFile, .error, nil, "the file is empty; a pipeline needs `steps:`")
            return nil
        }
        let names = ForeignKeys(registry: registry)
        guard
            let keys = MappingReader(
                root, "a pipeline", keys: Self.keys, allowsExtensions: true, hint: names.hint(forPipeline:),
                into: &diagnostics)
        else { return nil }
        let name = keys.string("name", into: &diagnostics)
        if !diagnostics.isStored, let name, name.allSatisfy(\.isWhitespace) {
            diagnostics.error(
                PipelineErrorCode.wrongValue, keys["name"], "`name` is empty",
                hint: "leave it out to name the pipeline after its file")
        }
        diagnostics.warnOfTemplate(in: keys["name"], "`name`", hint: "write a fixed name")
        let description = keys.string("description", into: &diagnostics)
        let inputs = keys.section("inputs").map { readInputs($0) } ?? []
        let triggers = keys.section("on").map { readTriggers($0) } ?? []
        if keys.section("steps") == nil, !keys.isMisspelled("steps"), !keys.isForeign {
            diagnostics.error(
                PipelineErrorCode.missingKey, keys.keyNode("steps") ?? root.firstKeyOrSelf,
                "a pipeline needs the key \"steps\"",
                hint: "add `steps:` with a list of steps")
        }
        let steps = keys.section("steps") == nil ? [] : readSteps(keys, "steps")
        if steps.isEmpty, let node = keys["steps"], node.items?.isEmpty == true {
            diagnostics.error(PipelineErrorCode.noSteps, node, "`steps` is empty", hint: "add at least one step")
        }
        var pipeline = Pipeline(
            name: (name ?? Self.defaultName(file: document.source.name)).composed, description: description,
            source: document.source, inputs: inputs, triggers: triggers,
            steps: steps, onFailure: readSteps(keys, "on_failure"), finally: readSteps(keys, "finally"),
            timeout: timeout(keys),
            output: keys["output"].map { TemplateTree($0, environment: environment, into: &diagnostics) },
            concurrency: keys.field(ConcurrencyDeclaration.self, "concurrency", into: &diagnostics))
        pipeline.isNamedAfterFile = name == nil
        pipeline.priority = keys.field(RunPriority.self, "priority", into: &diagnostics)?.level ?? 0
        return pipeline
    }

    private static let includedKeys = ["description", "inputs", "steps", "output"]

    /// The content of a file with steps to include.
    ///
    /// - Parameter name: Of the pipeline that includes it.
    mutating func includedFile(_ document: YAMLDocument, pipeline name: String) -> Pipeline? {
        guard let root = document.root, !root.isNull else {
            diagnostics.add(
                PipelineErrorCode.emptyFile, .error, nil, "the file is empty; a file with steps needs `steps:`")
            return nil
        }
        guard
            let keys = MappingReader(
                root, "an included file", keys: Self.includedKeys, allowsExtensions: true, into: &diagnostics)
        else { return nil }
        let inputs = keys.section("inputs").map { readInputs($0) } ?? []
        let steps = keys.section("steps") == nil ? [] : readSteps(keys, "steps")
        if steps.isEmpty, diagnostics.items.isEmpty {
            diagnostics.error(
                keys.keyNode("steps") == nil ? PipelineErrorCode.missingKey : PipelineErrorCode.noSteps,
                keys["steps"] ?? keys.keyNode("steps") ?? root.firstKeyOrSelf,
                "an included file needs `steps` with at least one step", hint: "add `steps:` with a list of steps")
        }
        return Pipeline(
            name: name, description: keys.string("description", into: &diagnostics), source: document.source,
            inputs: inputs, triggers: [], steps: steps, onFailure: [], finally: [], timeout: nil,
            output: keys["output"].map { TemplateTree($0, environment: environment, into: &diagnostics) },
            concurrency: nil)
    }

    private mutating func readSteps(_ keys: MappingReader, _ key: String) -> [PipelineStep] {
        (keys.list(key, into: &diagnostics) ?? []).compactMap { step($0) }
    }

    static func defaultName(file: String) -> String {
        (file.split(separator: "/").last.map(String.init) ?? file).withoutYAMLEnding
    }

    // MARK: - Steps

    private static let stepKeys = [
        "id", "name", "uses", "with", "if", "for_each", "max_parallel", "steps", "parallel", "until", "while", "every",
        "max_rounds", "retry", "timeout", "on_error",
    ]

    /// Reads `timeout`, which must be above 0.
    private mutating func timeout(_ keys: MappingReader) -> Duration? {
        let timeout = keys.field(Duration.self, "timeout", into: &diagnostics)
        if !diagnostics.isStored, let timeout, timeout <= .zero, let place = keys["timeout"] {
            diagnostics.error(
                PipelineErrorCode.wrongValue, place, "`timeout`: expected a duration above 0, found \(place.found)",
                hint: "leave it out for no time limit")
        }
        return timeout
    }

    private mutating func step(_ node: YAMLNode) -> PipelineStep? {
        let names = ForeignKeys(registry: registry)
        guard
            let keys = MappingReader(
                node, "a step", keys: Self.stepKeys,
                hint: { key in
                    let uses = node["uses"].map { Value($0).asString ?? "" }
                    return names.hint(forStepKey: key, uses: uses, known: Self.stepKeys)
                }, into: &diagnostics)
        else { return nil }
        guard var step = keys.keyNode("steps") == nil ? single(keys, node) : group(keys, node) else { return nil }
        step.condition = keys["if"].flatMap { condition($0, "if") }
        step.timeout = timeout(keys)
        step.onError = keys.field(PipelineStep.OnError.self, "on_error", into: &diagnostics) ?? .fail
        step.maxParallel = keys.field(PositiveCount.self, "max_parallel", into: &diagnostics)?.number
        step.loop = loop(keys, isGroup: step.group != nil)
        if let list = keys["for_each"] {
            step.forEachNode = list
            step.forEach = TemplateTree(list, environment: environment, into: &diagnostics)
            if case .mapping(let pairs) = list.content {
                checkProduct(pairs, list)
            } else if !diagnostics.refusesNull(list, "for_each", expected: "a list"), !diagnostics.isStored,
                step.forEach?.isSurelyNoList ?? false
            {
                diagnostics.error(
                    PipelineErrorCode.wrongType, list, "`for_each`: expected a list, found \(list.found)",
                    hint: "write a list, or a template that results in one: \"{{ input }}\"")
            }
        } else if step.maxParallel != nil, !step.isParallel {
            diagnostics.error(
                PipelineErrorCode.badKeys, keys.keyNode("max_parallel"),
                "`max_parallel` needs `for_each`, or `steps` and `parallel: true`")
        }
        return step
    }

    /// `for_each` with a list for each name, of which the step runs for every combination.
    private mutating func checkProduct(_ pairs: [YAMLPair], _ node: YAMLNode) {
        if pairs.isEmpty {
            diagnostics.error(PipelineErrorCode.wrongType, node, "`for_each`: the mapping names no list")
        }
        for pair in pairs {
            let name = pair.key.keyText
            if case .sequence = pair.value.content { continue }
            if !diagnostics.refusesNull(pair.value, "for_each.\(name)", expected: "a list"), !diagnostics.isStored,
                TemplateTree(pair.value, environment: environment, into: &diagnostics).isSurelyNoList
            {
                diagnostics.error(
                    PipelineErrorCode.wrongType, pair.value,
                    "`for_each.\(name)`: expected a list, found \(pair.value.found)")
            }
        }
    }

    private mutating func loop(_ keys: MappingReader, isGroup: Bool) -> LoopDeclaration? {
        let (until, whileNode) = (keys["until"], keys["while"])
        guard let node = until ?? whileNode else {
            for key in ["every", "max_rounds"] {
                guard let place = keys.keyNode(key) else { continue }
                diagnostics.error(PipelineErrorCode.badKeys, place, "`\(key)` needs `until` or `while`")
            }
            return nil
        }
        if until != nil, let place = keys.keyNode("while") {
            diagnostics.error(PipelineErrorCode.badKeys, place, "a step has either `until` or `while`")
        }
        if isGroup, let place = keys.keyNode("until") ?? keys.keyNode("while") {
            diagnostics.error(
                PipelineErrorCode.badKeys, place, "a group of steps has no `\(place.keyText)`",
                hint: "set it on the step inside")
            return nil
        }
        let pause = keys.field(Duration.self, "every", into: &diagnostics)
        let limit = keys.field(PositiveCount.self, "max_rounds", into: &diagnostics)
        return condition(node, until == nil ? "while" : "until").map {
            LoopDeclaration(
                condition: $0, isWhile: until == nil, pause: pause ?? LoopDeclaration.defaultPause,
                limit: limit?.number ?? LoopDeclaration.defaultLimit)
        }
    }

    private mutating func single(_ keys: MappingReader, _ node: YAMLNode) -> PipelineStep? {
        if let parallel = keys.keyNode("parallel") {
            let isGroup = keys.keyNode("uses") == nil
            if !keys.isMisspelled("steps") {
                diagnostics.error(
                    PipelineErrorCode.badKeys, parallel, "`parallel` needs `steps`",
                    hint: isGroup
                        ? "write `parallel: true`, and beside it `steps:` with the list of steps"
                        : "use `max_parallel` for items")
            }
            if isGroup { return nil }
        }
        let with = keys.section("with")
        if let with, !with.isMapping {
            diagnostics.error(PipelineErrorCode.wrongType, with, "`with`: expected a mapping, found \(with.found)")
        }
        guard let usesNode = keys.requiredString("uses", example: "file.read", into: &diagnostics),
            let uses = Value(usesNode).asString
        else { return nil }
        if let path = IncludePath(uses) {
            for key in ["retry", "until", "while"] {
                guard let place = keys.keyNode(key) else { continue }
                diagnostics.error(
                    PipelineErrorCode.badKeys, place, "a step that includes a file has no `\(key)`",
                    hint: "set it on a step in \(path.text)")
            }
        }
        return PipelineStep(
            id: identifier(keys, uses: IncludePath(uses)?.stem ?? uses), uses: uses, usesNode: usesNode,
            with: with.map { TemplateTree($0, environment: environment, into: &diagnostics) } ?? .object([]),
            withNode: with,
            retry: keys.field(RetryDeclaration.self, "retry", hints: ForeignKeys.retry, into: &diagnostics),
            onError: .fail, node: node)
    }

    private mutating func group(_ keys: MappingReader, _ node: YAMLNode) -> PipelineStep? {
        if let place = keys.keyNode("uses") ?? keys.keyNode("with") {
            diagnostics.error(
                PipelineErrorCode.badKeys, place, "a group of steps has no `\(place.keyText)`",
                hint: "a step has either `uses` or `steps`")
        }
        if let place = keys.keyNode("retry") {
            diagnostics.error(
                PipelineErrorCode.badKeys, place, "a group of steps has no `retry`", hint: "set it on the steps inside")
        }
        let id = identifier(keys, uses: "group")
        let steps = keys.section("steps") == nil ? [] : readSteps(keys, "steps")
        if keys.section("steps") == nil || keys["steps"]?.items?.isEmpty == true {
            diagnostics.error(
                PipelineErrorCode.noSteps, keys["steps"] ?? keys.keyNode("steps"), "`steps` is empty",
                hint: "add at least one step")
        }
        return PipelineStep(
            id: id, uses: "", usesNode: keys.keyNode("steps") ?? node, group: steps,
            isParallel: keys.field(Bool.self, "parallel", into: &diagnostics) ?? false, with: .object([]),
            onError: .fail, node: node)
    }

    /// The given id, or one generated from the step type: `file-write`, `file-write-2`.
    private mutating func identifier(_ keys: MappingReader, uses: String) -> String {
        if let id = keys.string("id", into: &diagnostics) {
            let allowed = id.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "-")
            }
            if !allowed || id.first.map({ $0.isNumber || $0 == "-" }) ?? true {
                diagnostics.error(
                    PipelineErrorCode.badID, keys["id"], "\"\(id)\" is not a valid step id",
                    hint: "use letters, digits, \"_\" and \"-\", beginning with a letter")
            }
            return id
        }
        let base = uses.replacing(".", with: "-")
        let count = stepCounts[base, default: 0] + 1
        stepCounts[base] = count
        return count == 1 ? base : "\(base)-\(count)"
    }

    /// - Parameter key: `if`, `until` or `while`.
    private mutating func condition(_ node: YAMLNode, _ key: String) -> PipelineStep.Condition? {
        guard case .scalar(let scalar) = node.content else {
            diagnostics.error(
                PipelineErrorCode.wrongType, node, "`\(key)`: expected an expression, found \(node.found)")
            return nil
        }
        if scalar.text.isEmpty, diagnostics.refusesNull(node, key, expected: "an expression") { return nil }
        // YAML has more notations for null than expressions have.
        let text = node.isNull ? "null" : scalar.text
        let (expression, issues) = Expression.parse(text, environment: environment)
        if !issues.isEmpty, text.contains("{{") {
            let bare = text.replacing("{{", with: " ").replacing("}}", with: " ")
                .split(separator: " ").joined(separator: " ")
            let isGood = Expression.parse(bare, environment: environment).issues.isEmpty
            diagnostics.error(
                PipelineErrorCode.badExpression, node,
                "`\(key)` is an expression: braces stand around all of it, or nowhere",
                hint: isGood ? "write `\(key): \(bare)`" : "leave the braces out")
            return nil
        }
        for issue in issues {
            diagnostics.error(
                reported: issue.code, in: node, utf8Range: issue.utf8Range, issue.message, hint: issue.hint)
        }
        diagnostics.report(expression?.certainFailures ?? [], in: node)
        return expression.map { PipelineStep.Condition(expression: $0, node: node) }
    }

    // MARK: - Inputs and triggers

    private mutating func readInputs(_ node: YAMLNode) -> [InputDeclaration] {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error(
                PipelineErrorCode.wrongType, node, "`inputs`: expected a name for each input, found \(node.found)",
                hint: "write `inputs: { name: { type: string } }`")
            return []
        }
        return pairs.compactMap { pair -> InputDeclaration? in
            let name = pair.key.keyText
            let known = ["type", "default", "description", "enum", "required"]
            guard let keys = MappingReader(pair.value, "the input \"\(name)\"", keys: known, into: &diagnostics) else {
                return nil
            }
            let required = keys.field(Bool.self, "required", into: &diagnostics)
            let kind = keys.field(InputDeclaration.Kind.self, "type", into: &diagnostics)
            let choices = keys.list("enum", into: &diagnostics)
            var input = InputDeclaration(
                name: name, kind: kind ?? .string,
                help: keys.string("description", into: &diagnostics), defaultValue: keys["default"].map { Value($0) },
                choices: choices?.map { Value($0) },
                isRequired: required ?? (keys["default"] == nil), takesNull: required == false, node: pair.value)
            input.defaultValue = input.defaultValue.map(input.typed)
            // Of a type that is not known nothing can be said.
            let isTyped = kind != nil || keys["type"] == nil && !keys.isMisspelled("type")
            if !diagnostics.isStored, choices?.isEmpty == true {
                diagnostics.error(
                    PipelineErrorCode.wrongValue, keys["enum"], "the `enum` of the input \"\(name)\" is empty",
                    hint: "list the values that are accepted, or remove it")
                return input
            }
            for choice in choices ?? [] where isTyped && !diagnostics.isStored {
                guard let problem = input.problem(with: Value(choice)) else {
                    diagnostics.refuseNonFinite(in: choice)
                    continue
                }
                diagnostics.error(
                    PipelineErrorCode.wrongValue, choice, "the `enum` of the input \"\(name)\": \(problem)",
                    hint: kind == nil
                        ? "set the `type` of the input, or put it in quotes" : choice.typeHint(for: problem))
            }
            if isTyped, let value = input.defaultValue, let problem = input.problem(with: value) {
                if value.isNull {
                    diagnostics.error(
                        PipelineErrorCode.emptyValue, keys["default"], "the default of the input \"\(name)\" is null",
                        hint: "`required: false` allows null")
                } else {
                    diagnostics.error(
                        PipelineErrorCode.wrongValue, keys["default"],
                        "the default of the input \"\(name)\": \(problem)",
                        hint: keys["default"]?.typeHint(for: problem))
                }
            } else if !diagnostics.isStored, let node = keys["default"] {
                diagnostics.refuseNonFinite(in: node)
                diagnostics.warnOfTemplate(
                    in: node, "the default of an input", hint: "use the template where `inputs.\(name)` is used")
            }
            return input
        }
    }

    private mutating func readTriggers(_ node: YAMLNode) -> [TriggerDeclaration] {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error(
                PipelineErrorCode.wrongType, node, "`on`: expected a key for each trigger, found \(node.found)",
                hint: Self.triggerHint(node))
            return []
        }
        return pairs.flatMap { pair -> [TriggerDeclaration] in
            let kind = pair.key.keyText
            if kind == TriggerDefinition.manual {
                checkManual(pair.value)
                return []
            }
            guard case .sequence(let items) = pair.value.content else {
                if pair.value.isScalar, !pair.value.isNull, let key = registry.trigger(named: kind)?.shorthand {
                    let list = YAMLNode(content: .sequence([pair.value]), range: pair.value.range)
                    return [trigger(kind, key: kind, Self.mapping(key, list), pair.key)]
                }
                return [trigger(kind, key: kind, pair.value, pair.key)]
            }
            if let key = registry.trigger(named: kind)?.shorthand, items.allSatisfy({ $0.isScalar && !$0.isNull }) {
                return [trigger(kind, key: kind, Self.mapping(key, pair.value), pair.key)]
            }
            if items.isEmpty {
                diagnostics.error(
                    PipelineErrorCode.wrongValue, pair.value, "`\(kind)`: the list holds no trigger",
                    hint: "take `\(kind)` out, or write what starts a run")
            }
            return items.enumerated().map { trigger(kind, key: "\(kind)[\($0.offset)]", $0.element, pair.key) }
        }
    }

    /// Shows how triggers are written, with the names that were given as a text or a list.
    private static func triggerHint(_ node: YAMLNode) -> String {
        let value = Value(node)
        let names = (value.asList ?? [value]).compactMap(\.asString).filter { name in
            !name.isEmpty && name.utf8.allSatisfy { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
        }
        guard !names.isEmpty else { return "write `on: { schedule: { cron: \"0 9 * * *\" } }`" }
        let keys = names.map { $0 + ": { … }" }
        return "write `on: { \(keys.joined(separator: ", ")) }`"
    }

    /// `manual:` may stand there for the reader, and says nothing more: runs by hand are always possible.
    private mutating func checkManual(_ node: YAMLNode) {
        let hint = "write `manual:` alone: runs by hand are always possible; what they are given stands in `inputs:`"
        if case .mapping(let pairs) = node.content {
            guard let key = pairs.first?.key else { return }
            diagnostics.error(
                PipelineErrorCode.unknownKey, key, "`manual` has no key \"\(key.keyText)\"", hint: hint)
        } else if !node.isNull, Value(node) != true {
            diagnostics.error(
                PipelineErrorCode.wrongValue, node, "`manual`: expected no value, found \(node.found)", hint: hint)
        }
    }

    /// A mapping with one key, at the place of its value.
    private static func mapping(_ key: String, _ value: YAMLNode) -> YAMLNode {
        let name = YAMLNode(
            content: .scalar(YAMLScalar(text: key, style: .plain, value: .string(key))), range: value.range)
        return YAMLNode(content: .mapping([YAMLPair(key: name, value: value)]), range: value.range)
    }

    private mutating func trigger(_ kind: String, key: String, _ node: YAMLNode, _ keyNode: YAMLNode)
        -> TriggerDeclaration
    {
        var own = node
        var shared: [String: YAMLNode] = [:]
        if case .mapping(let pairs) = node.content {
            own = YAMLNode(
                content: .mapping(pairs.filter { !TriggerDeclaration.sharedKeys.contains($0.key.keyText) }),
                range: node.range, tag: node.tag, anchor: node.anchor)
            for pair in pairs where TriggerDeclaration.sharedKeys.contains(pair.key.keyText) {
                shared[pair.key.keyText] = pair.value
            }
        }
        var entry = own.isNull ? .object([]) : TemplateTree(own, environment: environment, into: &diagnostics)
        let id = takeID(of: &entry, node)
        var trigger = TriggerDeclaration(kind: kind, key: key, id: id, entry: entry, node: node, keyNode: keyNode)
        trigger.condition = shared["if"].flatMap { condition($0, "if") }
        trigger.debounce = shared["debounce"].flatMap { debounce($0) }
        return trigger
    }

    private mutating func debounce(_ node: YAMLNode) -> DebounceDeclaration? {
        guard let keys = MappingReader(node, "`debounce`", keys: DebounceDeclaration.keys, into: &diagnostics)
        else { return nil }
        guard let length = keys.field(Duration.self, "for", into: &diagnostics) else {
            if keys["for"] == nil, !keys.isMisspelled("for") {
                diagnostics.error(
                    PipelineErrorCode.missingKey, node.firstKeyOrSelf, "`debounce` needs the key \"for\"",
                    hint: "write `for: 10s`")
            }
            return nil
        }
        if length <= .zero, let place = keys["for"] {
            diagnostics.error(
                PipelineErrorCode.wrongValue, place, "`for`: expected a duration above 0, found \(place.found)")
        }
        let maximum = keys.field(Duration.self, "max", into: &diagnostics)
        if let maximum, maximum < length, let place = keys["max"] {
            diagnostics.error(
                PipelineErrorCode.wrongValue, place, "`max`: \(DurationText.format(maximum)) is shorter than `for`",
                hint: "it is the time after the first event at which the run begins at the latest")
        }
        return DebounceDeclaration(
            length: length, key: keys["key"].map { TemplateTree($0, environment: environment, into: &diagnostics) },
            maximum: maximum ?? length * DebounceDeclaration.defaultFactor, node: node)
    }

    /// Takes `id` out of an entry: any trigger can have one.
    private mutating func takeID(of entry: inout TemplateTree, _ node: YAMLNode) -> String? {
        guard let place = node["id"], case .object(let members) = entry else { return nil }
        entry = .object(members.filter { $0.key != "id" })
        guard let id = Value(place).asString, !id.isEmpty,
            members.first(where: { $0.key == "id" })?.value.literal != nil
        else {
            diagnostics.error(
                PipelineErrorCode.wrongValue, place, "`id`: expected a name for the trigger, found \(place.found)",
                hint: "write a text that does not change, such as \"inbox\"")
            return nil
        }
        return id
    }
}

extension TriggerDeclaration {
    /// The keys of an entry that are read apart from those of its trigger. Its id is taken out later.
    static let sharedKeys = TriggerDefinition.sharedKeys.filter { $0 != "id" }
}
