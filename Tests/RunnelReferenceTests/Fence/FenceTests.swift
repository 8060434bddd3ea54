import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing
import YAML

/// What users, editors and programs rely on. A change here breaks somebody, unless it only adds.
@Suite("What must not change") struct FenceTests {
    private static let folder = "\(Project.folder)/Tests/RunnelReferenceTests/Resources/Fence"
    private static let advice: Comment = """
        Others rely on this. Where it only adds, or the change is meant, run the test with RUNNEL_WRITE_SNAPSHOTS=1 and \
        review the difference
        """

    private func check(_ lines: [String], _ name: String) throws {
        #expect(lines.count > 30)
        #expect(try Snapshot.changes(lines, since: "\(Self.folder)/\(name).txt") == [], Self.advice)
    }

    @Test("the keys of steps, their types and defaults")
    func steps() throws {
        let registry = try Project.registry()
        try check(
            registry.names.flatMap { name -> [String] in
                guard let step = registry[name] else { return [] }
                let traits: Value = [
                    "is_repeatable": .bool(step.isRepeatable), "input_keys": .list(step.inputKeys.map { .string($0) }),
                ]
                return Snapshot.lines(of: step.schema, under: name)
                    + Snapshot.lines(of: traits, under: "\(name)/runnel")
            }, "steps")
    }

    @Test("the keys of triggers, their types and defaults, and what they tell templates")
    func triggers() throws {
        let registry = try Project.registry()
        try check(
            registry.triggerNames.flatMap { name -> [String] in
                guard let trigger = registry.trigger(named: name) else { return [] }
                return Snapshot.lines(of: trigger.schema, under: name)
                    + trigger.documentation.payload.map { "\(name)/trigger/\($0.name)" }.sorted()
            }, "triggers")
    }

    @Test("the settings of runnel.yaml, their types and defaults")
    func settings() throws {
        try check(Snapshot.lines(of: Settings.schema, under: "runnel.yaml"), "settings")
    }

    @Test("the names, keys and codes that the reference lists")
    func names() throws {
        let pages = try Project.files(in: "docs/reference", suffix: ".md").sorted()
        try check(
            pages.flatMap { page -> [String] in
                let name = page.split(separator: "/").last.map(String.init) ?? page
                // The parts of the list of errors have titles in words.
                let hasSections = name != "errors.md"
                var section = ""
                var found: Set<String> = []
                for line in try Project.text(page).split(separator: "\n") {
                    if hasSections, line.hasPrefix("#") { section = "\(line.drop { $0 == "#" || $0 == " " })/" }
                    guard line.hasPrefix("| `"), let cell = line.split(separator: "`").dropFirst().first else {
                        continue
                    }
                    found.insert("\(name)/\(section)\(cell)")
                }
                return found.sorted()
            }, "names")
    }

    @Test("the names of environment variables")
    func variables() throws {
        var names: Set<String> = []
        let suffixes = [".swift", ".c", ".h", ".md"]
        for file in try ["Sources", "plugins", "docs"].flatMap({ try Project.files(in: $0, suffix: "") })
        where suffixes.contains(where: file.hasSuffix) {
            let text = try Project.text(file)
            // In code a name stands in quotes, since constants of C look alike.
            for match in text.matches(of: /["`'{ ](RUNNEL_[A-Z0-9_]*[A-Z0-9])(=|["`'} ,.;:\\$])/)
            where file.hasSuffix(".md") || match.output.0.hasPrefix("\"") {
                names.insert(String(match.output.1))
            }
        }
        try check(names.sorted(), "variables")
    }

    @Test("the codes and places of what is said of broken pipelines")
    func diagnostics() throws {
        let broken = BrokenPipelines.all.map(\.yaml) + BrokenReferences.all
        try check(
            broken.flatMap { yaml -> [String] in
                let title = Value.string(yaml).json()
                let found = try Project.load(yaml).1
                #expect(!found.isEmpty, "\(title)")
                return found.map { diagnostic in
                    let place = diagnostic.range.map {
                        "\($0.start.line):\($0.start.column)-\($0.end.line):\($0.end.column)"
                    }
                    return "\(title) \(diagnostic.severity) \(diagnostic.code) \(place ?? "")"
                }
            }, "diagnostics")
    }
}
