/// What a finish reason means. Servers have several words for the same.
@nonexhaustive public enum FinishKind: Sendable, Equatable {
    /// The model said all it had to say.
    case stop
    /// Cut off at a limit of tokens.
    case length
    /// Stopped by the server's filter.
    case contentFilter
    /// The model refused.
    case refusal
    /// The model calls tools.
    case toolCalls
    /// The agent asks a person.
    case interaction
    /// The generation failed or was given up.
    case failure
    /// A word that is not known here.
    case other

    /// What the server's word means, whatever its case.
    public init(_ reason: String) {
        switch Self.normalised(reason) {
        case "stop", "endturn", "stopsequence", "eos", "eostoken", "complete", "completed", "finished": self = .stop
        case "length", "maxtokens", "maxlength", "maxoutputtokens", "modellength", "modelcontextwindowexceeded":
            self = .length
        case "contentfilter", "contentfiltered", "safety", "recitation", "prohibitedcontent", "blocklist", "spii",
            "sensitive", "guardrailintervened":
            self = .contentFilter
        case "refusal": self = .refusal
        case "toolcalls", "toolcall", "tooluse", "functioncall": self = .toolCalls
        case "error", "failed", "networkerror", "insufficientsystemresource", "abort", "aborted", "cancelled",
            "canceled":
            self = .failure
        case let name: self = Self.interactions.contains(name) ? .interaction : .other
        }
    }

    /// Whether a key or a word of the server says that the agent asks a person.
    static func isInteraction(_ name: String) -> Bool {
        interactions.contains(normalised(name))
    }

    private static let interactions: Set<String> = [
        "permissionrequest", "permissionrequired", "userinteractionrequired", "interactionrequired",
        "interactionrequest", "userinputrequired", "inputrequired", "requiresaction",
    ]

    /// In lower case, without what separates words.
    private static func normalised(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }
}
