/// `README.md`: what there is in the reference.
enum IndexPage {
    static let text = """
        # Reference

        Made from the declarations of steps, triggers, filters and settings.

        - [Pipeline files](pipeline.md): their keys, and the names that templates know
        - [Steps](steps.md): what `uses:` can name
        - [Triggers](triggers.md): what `on:` can name
        - [Filters](filters.md): what can stand behind a `|` in a template
        - [Configuration](configuration.md): `runnel.yaml` and its environment variables
        - [Error codes](errors.md): what is said, and what to do
        - For editors: [pipeline.schema.json](pipeline.schema.json), [runnel.schema.json](runnel.schema.json)

        """
}
