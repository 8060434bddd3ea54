public import RunnelEngine
internal import RunnelKit
internal import Templates
public import YAML

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The tests of one file `<anything>.test.yaml`, with the pipeline they are for.
///
///     pipeline: triage.yaml           # beside the test file; triage.test.yaml need not say it
///     now: 2026-01-02T03:04:05Z       # now, files, secrets and env hold for all tests, and each can add to them
///     tests:
///       - name: a bug is labelled
///         trigger: { type: webhook, body: { text: It crashes. } }     # or `input: …`, or `input_file: ticket.txt`
///         inputs: { tone: friendly }
///         files: { inbox/a.txt: "text", data.json: { a: 1 } }         # laid into the copy of the project
///         secrets: { team_hook: "https://hooks.example/x" }           # stand-ins; real ones are never read
///         env: { REGION: eu }
///         chat: [ a text, { json: { label: bug } }, { error: { status: 503, retry_after: 30s } },
///                 { text: half of, fault: cut-off }, { text: the same, repeat: true } ]   # or by step: { label: … }
///         http: [ { url: "https://api.example/x", method: GET, status: 200, headers: {}, json: [] },
///                 { url: { contains: api.example }, error: connection-refused, repeat: true } ]
///         steps: { weather: { output: { degrees: 21 } } }             # a step that is not carried out
///         expect:
///           output: { label: bug }
///           outputs: { answer.json.label: bug }
///           skipped: [notify]
///           prompts: [ { prompt: { contains: It crashes. }, system: { contains: friendly } } ]
///           files: { out/a.json: { json: { label: bug } }, failed/a.txt: { absent: true } }
///           sent: [ { url: "https://hooks.example/x", method: POST, json: { label: bug }, headers: {} } ]
///       - name: a page that is gone fails the run
///         expect: { status: failed, error: { code: http-status, step: page, message: { contains: "404" } } }
///
/// A value is meant as it stands, unless it is `{ equals: … }`, `{ contains: text or list }`, `{ matches: regex }` or
/// `{ json: what it holds at least }`; these can stand inside of `json` too. Answers are given in the order of the calls;
/// a call without an answer fails the test, and so does an answer without a call. The run's id is
/// `00000000-0000-7000-8000-000000000000`.
public struct PipelineTestSuite: Sendable {
    /// The test file, as it was named.
    public let file: String
    /// Everything that is to be said about the test file and its pipeline, by place. With errors there are no tests.
    public private(set) var diagnostics: [Diagnostic]
    /// The files that ``diagnostics`` speak of, for a `DiagnosticPrinter`.
    public private(set) var sources: [YAMLSource]
    /// The names of the tests, in the order of the file.
    public var names: [String] { cases.map(\.name) }

    let project: TestProject
    /// The pipeline, with what its templates can use.
    private(set) var subject: (pipeline: Pipeline, environment: TemplateEnvironment)?
    private(set) var cases: [PipelineTestCase] = []

    /// Reads a test file and its pipeline. What is wrong with them is in ``diagnostics``.
    ///
    /// - Parameters:
    ///   - file: A path as it shall be shown; relative to the current folder, or absolute.
    ///   - project: The project that the file belongs to.
    /// - Throws: A `RegistryError` for clashing filters, or a step whose schema is not a JSON schema.
    public static func load(_ file: String, project: TestProject) throws -> PipelineTestSuite {
        let loader = try PipelineLoader(
            registry: project.registry, names: project.names,
            project: ProjectDirectory(
                path: project.directory, protected: project.files, followedLinks: project.followedLinks),
            distrust: project.distrust)
        var suite = PipelineTestSuite(file: file, project: project)
        suite.read(loader)
        return suite
    }

    /// Whether there is nothing to run.
    public var isEmpty: Bool { cases.isEmpty }

    /// The same suite with those tests only for whose names `isIncluded` is true.
    public func filter(_ isIncluded: (String) -> Bool) -> PipelineTestSuite {
        var copy = self
        copy.cases = cases.filter { isIncluded($0.name) }
        return copy
    }

    private init(file: String, project: TestProject) {
        self.file = file
        self.project = project
        diagnostics = []
        sources = []
    }

