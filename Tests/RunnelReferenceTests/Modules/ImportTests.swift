import RunnelKit
import Testing

/// Which of our modules may import which, checked against the `import` statements: a manifest can declare more than is
/// used. Everything that a shipped plugin imports is a product that a plugin of another package can import too.
@Suite("The modules") struct ImportTests {
    // MARK: The matrix

    /// What a plugin of another package can import, and so may the plugins that ship.
    private static let products: Set = [
        "RunnelValue", "RunnelKit", "RunnelHTTP", "JSONSchema", "Marketplace", "MarketplaceSimulator", "RunnelTesting",
    ]
    private static let foundations: Set = ["RunnelValue", "RunnelSupport"]
    private static let engineAndBelow: Set = [
        "RunnelValue", "RunnelSupport", "RunnelKit", "YAML", "JSONSchema", "Templates", "RunnelHTTP", "RunnelEngine",
    ]

    /// What each module may import of ours; nil: anything.
    ///
    /// Helpers in C belong to the module that they were written for: `CLibYAML` to YAML, `CRunnelSpawn` to RunnelProcess,
    /// `CRunnelFiles` to WatchPlugin, `CRunnelDecoding` to RunnelSupport, `CRunnelPostgres` to PostgresClient,
    /// `CRunnelSQLite` to RunnelStore and `CRunnelJQ` to TransformPlugin, as a package with a plugin would bring its own C
    /// target. `RunnelSupport`, where calls of the system live, may import any of them, and `SystemThread`. Nobody else
    /// may: what others need of a helper, RunnelSupport offers (to plugins through RunnelKit). `LibC` is the C library of the
    /// system, which everybody may import.
    private static let matrix: [String: Set<String>?] = [
        "RunnelValue": [],
        "RunnelSupport": ["RunnelValue", "SystemThread", "CRunnelFiles", "CRunnelSpawn", "CRunnelDecoding"],
        "RunnelKit": foundations,
        "YAML": foundations.union(["CLibYAML"]),
        "JSONSchema": foundations.union(["RunnelKit"]),
        "RunnelHTTP": foundations.union(["RunnelKit", "HTTPCalling"]),
        "Templates": foundations.union(["RunnelKit"]),
        "Marketplace": foundations.union(["HTTPCalling"]),
        "MarketplaceSimulator": foundations.union(["HTTPServing"]),
        "HTTPServing": foundations,
        "HTTPCalling": [],
        "RunnelEngine": foundations.union(["RunnelKit", "YAML", "JSONSchema", "Templates"]),
        "PostgresClient": ["CRunnelPostgres"],
        "RunnelStore": engineAndBelow.union(["PostgresClient", "SystemThread", "CRunnelSQLite"]),
        "Telemetry": engineAndBelow,
        "RunnelServer": engineAndBelow.union(["HTTPServing"]),
        // An MCP server is a child process or an HTTP server, and its tools are steps of a process plugin.
        "MCP": engineAndBelow.union(["RunnelProcess"]),
        "RunnelProcess": engineAndBelow.union(["CRunnelSpawn", "SystemThread"]),
        "PipelineTesting": engineAndBelow,
        "RunnelReference": engineAndBelow,
        "RunnelTesting": foundations.union(["RunnelKit", "JSONSchema"]),
        "SystemThread": [],
        "LibC": [],
        "RunnelCLI": nil,
        "runnel": ["RunnelCLI"],
        "TransformPlugin": products.union(["CRunnelJQ"]),
        "WatchPlugin": products.union(["CRunnelFiles"]),
    ]

    /// The one list of RunnelCLI that names the plugins that ship.
    private static let assembly = "Sources/RunnelCLI/StockPlugins.swift"

    /// What the matrix forbids and the code still does. Strike off what is mended; nothing may be added.
    private static let exceptions: Set = [
        "PipelineTesting -> MarketplaceSimulator",
        "TransformPlugin -> CRunnelSpawn", "TransformPlugin -> SystemThread", "WatchPlugin -> SystemThread",
    ]

