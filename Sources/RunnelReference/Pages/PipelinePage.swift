import RunnelEngine
import RunnelKit

/// `pipeline.md`: the keys of a pipeline file.
enum PipelinePage {
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

    private static func table(_ keys: [DeclaredKey]) -> String {
        Markdown.table(
            ["key", "value", "when left out", "meaning"],
            keys.map { [Markdown.code($0.name), $0.kind, $0.isRequired ? "required" : $0.absent, $0.help] })
    }
}
