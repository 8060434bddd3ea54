import RunnelKit

extension RunRecord {
    /// Whether the trigger has to be told when the run has ended, as the run begins.
    package var isSourceDue: Bool { retryOf != nil && source?["state"] != nil }

    /// Where the trigger has moved the file that the run was started for.
    public var movedTo: String? { source?["payload"]?["path"]?.asString.map { SecretSeal.masked($0) } }
}

extension RunSource {
    /// As the journal stores it.
    var json: Value {
        var object: ValueObject = ["payload": .object(payload), "input": input]
        object["state"] = state
        return .object(object)
    }

    init?(json: Value) {
        guard let payload = json["payload"]?.asObject else { return nil }
        self.init(payload: payload, input: json["input"] ?? .null, state: json["state"])
    }
}
