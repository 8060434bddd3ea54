public import RunnelKit

/// The codes of errors in pipeline files and in `runnel.yaml`.
public enum PipelineErrorCode: String, ErrorCode {
    case badExpression = "bad-expression"
    case badID = "bad-id"
    case badKeys = "bad-keys"
    case dollarTemplate = "dollar-template"
    case doubtfulValue = "doubtful-value"
    case duplicateID = "duplicate-id"
    case emptyFile = "empty-file"
    case emptyValue = "empty-value"
    case feedsInARing = "feeds-in-a-ring"
    case feedsItself = "feeds-itself"
    case includeCycle = "include-cycle"
    case laterStep = "later-step"
    case literalSecret = "literal-secret"
    case missingDefault = "missing-default"
    case missingKey = "missing-key"
    case noSteps = "no-steps"
    case receivedPipeline = "received-pipeline"
    case sameFiles = "same-files"
    case sameRoute = "same-route"
    case scriptInjection = "script-injection"
    case secretUnavailable = "secret-unavailable"
    case tooManyProblems = "too-many-problems"
    case tooManySteps = "too-many-steps"
    case triggerRing = "trigger-ring"
    case unknownKey = "unknown-key"
    case unknownName = "unknown-name"
    case unknownPipeline = "unknown-pipeline"
    case unknownProfile = "unknown-profile"
    case unknownReference = "unknown-reference"
    case unknownSetting = "unknown-setting"
    case unknownStep = "unknown-step"
    case unquotedTemplate = "unquoted-template"
    case unrenderedTemplate = "unrendered-template"
    case wrongType = "wrong-type"
    case wrongValue = "wrong-value"

