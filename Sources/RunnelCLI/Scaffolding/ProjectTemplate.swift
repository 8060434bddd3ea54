import RunnelReference

/// A template of `runnel init`.
struct ProjectTemplate: Sendable {
    let name: String
    /// A one-sentence summary.
    let summary: String
    let pipeline: PipelineTemplate
    /// Commands to try next, each with a description.
    let tries: [(command: String, meaning: String)]

    static let all = [hello, hook, folder, schedule]
    static let standard = hello

    static func named(_ name: String) -> ProjectTemplate? { all.first { $0.name == name } }

    /// All files of the project, by path.
    func files(schema: String) -> [(path: String, text: String)] {
        [
            ("runnel.yaml", Self.configuration), (".gitignore", Self.ignored), ("runnel.schema.json", schema),
            ("pipelines/\(pipeline.name).yaml", pipeline.text(schema: "../runnel.schema.json")),
            ("pipelines/\(pipeline.name).test.yaml", pipeline.test),
        ] + pipeline.more
    }

    private static let configuration = """
        # Settings of this project; docs/reference/configuration.md of Runnel lists them all. Each can also be given as
        # an environment variable, which wins: marketplace.base_url is RUNNEL_MARKETPLACE_BASE_URL.
        marketplace:
          # Where your agent is, and who asks. Without them, try everything with --simulate.
          # base_url: https://your-domain
          # client_id: mp-service-001
          # client_secret: { env: MARKETPLACE_CLIENT_SECRET }
          # agent_id: agent-ai-bot

        # What pipelines may read as {{ secrets.NAME }}:
        # secrets:
        #   team_hook: { env: TEAM_HOOK }

        """

    private static let ignored = """
        # The journal, and what pipelines write.
        .runnel/
        out/
        failed/

        """
}

/// A pipeline template with its test.
struct PipelineTemplate: Sendable {
    let name: String
    private let body: String
    let test: String
    /// Other files that it needs.
    let more: [(path: String, text: String)]

    init(name: String, body: String, test: String, more: [(path: String, text: String)] = []) {
        self.name = name
        self.body = body
        self.test = test
        self.more = more
    }

    /// - Parameter schema: The schema's path relative to the pipeline, for editors.
    func text(schema: String) -> String {
        PipelineSchema.editorLine(path: schema) + "\n" + body
    }
}