    /// What plugins import and the manifest does not offer as a product yet. To be struck off likewise.
    private static let missingProducts: Set<String> = []

    /// Modules outside of plugins that treat all steps and triggers alike.
    private static let impartial = ["RunnelEngine", "RunnelServer", "PipelineTesting", "RunnelCLI"]

    /// Literals in these modules that are the name of a step or trigger that ships, by file, with the reason.
    private static let namesakes: [String: (names: Set<String>, reason: String)] = [
        "Sources/RunnelEngine/Execution/RunScope.swift": (["run"], "a value of templates"),
        "Sources/RunnelEngine/Model/PipelineDecoder.swift": (["file.read"], "an example in a message"),
        "Sources/RunnelEngine/Validation/ReferenceChecker.swift": (["run"], "a value of templates"),
        "Sources/PipelineTesting/Reading/SuiteReader+Answers.swift": (["chat"], "a key of test files"),
        "Sources/PipelineTesting/Reading/SuiteReader.swift": (["chat"], "a key of test files"),
        "Sources/PipelineTesting/Reading/TestFileSchema.swift": (["chat"], "a key of test files"),
        "Sources/PipelineTesting/Running/CaseRunner.swift": (["chat"], "a key of test files"),
        "Sources/PipelineTesting/Running/RecordedAnswers.swift": (["chat"], "a key of test files"),
        "Sources/PipelineTesting/Running/ExpectationCheck.swift": (["chat"], "the judge is a pipeline with this step"),
        "Sources/RunnelCLI/Commands/AskCommand.swift": (["chat"], "`runnel ask` runs a pipeline with this step"),
        "Sources/RunnelCLI/Commands/ScheduleCommand.swift": (["schedule"], "the name of a command"),
        "Sources/RunnelCLI/Commands/Runs/RunsWatchCommand.swift": (["watch"], "the name of a command"),
        "Sources/RunnelCLI/Scaffolding/ProjectTemplates.swift": (["schedule"], "the name of a template"),
    ]

    // MARK: The tests

    @Test("import what the matrix allows, and nothing else of ours")
    func arrows() throws {
        let manifest = try Manifest(Project.text("Package.swift"))
        let plugins = Set(manifest.plugins.values)
        #expect(plugins.count >= 9)
        var broken: Set<String> = []
        for file in try ["Sources", "plugins"].flatMap({ try Project.files(in: $0, suffix: ".swift") }) {
            let parts = file.split(separator: "/").map(String.init)
            let folder = parts.prefix(2).joined(separator: "/")
            // A test that is written in a plugin's folder would be none of a module.
            guard let module = parts[0] == "Sources" ? parts[1] : manifest.plugins[folder] else { continue }
            var allowed = plugins.contains(module) ? Self.products : []
            if let own = Self.matrix[module] {
                allowed = own ?? manifest.modules.subtracting(file == Self.assembly ? [] : plugins)
            } else if !plugins.contains(module) {
                Issue.record("the module \(module) is not in the matrix")
            }
            for imported in Imports.all(in: try Project.text(file))
            where imported != module && imported != "LibC" && manifest.modules.contains(imported)
                && !allowed.contains(imported)
            {
                broken.insert("\(module) -> \(imported)")
            }
        }
        #expect(broken.subtracting(Self.exceptions).sorted() == [], "the matrix has no such arrow")
        #expect(Self.exceptions.subtracting(broken).sorted() == [], "mended: strike it off the list of exceptions")
    }

    @Test("that plugins import are products, for plugins of other packages")
    func offered() throws {
        let manifest = try Manifest(Project.text("Package.swift"))
        var imported: Set<String> = []
        for file in try Project.files(in: "plugins", suffix: ".swift") {
            imported.formUnion(Imports.all(in: try Project.text(file)))
        }
        let missing = imported.intersection(Self.products).subtracting(manifest.products)
        #expect(missing.subtracting(Self.missingProducts).sorted() == [], "plugins need it, and it is no product")
        #expect(Self.missingProducts.subtracting(missing).sorted() == [], "mended: strike it off the list")
    }

