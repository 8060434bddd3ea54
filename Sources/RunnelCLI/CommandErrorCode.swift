import PipelineTesting
package import RunnelKit
import RunnelProcess
import RunnelServer

/// The codes of errors of the command line.
enum CommandErrorCode: String, ErrorCode {
    case badEnvFile = "bad-env-file"
    case duplicatePipeline = "duplicate-pipeline"
    case envFileMode = "env-file-mode"
    case linkOutside = "link-outside"
    case notConfigured = "not-configured"
    case pipelineUntrusted = "pipeline-untrusted"
    case pluginUnreadable = "plugin-unreadable"
    case pluginUntrusted = "plugin-untrusted"

    static let part = "The command line"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .badEnvFile: ErrorExplanation("a line of the env file is not `NAME=value`")
        case .duplicatePipeline:
            ErrorExplanation(
                "the pipeline in … is named \"…\" too; `runnel serve` serves only one of them",
                hints: "give one of them another name")
        case .envFileMode:
            ErrorExplanation("other users of this machine can open the file (mode 0…)", hints: "`chmod 600 …`")
        case .linkOutside: ErrorExplanation("a link in the folder of pipelines leads out of it")
        case .notConfigured: ErrorExplanation("a setting that a plugin needs has no value")
        case .pipelineUntrusted:
            ErrorExplanation(
                "a file with a script belongs to another user", hints: "`runnel trust …`, if you trust what it executes"
            )
        case .pluginUnreadable:
            ErrorExplanation("the `plugin.yaml` of a plugin, or the folder `plugins` itself, cannot be read")
        case .pluginUntrusted: ErrorExplanation("the folder of a plugin belongs to another user")
        }
    }
}

/// The error codes of the modules around the engine, which no plugin lists.
package enum ErrorCodes {
    package static var ofModules: [any ErrorCode.Type] {
        [PluginErrorCode.self, TestErrorCode.self, APIErrorCode.self, CommandErrorCode.self]
    }
}
