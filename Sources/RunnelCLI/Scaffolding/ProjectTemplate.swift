/// A template of `runnel init`.
struct ProjectTemplate: Sendable {
    let name: String
    /// A one-sentence summary.
    let summary: String
    let pipeline: PipelineTemplate
    /// What `runnel.yaml` says beside the Marketplace, in the place of commented examples.
    var configuration: String?
    /// The secrets that `configuration` declares, which the pipeline needs.
    var secrets: [String] = []
    /// Files to try it with.
    var samples: [(path: String, text: String)] = []
    /// Commands to try next, each with a description.
    let tries: [(command: String, meaning: String)]

    static let all = [hello, hook, folder, schedule, alert]
    static let standard = hello

    /// The templates for `--help`, one per line.
    static var list: String {
        "The templates:\n" + all.map { "  \($0.name.padded(to: 9)) \($0.summary)" }.joined(separator: "\n")
    }

    static func named(_ name: String) -> ProjectTemplate? { all.first { $0.name == name } }

    /// All files of the project beside the schemas, by path.
    var files: [(path: String, text: String)] {
        [
            (
                "runnel.yaml",
                EditorSchema.settings.editorLine() + Self.marketplace + (configuration ?? Self.exampleSecrets)
            ),
            (".gitignore", Self.ignored),
            ("pipelines/\(pipeline.name).yaml", pipeline.text),
            ("pipelines/\(pipeline.name).test.yaml", pipeline.testText),
        ] + pipeline.more + samples
    }

    private static let marketplace = """
        # Settings of this project; docs/reference/configuration.md of Runnel lists them all. Each can also be given as
        # an environment variable, which wins: marketplace.base_url is RUNNEL_MARKETPLACE_BASE_URL.
        marketplace:
          # Where your agent is, and who asks. Without them, try everything with --simulate.
          # base_url: https://your-domain
          # client_id: mp-service-001
          # client_secret: { env: MARKETPLACE_CLIENT_SECRET }
          # agent_id: agent-ai-bot


        """

    private static let exampleSecrets = """
        # What pipelines may read as {{ secrets.NAME }}:
        # secrets:
        #   team_hook: { env: TEAM_HOOK }

        """

    private static let ignored = """
        # The journal, and what pipelines write.
        .runnel/
        .env
        done/
        failed/
        out/

        """
}

/// A pipeline template with its test.
struct PipelineTemplate: Sendable {
    let name: String
    private let body: String
    private let test: String
    /// Other files that it needs.
    let more: [(path: String, text: String)]

    init(name: String, body: String, test: String, more: [(path: String, text: String)] = []) {
        self.name = name
        self.body = body
        self.test = test
        self.more = more
    }

    /// The pipeline, as it stands in the folder `pipelines`.
    var text: String { EditorSchema.pipeline.editorLine(from: "../") + body }
    /// Its test, beside it.
    var testText: String { EditorSchema.test.editorLine(from: "../") + test }
}