    @Test("do not name the steps and triggers that ship where all are treated alike")
    func names() throws {
        let registry = try Project.registry()
        let stock = Set(registry.names + registry.triggerNames)
        #expect(stock.isSuperset(of: ["chat", "file.read", "schedule", "webhook"]))
        var found: [String: Set<String>] = [:]
        for module in Self.impartial {
            for file in try Project.files(in: "Sources/\(module)", suffix: ".swift") {
                let names = Literals.names(in: try Project.text(file)).intersection(stock)
                if !names.isEmpty { found[file] = names }
            }
        }
        for (file, names) in found.sorted(by: { $0.key < $1.key }) {
            let others = names.subtracting(Self.namesakes[file]?.names ?? []).sorted()
            #expect(others == [], "\(file) knows it by name: let the step or trigger say what is wanted of it")
        }
        for (file, known) in Self.namesakes.sorted(by: { $0.key < $1.key }) {
            #expect(known.names.subtracting(found[file] ?? []).sorted() == [], "mended: strike it off for \(file)")
        }
    }

    @Test("have literals that are found in code, and neither in comments nor within longer texts")
    func literals() {
        let text = #"""
            // "comment"
            let a = kind == "one.step" // "behind"
            /// "documentation"
            switch kind { case "two": "three" }
            let b = ["key": "value", "run": id, "of \"quoted\" words"]
            if type == "run" { return "run" }
            """#
        #expect(Literals.names(in: text) == ["one.step", "two", "three", "key", "value", "run"])
        #expect(Literals.names(in: #"["run": id, "runs": runs]"#) == ["runs"])
    }

    @Test("are found in every form of an import")
    func forms() {
        let text = """
            // import NotThis
            import A
            public import B
            @testable import C
            @_exported public import struct D.E
              internal import F
            let text = "import NotThis"
            @preconcurrency import G // why
            @_spi(Inner) import H
            @_spi(Inner) @testable internal import I
            """
        #expect(Imports.all(in: text) == ["A", "B", "C", "D", "F", "G", "H", "I"])
    }
}

/// The modules that a Swift file imports.
private enum Imports {
    static func all(in text: String) -> Set<String> {
        var found: Set<String> = []
        let pattern =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|let|var|typealias)\s+)?(\w+)/
        for line in text.split(separator: "\n") {
            if let match = line.firstMatch(of: pattern) { found.insert(String(match.output.1)) }
        }
        return found
    }
}

/// The string literals of a Swift file that could be the name of a step or trigger.
private enum Literals {
    /// A run is called `run` in JSON, so this name counts only where something is compared with it.
    static func names(in text: String) -> Set<String> {
        var found: Set<String> = []
        for line in text.split(separator: "\n") where !line.drop(while: \.isWhitespace).hasPrefix("//") {
            let code = line.firstRange(of: " // ").map { line[..<$0.lowerBound] } ?? line
            for match in code.matches(of: /(?:^|[^\\])"([a-z_]+(?:\.[a-z_]+)*)"/) where match.output.1 != "run" {
                found.insert(String(match.output.1))
            }
            if code.contains(/(?:case|==|!=) "run"/) { found.insert("run") }
        }
        return found
    }
}

/// What Package.swift declares.
private struct Manifest {
    /// Modules by their folder: `plugins/chat`.
    var plugins: [String: String] = [:]
    var modules: Set<String> = []
    var products: Set<String> = []

    init(_ text: String) throws {
        for match in text.matches(of: /\.library\(name: "(\w+)"/) { products.insert(String(match.output.1)) }
        let head = /\.(?:target|executableTarget|testTarget|systemLibrary)\(\s*name: "(\w+)"/
        let targets = text.matches(of: head)
        for (index, match) in targets.enumerated() {
            let end = index + 1 < targets.count ? targets[index + 1].range.lowerBound : text.endIndex
            let name = String(match.output.1)
            modules.insert(name)
            if let path = text[match.range.lowerBound..<end].firstMatch(of: /path: "(plugins\/[\w-]+)"/) {
                plugins[String(path.output.1)] = name
            }
        }
        try #require(modules.count > 30)
    }
}
