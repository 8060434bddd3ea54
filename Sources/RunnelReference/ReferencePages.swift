public import RunnelKit

/// The reference in Markdown, made from the declarations of steps, triggers, filters and settings.
public enum ReferencePages {
    /// All files of the reference by name, such as `steps.md`; what belongs into `docs/reference`.
    /// - Parameter errors: What `errors.md` lists.
    /// - Throws: Where two plugins bring the same filter.
    public static func all(
        _ registry: StepRegistry, errors: [ErrorEntry] = ErrorCatalog.all
    ) throws(RegistryError) -> [String: String] {
        [
            "README.md": IndexPage.text,
            "steps.md": StepsPage.text(registry),
            "triggers.md": TriggersPage.text(registry),
            "filters.md": try FiltersPage.text(registry),
            "configuration.md": ConfigurationPage.text(),
            "pipeline.md": PipelinePage.text(registry),
            "errors.md": ErrorsPage.text(errors),
            "pipeline.schema.json": PipelineSchema.pipeline(registry).json(pretty: true) + "\n",
            "runnel.schema.json": PipelineSchema.settings().json(pretty: true) + "\n",
        ]
    }
}