    /// The heading in the reference.
    public static let part = "Pipeline files and configuration"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badExpression:
            ErrorExplanation(
                "`…` is an expression: braces stand around all of it, or nowhere", hints: "write `…: …`",
                "leave the braces out")
        case .badID:
            ErrorExplanation(
                "\"…\" is not a valid step id", hints: "use letters, digits, \"_\" and \"-\", beginning with a letter")
        case .badKeys:
            ErrorExplanation(
                "`max_parallel` needs `for_each`, or `steps` and `parallel: true`", "`…` needs `until` or `while`",
                "a step has either `until` or `while`", "a group of steps has no `…`", "`parallel` needs `steps`",
                hints: "set it on the step inside", "use `max_parallel` for items",
                "write `parallel: true`, and beside it `steps:` with the list of steps", "set it on the steps inside",
                "a step has either `uses` or `steps`")
        case .dollarTemplate:
            ErrorExplanation(
                "the `$` before `{{` stays in the text",
                hints: "write `{{ … }}`; `${{ … }}` is the form of GitHub Actions")
        case .doubtfulValue: ErrorExplanation("the value is allowed, and probably not what is meant")
        case .duplicateID:
            ErrorExplanation(
                "two steps have the id \"…\"", "two `…` triggers have the id \"…\"",
                hints: "the other one is on line …", "give each its own")
        case .emptyFile: ErrorExplanation("the file is empty; a pipeline needs `steps:`", "… is empty")
        case .emptyValue:
            ErrorExplanation(
                "`…`: expected …, found null", "the default of the input \"…\" is null",
                hints: "`required: false` allows null")
        case .feedsInARing:
            ErrorExplanation(
                "the step \"…\" writes \"…\": these pipelines feed each other, …; `runs.chain` ends that",
                "`…` moves files to \"…\" (`move_to`): these pipelines feed each other, …; `runs.chain` ends that",
                hints: "let one of them write where none of them watches",
                "let one of them move its files to where none of them watches")
        case .feedsItself:
            ErrorExplanation(
                "the step \"…\" writes \"…\", where \"…\" itself watches; what its own runs write starts no run",
                hints: "write to another folder, or leave these files out with `include` or `exclude`")
        case .includeCycle:
            ErrorExplanation("\"…\" includes itself: …", hints: "take one of these steps out")
        case .laterStep:
            ErrorExplanation(
                "the step \"…\" runs once for each item of \"…\"", "the step \"…\" runs later",
                hints: "the list `steps.…` holds their outputs", "it is on line …; only steps above can be used")
        case .literalSecret:
            ErrorExplanation(
                "`…` is a literal in the file",
                hints: "use `{ env: NAME }`, `{ file: path }` or `{ command: […] }`, so that the file can be shared",
                "use `{{ secrets.NAME }}`, so that the file can be shared")
        case .missingDefault: ErrorExplanation("the input \"…\" needs a `default`: runs started by `…` cannot set it")
        case .missingKey:
            ErrorExplanation(
                "… needs the key \"…\"", "a pipeline needs the key \"steps\"", "`debounce` needs the key \"for\"",
                hints: "write `…: …`", "add `steps:` with a list of steps", "write `for: 10s`")
        case .noSteps: ErrorExplanation("`steps` is empty", hints: "add at least one step")
        case .receivedPipeline:
            ErrorExplanation(
                "`…` does not start: the file lies in \"…\", where \"…\" receives files",
                hints: "keep pipelines in another folder, such as `pipelines`")
        case .sameFiles:
            ErrorExplanation(
                "… both want files of \"…\", which \"…\" moves away or deletes; only … gets them",
                hints: "give one of them another folder, or `include` patterns that exclude each other")
        case .sameRoute:
            ErrorExplanation("… both want …; only … gets it", hints: "give one of them another `path`")
        case .scriptInjection:
            ErrorExplanation(
                "a text from outside would be part of a script",
                "a text from outside would choose the names of variables, or the value of one that says what is executed",
                hints: "give it as `env`, and write \"$NAME\" in the script", "write each name out: `{ NAME: … }`",
                "write its value out, or give the variable another name")
        case .secretUnavailable:
            ErrorExplanation("the secret \"…\" …", hints: "see `secrets:` in runnel.yaml").reported(under: "secrets")
        case .tooManyProblems:
            ErrorExplanation(
                "there are more than 200 errors; the others are not shown",
                hints: "correct these, and check the file again")
        case .tooManySteps: ErrorExplanation("\"…\" has more than 5000 steps with all that it includes")
        case .triggerRing: ErrorExplanation("these pipelines start each other")
        case .unknownKey:
            ErrorExplanation(
                "… has no key \"…\"", "a profile has no key \"profiles\"", "unknown trigger \"…\"",
                hints: "known keys: …", "valid triggers: …")
        case .unknownName:
            ErrorExplanation(
                "`…` is not available under `on:`", "`…` is not available in `if` and `debounce` of a trigger",
                "`error` is only available in `on_failure` and `finally`",
                "`…` is only available in a step with `for_each`", "unknown name \"…\"",
                hints: "triggers can use vars, secrets and env", "they can use …")
        case .unknownPipeline:
            ErrorExplanation(
                "there is no pipeline named \"…\" in this folder", hints: "did you mean \"…\"?",
                "the pipelines of the folder are …")
        case .unknownProfile: ErrorExplanation("there is no profile \"…\"", hints: "the file has no `profiles`")
        case .unknownReference:
            ErrorExplanation(
                "there is no step with the id \"…\"", "`…` has no key \"…\"", "`…` is …, which has no keys…",
                "`…` is …, which has no keys", "`…[…]` is missing: `…` has … item…", "there is no … \"…\"",
                hints: "`…` gives …", "known: …")
        case .unknownSetting: ErrorExplanation("the environment variable … is not a setting of Runnel")
        case .unknownStep:
            ErrorExplanation("the step \"…\" is not available: the plugin \"…\" was not loaded", "unknown step \"…\"")
        case .unquotedTemplate:
            ErrorExplanation("a key must be a text, found …", hints: "put a template in quotes: \"{{ … }}\"")
        case .unrenderedTemplate:
            ErrorExplanation(
                "templates are not rendered in …; the text stays as it is", "`{# … #}` stays in the text",
                hints: "use the template where `inputs.…` is used", "write a fixed name",
                "write comments in YAML, after `#`; `{% raw %}` marks text that stays")
        case .wrongType:
            ErrorExplanation(
                "… must be a mapping, found …", "`…`: expected a string, found …", "`…`: expected a list, found …",
                "`for_each`: expected a list, found …", "`for_each`: the mapping names no list",
                "`for_each.…`: expected a list, found …", "`with`: expected a mapping, found …",
                "`…`: expected an expression, found …", "`inputs`: expected a name for each input, found …",
                "`on`: expected a key for each trigger, found …", "`profiles.…`: expected settings, found …",
                "`…`: expected a mapping, found …", hints: "put it in quotes if it is meant as text",
                "write a list, or a template that results in one: \"{{ input }}\"",
                "write `on: { schedule: { cron: \"0 9 * * *\" } }`", "write `on: { … }`")
        case .wrongValue:
            ErrorExplanation(
                "the default of the input \"…\": …", "the `enum` of the input \"…\": …",
                "the `enum` of the input \"…\" is empty", "`name` is empty",
                "`…`: expected a duration above 0, found …",
                "`max`: … is shorter than `for`", "`id`: expected a name for the trigger, found …",
                "the environment variable …: …", "the environment variable … is not UTF-8 text",
                "the number … cannot be written in JSON",
                hints: "put it in quotes if it is meant as text", "leave it out for no time limit",
                "set it as UTF-8 text where Runnel is started",
                "leave it out to name the pipeline after its file",
                "list the values that are accepted, or remove it", "set the `type` of the input, or put it in quotes",
                "it is the time after the first event at which the run begins at the latest",
                "write a text that does not change, such as \"inbox\"")
        }
    }
}