    private mutating func read(_ loader: PipelineLoader) {
        guard let bytes = contents(file, place: nil) else { return }
        let document: YAMLDocument
        do {
            document = try YAMLParser.parse(bytes, name: file)
        } catch {
            let source = YAMLSource(name: file, text: String(decoding: bytes, as: UTF8.self))
            sources = [source]
            diagnostics = [Diagnostic(error, in: source)]
            return
        }
        sources = [document.source]
        guard let root = document.root, !root.isNull else {
            diagnostics = [
                Diagnostic(
                    TestErrorCode.emptyFile, file: file, range: nil, "the file is empty; it has at least `tests:`")
            ]
            return
        }
        var found = DiagnosticList(source: document.source)
        let keys = MappingReader(root, "a test file", keys: SuiteReader.keys, into: &found)
        let name = keys.flatMap { pipelineFile($0, &found) }
        diagnostics = found.items
        guard let keys, let name, let pipeline = loadPipeline(name, keys["pipeline"], loader) else { return }
        var reader = SuiteReader(
            pipeline: pipeline, registry: loader.registry, names: project.names,
            diagnostics: DiagnosticList(source: document.source))
        let tests = reader.tests(keys)
        if !reader.diagnostics.items.hasErrors { reader.diagnostics.refuseNonFinite(in: root) }
        diagnostics = (diagnostics + reader.diagnostics.items).sortedByPlace()
        subject = (pipeline, loader.environment)
        cases = diagnostics.hasErrors ? [] : tests
    }

    /// The pipeline that is named; else the one with the same name beside the test file.
    private func pipelineFile(_ keys: MappingReader, _ diagnostics: inout DiagnosticList) -> String? {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let name: String
        if let node = keys["pipeline"] {
            guard let text = diagnostics.text(node, "pipeline") else { return nil }
            name = text
        } else {
            let own = file.split(separator: "/").last.map(String.init) ?? file
            name = own.replacing(".test.", with: ".")
        }
        return name.hasPrefix("/") ? name : (folder + [name[...]]).joined(separator: "/")
    }

    private mutating func loadPipeline(_ name: String, _ node: YAMLNode?, _ loader: PipelineLoader) -> Pipeline? {
        guard let bytes = contents(name, place: node?.range) else { return nil }
        let (pipeline, report) = loader.load(bytes, file: name)
        sources.append(report.source)
        diagnostics += report.diagnostics
        return pipeline
    }

    private mutating func contents(_ path: String, place: YAMLRange?) -> [UInt8]? {
        var isDirectory = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        if isThere, !isDirectory,
            let bytes = BoundedFile.contents(of: path, limit: YAMLLimits.default.maxBytes)
        {
            return bytes
        }
        let problem = !isThere ? "there is no file \"\(path)\"" : "the file \"\(path)\" cannot be read"
        diagnostics.append(
            Diagnostic(
                TestErrorCode.fileNotFound, file: file, range: place, problem,
                hint: path == file ? nil : "name the pipeline with `pipeline:`, relative to the test file's folder"))
        return nil
    }
}

/// One entry of `tests:`.
struct PipelineTestCase: Sendable {
    var name: String
    var node: YAMLNode
    /// The whole test.
    var mapping: YAMLNode
    var setting: TestSetting
    var start: TestStart
    var chat: CannedChats
    var http: [CannedHTTP]
    var steps: [String: StandInStep]
    var expect: Expectations
}

/// The world in which a test runs. What stands at the top of a file holds for all its tests.
struct TestSetting: Sendable {
    /// Nanoseconds since 1970.
    var now: Int64 = 1_767_225_600_000_000_000
    /// By their path in the project.
    var files: [String: [UInt8]] = [:]
    var secrets: [String: String] = [:]
    var env: [String: String] = [:]
}

/// What starts the run.
struct TestStart: Sendable {
    /// Of all the pipeline's inputs.
    var inputs: ValueObject = [:]
    /// `trigger` in templates, as far as the test says it.
    var trigger: ValueObject = ["type": "manual"]
    /// The first step's input; nil: what the trigger would bring.
    var input: Value?
    /// A file of the project that is given as with `--input-file`.
    var inputFile: String?
    var inputFileNode: YAMLNode?
    /// The names of what the trigger brings.
    var payload: [String] = []
}
