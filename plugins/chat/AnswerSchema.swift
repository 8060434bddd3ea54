import JSONSchema
import Marketplace
import RunnelKit
import Synchronization

extension SchemaField {
    /// What is wrong with an answer, in lines for the agent and for people; nil where nothing is.
    func problems(with value: Value) -> String? {
        let issues = compiled.validate(value).prefix(8).map { issue in
            issue.path.isRoot ? issue.message : "`\(issue.path)`: \(issue.message)"
        }
        return issues.isEmpty ? nil : issues.joined(separator: "; ")
    }
}

/// How the server is told that an answer has to fit a schema. With `auto` it remembers which models do not know
/// `response_format`, so that only their first chat is refused.
final class ResponseFormats: Sendable {
    private let setting: MarketplaceSettings.ResponseFormat
    /// The models that do not know `response_format`.
    private let unknown = Mutex<Set<String>>([])

    /// More models than anybody names; beyond it each is asked again.
    private static let maximumModels = 256

    init(setting: MarketplaceSettings.ResponseFormat) {
        self.setting = setting
    }

    /// - Parameter model: That of the request.
    func format(model: String) -> ResponseFormat {
        switch setting {
        case .jsonSchema: .jsonSchema
        case .jsonObject: .jsonObject
        case .none: .none
        case .auto: unknown.withLock { $0.contains(model) } ? .none : .jsonSchema
        }
    }

    /// Whether the schema goes by the prompt because of the server.
    func isDropped(_ format: ResponseFormat) -> Bool { setting == .auto && format == .none }

    /// Whether the chat is to be asked without `response_format` after this failure.
    func drops(_ format: ResponseFormat, after error: MarketplaceError) -> Bool {
        setting == .auto && format != .none && error.refusesResponseFormat
    }

    /// Notes that the model does not know `response_format`, and answers without it.
    func noteUnknown(_ model: String) {
        unknown.withLock { if $0.count < Self.maximumModels { $0.insert(model) } }
    }
}

extension SchemaField {
    /// The conversation, with the schema in it where the server does not get it by itself.
    func stated(in conversation: [ChatMessage], format: ResponseFormat) -> [ChatMessage] {
        guard format != .jsonSchema else { return conversation }
        let instruction = """
            Answer with JSON alone, without any other text, that fits this JSON schema:
            \(source.json())
            """
        var stated = conversation
        guard let last = stated.lastIndex(where: { $0.role == "user" }) else {
            return stated + [ChatMessage(role: "user", content: instruction)]
        }
        // The correction of an answer states it already.
        if !stated[last].content.contains(source.json()) { stated[last].content += "\n\n" + instruction }
        return stated
    }
}
