import RunnelKit
import Testing

private struct Sample: Plugin {
    let name: String
    var steps: [StepDefinition] = []
    var filters: [TemplateFilter] = []
    var triggers: [TriggerDefinition] = []
}

private func step(_ name: String) -> StepDefinition {
    StepDefinition(name: name, summary: "", documentation: StepDocumentation(output: ""), schema: [:]) { _, _ in .null }
}

private func filter(_ name: String) -> TemplateFilter {
    TemplateFilter(name: name, summary: "", usage: name) { value, _ in value }
}

@Suite("The registry of steps") struct RegistryTests {
    @Test("steps are found by name with their plugin, and filters come in the order of the plugins")
    func lookup() throws {
        let registry = try StepRegistry([
            Sample(name: "two", steps: [step("b"), step("a")], filters: [filter("z")]),
            Sample(name: "one", steps: [step("c")], filters: [filter("y")]),
        ])
        #expect(registry.names == ["a", "b", "c"])
        #expect(registry["a"]?.name == "a")
        #expect(registry["d"] == nil)
        #expect(registry.plugin(of: "c") == "one")
        #expect(registry.plugin(of: "d") == nil)
        #expect(registry.filters.map(\.name) == ["z", "y"])
    }

    @Test("what two plugins both bring is an error that names both")
    func clashes() {
        expect(
            [Sample(name: "one", steps: [step("a.b")]), Sample(name: "two", steps: [step("a.b")])],
            #"the step "a.b" is registered by the plugins "one" and "two"; rename it in one place or remove one"#)
        expect(
            [Sample(name: "one", filters: [filter("f")]), Sample(name: "two", filters: [filter("f")])],
            #"the filter "f" is registered by the plugins "one" and "two"; rename it in one place or remove one"#)
        expect(
            [Sample(name: "one", steps: [step("a"), step("a")])],
            #"the step "a" is registered by the plugin "one" twice; rename it in one place or remove one"#)
        expect(
            [Sample(name: "one", filters: [filter("f"), filter("f")])],
            #"the filter "f" is registered by the plugin "one" twice; rename it in one place or remove one"#)
        expect(
            [Sample(name: "one"), Sample(name: "one")],
            #"two plugins are named "one"; rename or remove one of them"#)
    }

    @Test("no trigger has the name of runs that are started by hand")
    func manual() {
        let trigger = TriggerDefinition(
            name: "manual", summary: "", documentation: TriggerDocumentation(payload: []), schema: [:]
        ) { _, _ in }
        expect(
            [Sample(name: "one", triggers: [trigger])],
            #"the trigger "manual" of the plugin "one" has the name of runs that are started by hand; rename it"#)
    }

    @Test("a plugin that clashes leaves nothing behind")
    func atomic() throws {
        var registry = try StepRegistry([Sample(name: "one", steps: [step("a")])])
        #expect(throws: RegistryError.self) {
            try registry.add(Sample(name: "two", steps: [step("b"), step("a")], filters: [filter("f")]))
        }
        #expect(registry.names == ["a"])
        try registry.add(Sample(name: "two", steps: [step("b")], filters: [filter("f")]))
        #expect(registry.names == ["a", "b"])
        #expect(registry.filters.map(\.name) == ["f"])
    }

    private func expect(_ plugins: [any Plugin], _ words: String) {
        let error = #expect(throws: RegistryError.self) { try StepRegistry(plugins) }
        #expect(error?.message == words)
        #expect(error?.description == words)
    }
}
