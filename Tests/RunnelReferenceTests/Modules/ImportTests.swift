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
    /// `CRunnelFiles` to WatchPlugin, `CRunnelDecoding` to RunnelSupport, `CRunnelPostgres` to PostgresClient and `CRunnelJQ` to TransformPlugin, as a package with a plugin would bring its own C
    /// target. `RunnelSupport`, where calls of the system live, may import any of them, and `SystemThread`. Nobody else
    /// may: what others need of a helper, RunnelSupport offers (to plugins through RunnelKit). `LibC` is the C library of the
    /// system, which everybody may import.
    private static let matrix: [String: Set<String>?] = [
        "RunnelValue": [],
        "RunnelSupport": ["RunnelValue", "SystemThread", "CRunnelFiles", "CRunnelSpawn", "CRunnelDecoding"],
        "RunnelKit": foundations,
        "YAML": foundations.union(["CLibYAML"]),
        "JSONSchema": foundations.union(["RunnelKit"]),
        "RunnelHTTP": foundations.union(["RunnelKit"]),
        "Templates": foundations.union(["RunnelKit"]),
        "Marketplace": foundations,
        "MarketplaceSimulator": foundations.union(["HTTPServing"]),
        "HTTPServing": foundations,
        "RunnelEngine": foundations.union(["RunnelKit", "YAML", "JSONSchema", "Templates"]),
        "PostgresClient": ["CRunnelPostgres"],
        "RunnelStore": engineAndBelow.union(["PostgresClient", "SystemThread"]),
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
            """
        #expect(Imports.all(in: text) == ["A", "B", "C", "D", "F", "G"])
    }
}

/// The modules that a Swift file imports.
private enum Imports {
    static func all(in text: String) -> Set<String> {
        var found: Set<String> = []
        let pattern =
            /^\s*(?:@\w+\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|let|var|typealias)\s+)?(\w+)/
        for line in text.split(separator: "\n") {
            if let match = line.firstMatch(of: pattern) { found.insert(String(match.output.1)) }
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
