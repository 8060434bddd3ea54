/// The names of OpenTelemetry's semantic conventions for generative AI, in the one version that Runnel writes.
///
/// Everything in them is still in development, so a later version may call it otherwise. A change of version is a change of
/// this file alone: https://github.com/open-telemetry/semantic-conventions-genai
public enum GenAIConventions {
    /// The version.
    public static let version = "0.1.0"
    /// Identifies the version to a receiver; goes into the instrumentation scope.
    public static let schemaURL = "https://opentelemetry.io/schemas/gen-ai/0.1.0"

    /// What kind of work a span is.
    public static let operationName = "gen_ai.operation.name"
    /// Whose API is called.
    public static let providerName = "gen_ai.provider.name"
    /// The agent that is called.
    public static let agentID = "gen_ai.agent.id"
    /// The name of an agent or of a workflow.
    public static let agentName = "gen_ai.agent.name"
    /// The conversation that a chat belongs to.
    public static let conversationID = "gen_ai.conversation.id"
    /// The model that was asked for.
    public static let requestModel = "gen_ai.request.model"
    /// Whether the answer comes as a stream.
    public static let requestStream = "gen_ai.request.stream"
    /// The id of the answer.
    public static let responseID = "gen_ai.response.id"
    /// Why the answer ended, as a list.
    public static let finishReasons = "gen_ai.response.finish_reasons"
    /// The seconds from the request to the first piece of the answer.
    public static let timeToFirstChunk = "gen_ai.response.time_to_first_chunk"
    /// The model tokens of the request. Left out where the server does not tell.
    public static let inputTokens = "gen_ai.usage.input_tokens"
    /// The model tokens of the answer. Left out where the server does not tell.
    public static let outputTokens = "gen_ai.usage.output_tokens"
    /// How many tokens of the request came from a cache. Left out where the server does not tell.
    public static let cachedTokens = "gen_ai.usage.cache_read.input_tokens"
    /// The messages of the request, as JSON. With `traces.content` only.
    public static let inputMessages = "gen_ai.input.messages"
    /// The answer, as JSON. With `traces.content` only.
    public static let outputMessages = "gen_ai.output.messages"
    /// The tool that an agent used.
    public static let toolName = "gen_ai.tool.name"
    /// The id of the call of a tool.
    public static let toolCallID = "gen_ai.tool.call.id"
    /// Why a span failed: an error code of Runnel.
    public static let errorType = "error.type"

    /// Values of ``operationName``.
    public enum Operation {
        /// A run of a pipeline.
        public static let invokeWorkflow = "invoke_workflow"
        /// A chat with an agent.
        public static let invokeAgent = "invoke_agent"
        /// Something that an agent did.
        public static let executeTool = "execute_tool"
    }
}
