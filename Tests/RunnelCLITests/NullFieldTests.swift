import Foundation
import JSONSchema
import Logging
import RunnelCLI
import RunnelEngine
import RunnelKit
import RunnelProcess
import Testing
import YAML

/// Goes over every field that is declared anywhere, so that a new one is covered by itself.
@Suite("A key that is written is given, also when its value is null") struct NullFieldTests {
    private static let fields = Result { try FieldPlace.all(of: registry()) }

    @Test("only keys that take any value admit null")
    func admitting() throws {
        let admitting = try Self.fields.get().filter(\.admitsNull).map(\.description)
        #expect(
            admitting == [
                "file.write.content", "http.fetch.json", "transform.from", "webhook.send.json",
            ])
    }

    @Test("a null that is written out is found by validate, at its place")
    func validated() throws {
        let fields = try Self.fields.get()
        #expect(fields.count > 120)
        let loader = try PipelineLoader(registry: Self.registry())
        for field in fields {
            let text = field.pipeline(null: .null).json()
            let diagnostics = loader.load(Array(text.utf8), file: "p.yaml").report.diagnostics
            let found = diagnostics.filter { $0.code == "empty-value" }
            guard !field.admitsNull else {
                #expect(diagnostics.map(\.message) == [], "\(field)")
                continue
            }
            let before = try #require(text.firstRange(of: ":null") ?? text.firstRange(of: "[null"))
            let column = text[..<before.lowerBound].unicodeScalars.count + 2
            #expect(found.map(\.range?.start.column) == [column], "\(field): \(diagnostics.map(\.message))")
            #expect(found.first?.message.hasPrefix("`\(field.shownPath)`: ") == true, "\(field)")
            #expect(found.first?.message.contains("null") == true, "\(field)")
            #expect(found.first?.hint == "remove it, or give it a value", "\(field)")
        }
    }

    @Test("an expression that comes out null fails the step before it does anything, and is named")
    func evaluated() async throws {
        // A script takes no templates at all, nor does the mapping of its variables.
        for field in try Self.fields.get()
        where field.kind == .step && !field.admitsNull && !["shell.run", "shell.env"].contains(field.description) {
            let failure = try await Self.failure(field)
            let error = try #require(failure, "\(field) takes the null")
            #expect(error.code == "empty-value", "\(field): \(error.message)")
            let end = ", found null, the value of `steps.none`"
            #expect(error.message.hasPrefix("`\(field.shownPath)`: expected "), "\(field): \(error.message)")
            #expect(error.message.hasSuffix(end), "\(field): \(error.message)")
            #expect(error.hint == #"add `| default("…")` if it may be missing"#, "\(field)")
            let text = field.pipeline(null: "{{ steps.none }}").json()
            let place = try #require(text.firstRange(of: "steps.none"))
            #expect(
                error.range?.start.column == text[..<place.lowerBound].unicodeScalars.count + 1, "\(field)")
        }
    }

    @Test("a trigger with a null does not begin")
    func triggers() throws {
        let registry = try Self.registry()
        for field in try Self.fields.get() where field.kind == .trigger {
            let error = try #require(registry.trigger(named: field.owner)?.check(field.settings(.null)), "\(field)")
            #expect(error.code == "empty-value", "\(field): \(error.message)")
            #expect(error.place == field.shownPath)
        }
    }

    @Test("runnel.yaml and plugin.yaml take no null, but for empty sections and settings of plugins")
    func files() throws {
        let sections = StockPlugins.all.settingsSections
        let schema = SettingsShape(sections).schema
        for place in FieldPlace.places(in: schema, owner: "runnel.yaml") where place.path.count > 1 {
            let text = Value.object(place.settings(.null)).json()
            let outcome = SettingsLoader.load(
                Array(text.utf8), file: "runnel.yaml", environment: [:], sections: sections)
            #expect((outcome.settings == nil) == !place.admitsNull, "\(place)")
            guard !place.admitsNull else { continue }
            #expect(outcome.report.diagnostics.map(\.code).contains("empty-value"), "\(place)")
        }
        for place in FieldPlace.places(in: PluginManifest.schema, owner: "plugin.yaml") where !place.admitsNull {
            let (value, report) = FieldFile.load(
                PluginManifest.self, Value.object(place.settings(.null)).jsonBytes(), file: "plugin.yaml",
                subject: "plugin.yaml", advice: ""
            ) { value throws(FieldError) in try PluginManifest(manifest: value) }
            #expect(value == nil, "\(place)")
            #expect(report.diagnostics.map(\.code).contains("empty-value"), "\(place)")
        }
    }

    // MARK: -

    /// Everything that ships, also the plugins that are programs.
    private static func registry() throws -> StepRegistry {
        var registry = try StepRegistry(StockPlugins.all)
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../plugins")
        for name in ["disk", "feed"] {
            let file = folder.appending(path: "\(name)/plugin.yaml")
            let (manifest, _) = FieldFile.load(
                PluginManifest.self, Array(try Data(contentsOf: file)), file: file.path, subject: "plugin.yaml",
                advice: ""
            ) { value throws(FieldError) in try PluginManifest(manifest: value) }
            let host = ProcessHost(variables: [:], project: folder.path)
            try registry.add(
                ExecPlugin(try #require(manifest), folder: folder.appending(path: name).path, host: host))
        }
        return registry
    }

    /// How the step ends in a run in which the field's expression is null. It has no services, and so cannot do more
    /// than read its settings.
    private static func failure(_ field: FieldPlace) async throws -> RunError? {
        let loader = try PipelineLoader(registry: registry())
        let (pipeline, report) = loader.load(
            Array(field.pipeline(null: "{{ steps.none }}").json().utf8), file: "p.yaml")
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(), redactor: Redactor(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { 0 })
        let ready = try #require(pipeline, "\(field): \(report.diagnostics.map(\.message))")
        let result = await runner.run(ready, RunRequest(id: "run-1", input: "the input")) { _ in }
        guard case .failed(let error) = result.outcome else { return nil }
        return error
    }
}

/// A place for a value in the settings of a step, a trigger or a file: a key, an item of a list, a member of a map.
private struct FieldPlace: Sendable, CustomStringConvertible {
    enum Kind: Sendable { case step, trigger, file }

    var kind = Kind.file
    let owner: String
    var path: [FieldError.PathElement] = []
    let schema: Value
    /// What makes the settings of the value at the place.
    let make: @Sendable (Value) -> Value

    var shownPath: String { FieldError("", path: path).place }
    var description: String { "\(owner).\(shownPath)" }
    var admitsNull: Bool { (try? JSONSchema(schema))?.validate(.null).isEmpty ?? false }

    /// Settings that are right but for the value at the place.
    func settings(_ value: Value) -> ValueObject { make(value).asObject ?? [:] }

    func pipeline(null: Value) -> Value {
        let none: Value = ["id": "none", "if": "false", "uses": "template", "with": ["text": "x"]]
        switch kind {
        case .trigger:
            return [
                "on": [owner: .object(settings(null))], "steps": [["uses": "template", "with": ["text": "x"]]],
            ]
        default:
            return ["steps": [none, ["id": "probe", "uses": .string(owner), "with": .object(settings(null))]]]
        }
    }

    static func all(of registry: StepRegistry) -> [FieldPlace] {
        registry.names.flatMap { name -> [FieldPlace] in
            guard let step = registry[name] else { return [] }
            return places(in: step.schema, owner: name, kind: .step, rules: step.rules)
        }
            + registry.triggerNames.flatMap { name -> [FieldPlace] in
                guard let trigger = registry.trigger(named: name) else { return [] }
                return places(in: trigger.schema, owner: name, kind: .trigger, rules: trigger.rules)
            }
    }

    static func places(
        in schema: Value, owner: String, kind: Kind = .file, rules: [FieldRule] = []
    ) -> [FieldPlace] {
        let root = FieldPlace(kind: kind, owner: owner, schema: schema) { $0 }
        return root.inner(rules: rules)
    }

    /// The places inside of this one.
    private func inner(rules: [FieldRule] = []) -> [FieldPlace] {
        var found: [FieldPlace] = []
        let properties = schema["properties"]?.asObject ?? [:]
        for (key, member) in properties {
            let beside = companions(of: key, rules)
            found.append(
                at(.key(key), member) { value in
                    var object = beside
                    object[key] = value
                    return .object(object)
                })
        }
        if let member = schema["additionalProperties"], member.asObject != nil {
            found.append(at(.key("x"), member) { ["x": $0] })
        }
        if let item = schema["items"], item.asObject != nil { found.append(at(.index(0), item) { [$0] }) }
        let deeper = found.flatMap { $0.inner() }
        let alternatives = (schema["anyOf"]?.asList ?? []).flatMap {
            FieldPlace(kind: kind, owner: owner, path: path, schema: $0, make: make).inner()
        }
        return found + deeper + alternatives
    }

    private func at(
        _ element: FieldError.PathElement, _ schema: Value, _ wrap: @escaping @Sendable (Value) -> Value
    ) -> FieldPlace {
        FieldPlace(kind: kind, owner: owner, path: path + [element], schema: schema) { make(wrap($0)) }
    }

    /// The other keys that have to be there for the sake of the rules.
    private func companions(of key: String, _ rules: [FieldRule]) -> ValueObject {
        var keys = (schema["required"]?.asList ?? []).compactMap(\.asString)
        for case .requires(key, let others) in rules { keys += others }
        for case .exactlyOne(let choices) in rules where !choices.contains(where: { ($0 == key) || keys.contains($0) })
        {
            keys += choices.prefix(1)
        }
        var object = ValueObject()
        for other in keys where other != key { object[other] = sample(schema["properties"]?[other] ?? true, other) }
        return object
    }

    /// A value that fits.
    private func sample(_ schema: Value, _ key: String) -> Value {
        if let value: Value = ["jq": ".", "every": "1m"][key] { return value }
        if let value = schema["examples"]?[0] ?? schema["enum"]?[0] ?? schema["const"] ?? schema["default"] {
            return value
        }
        if let alternative = schema["anyOf"]?[0] { return sample(alternative, key) }
        switch schema["type"] {
        case "integer": return schema["minimum"] ?? 1
        case "boolean": return true
        case "array": return []
        case "object":
            let required = (schema["required"]?.asList ?? []).compactMap(\.asString)
            return .object(
                ValueObject(required.map { ($0, sample(schema["properties"]?[$0] ?? true, $0)) }))
        default: return "x"
        }
    }
}
