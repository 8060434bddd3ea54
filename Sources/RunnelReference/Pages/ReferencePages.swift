import RunnelEngine
public import RunnelKit

/// The reference in Markdown, generated from declarations in code.
public enum ReferencePages {
    /// The files of `docs/reference` by name, such as `steps.md`, but for those of ``ofProgram(commands:api:)``.
    /// - Parameter codes: The error codes of modules around the engine.
    /// - Throws: If two plugins have a filter of the same name.
    public static func all(
        _ registry: StepRegistry, codes: [any ErrorCode.Type] = []
    ) throws(RegistryError) -> [String: String] {
        [
            "README.md": IndexReference.text,
            "steps.md": StepsReference.text(registry),
            "triggers.md": TriggersReference.text(registry),
            "filters.md": try FiltersReference.text(registry),
            "configuration.md": ConfigurationReference.text(registry),
            "pipeline.md": PipelineReference.text(registry),
            "errors.md": ErrorsReference.text(ErrorCatalog(registry.plugins, others: codes).entries),
            "events.md": EventsReference.text,
            "pipeline.schema.json": PipelineSchema.pipeline(registry).json(pretty: true) + "\n",
            "runnel.schema.json": PipelineSchema.settings(registry).json(pretty: true) + "\n",
        ]
    }

    /// The files about the program itself: `cli.md` and `rest.md`.
    /// - Parameters:
    ///   - commands: The output of `runnel --experimental-dump-help`.
    ///   - api: The OpenAPI description of the server.
    public static func ofProgram(commands: Value, api: Value) throws(ManualPageError) -> [String: String] {
        [
            "cli.md": CommandReference.text(try CommandDescription(dump: commands)),
            "rest.md": APIReference.text(api),
        ]
    }
}

/// `README.md`: the table of contents.
enum IndexReference {
    static let text = """
        # Reference

        Made from declarations in code: those of steps, triggers, filters and settings, the commands, the OpenAPI
        description and the run events.

        - [Pipeline files](pipeline.md): their keys, and the names that templates know
        - [Steps](steps.md): what `uses:` can name
        - [Triggers](triggers.md): what `on:` can name
        - [Filters](filters.md): what can stand behind a `|` in a template
        - [Configuration](configuration.md): `runnel.yaml` and its environment variables
        - [Command line](cli.md): every command with its options
        - [REST API](rest.md): what the server answers
        - [Run events](events.md): what `--json` writes while a run goes on, and what the server streams
        - [Error codes](errors.md): what is said, and what to do
        - For editors: [pipeline.schema.json](pipeline.schema.json), [runnel.schema.json](runnel.schema.json)

        """
}

/// `pipeline.md`: the keys of a pipeline file.
enum PipelineReference {
    static func text(_ registry: StepRegistry) -> String {
        """
        # Pipeline files

        A pipeline is a YAML file. Keys are checked before anything runs: `runnel validate FILE` prints everything that
        is wrong. The JSON Schema [pipeline.schema.json](pipeline.schema.json) lets an editor complete and check while
        you write; `runnel schema` prints it with the steps of your own plugins in it. A file names it in a comment:

        ```yaml
        # yaml-language-server: $schema=pipeline.schema.json
        name: greet
        inputs:
          names: { type: list, default: [Ada, Grace] }
        steps:
          - id: greetings
            for_each: "{{ inputs.names }}"
            uses: template
            with: { text: "Hello, {{ item }}!" }
          - uses: log
            if: inputs.names | length > 1
            with: { message: '{{ steps.greetings | join(" ") }}' }
        output: "{{ steps.greetings }}"
        ```

        \(table(PipelineKeys.pipeline))
        ## Steps

        An entry of `steps`, `on_failure` or `finally`. What `uses` can name, and `with` for each, is in
        [steps.md](steps.md).

        \(table(PipelineKeys.step(registry)))
        ### retry

        \(KeyTable.text(RetryDeclaration.schema))
        ## Inputs

        \(table(PipelineKeys.input))
        ## Concurrency

        \(KeyTable.text(ConcurrencyDeclaration.schema))
        ## Triggers

        The keys of `on` are in [triggers.md](triggers.md).

        ## Templates

        An expression between `{{` and `}}` can stand in any string under `with`, `for_each` and `output`; `if` takes an
        expression with or without the braces. The language is described in [templates.md](../templates.md), its filters
        in [filters.md](filters.md). Templates know:

        \(Markdown.table(["name", "meaning"], TemplateNames.all.map { [Markdown.code($0.name), $0.help] }))
        """
    }

    static func table(_ keys: [DeclaredKey]) -> String {
        Markdown.table(
            ["key", "value", "default", "meaning"],
            keys.map { [Markdown.code($0.name), $0.kind, $0.isRequired ? "required" : $0.absent, $0.help] })
    }
}

/// `configuration.md`: the settings of `runnel.yaml` and their environment variables.
enum ConfigurationReference {
    static func text(_ registry: StepRegistry) -> String {
        let all = SettingList.all(registry.plugins)
        let groups = all.filter(\.isGroup)
        let single = all.filter { $0.path.count == 1 && !$0.isGroup }
        var text = """
            # Configuration

            What `runnel.yaml` can say. The file stands in the folder of the pipelines or above it; its folder is the
            project's. Everything in it may be left out. An environment variable wins over the file; a list is written
            with commas there. An unknown key is an error.

            \(table(single))
            A *secret* is `{ env: NAME }`, `{ file: path }`, relative to the folder of `runnel.yaml`, or
            `{ command: […] }`, whose output it is; written out it is accepted with a warning. A *duration* is written as `500ms`, `2s`, `1h30m` or `30d`.

            """
        for group in groups {
            let members = all.filter { !$0.isGroup && $0.path.dropLast() == group.path[...] }
            let help = group.schema["description"]?.asString ?? ""
            text += "\n## \(group.name)\n\n\(help)\n\n" + (members.isEmpty ? "" : table(members))
        }
        return text
    }

    private static func table(_ settings: [Setting]) -> String {
        Markdown.table(
            ["key", "value", "default", "environment variable", "meaning"],
            settings.map { setting in
                let absent = setting.schema["default"].map { Markdown.code(TypeWords.written($0)) } ?? ""
                return [
                    Markdown.code(setting.path.last ?? ""), TypeWords.text(setting.schema), absent,
                    setting.variable.map(Markdown.code) ?? "", setting.schema["description"]?.asString ?? "",
                ]
            })
    }
}

/// `errors.md`: all error codes by part.
enum ErrorsReference {
    static func text(_ entries: [ErrorEntry]) -> String {
        var parts: [String] = []
        for entry in entries where !parts.contains(entry.part) { parts.append(entry.part) }
        let list = parts.map { "- [\($0)](#\(Markdown.anchor($0)))\n" }.joined()
        let sections = parts.map { part in
            "\n## \(part)\n\n"
                + Markdown.table(
                    ["code", "message", "hint"],
                    entries.filter { $0.part == part }.map { entry in
                        [Markdown.code(entry.code), cell(entry.explanation.messages), cell(entry.explanation.hints)]
                    })
        }
        return """
            # Error codes

            Every error has a code that stays the same from release to release. `runnel validate` prints it behind the
            sentence in brackets, `--json` and the API carry it as `code`, and steps of `on_failure` find it as `{{
            error.code }}`. `…` stands for what differs from case to case. A plugin in another language may give codes
            that are not listed here.

            \(list)
            """ + sections.joined()
    }

    private static func cell(_ sentences: [String]) -> String {
        sentences.map(Markdown.escaped).joined(separator: "<br>")
    }
}
