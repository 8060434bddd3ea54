/// The names that templates know, as the reference shows them.
enum TemplateNames {
    static let all: [(name: String, help: String)] = [
        ("input", "The last output that was produced; for the first step, what the run was started with."),
        ("inputs.NAME", "The value of an input that the pipeline declares."),
        ("steps.ID", "The output of an earlier step; null for one that was skipped."),
        (
            "trigger.type",
            "What started the run: `manual`, or the trigger's name; beside it stands what the trigger tells."
        ),
        ("secrets.NAME", "A secret that `runnel.yaml` names. It is masked wherever it is shown."),
        ("env.NAME", "An environment variable that `runnel.yaml` lists under `env`."),
        ("run.id", "The run's id, the same after a crash."),
        ("run.pipeline", "The pipeline's name."),
        ("run.started_at", "When the run began (RFC 3339, UTC)."),
        ("item", "With `for_each`: the item."),
        ("index", "With `for_each`: the number of the item, from 0."),
        ("error.code", "In `on_failure` and `finally`: the code of what went wrong; see [errors.md](errors.md)."),
        ("error.message", "What went wrong, in a sentence."),
        ("error.hint", "What to do about it; empty where nothing is known."),
        ("error.step", "The id of the step that failed."),
        ("error.output", "What the step had produced until then."),
    ]
}
