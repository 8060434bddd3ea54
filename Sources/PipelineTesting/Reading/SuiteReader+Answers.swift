import MarketplaceSimulator
import RunnelEngine
import RunnelKit
import YAML

/// An HTTP status of an answer.
private struct Status: FieldValue {
    let code: Int

    static var schema: Value { ["type": "integer", "minimum": 200, "maximum": 599] }

    init(field value: Value) throws(FieldError) {
        guard let code = value.asInt, (200...599).contains(code) else {
            throw .expected("an HTTP status from 200 to 599", found: value)
        }
        self.code = Int(code)
    }
}

extension SuiteReader {
    static let chatKeys = ["text", "json", "fault", "error", "repeat"]

    /// `chat:`: a list in the order of all calls, or one for each step.
    mutating func chats(_ node: YAMLNode?) -> CannedChats {
        var chats = CannedChats()
        guard let node else { return chats }
        if let items = node.items {
            chats.inOrder = answers(items)
            return chats
        }
        for (step, keyNode, value) in diagnostics.pairs(node, "chat") {
            guard stepIDs.contains(step) else {
                if Self.chatKeys.contains(step) {
                    diagnostics.error(
                        TestErrorCode.wrongType, keyNode, "`chat`: expected a list of answers, or the id of a step",
                        hint: "put a dash before the answer: - \(step): …")
                    return chats
                }
                diagnostics.unknown("step with the id", step, keyNode, among: stepIDs, none: "")
                continue
            }
            chats.byStep[step] = answers(value.items ?? [value])
        }
        return chats
    }

    private mutating func answers(_ items: [YAMLNode]) -> [CannedChat] {
        let answers = items.compactMap { chat($0) }
        for answer in answers.dropLast() where answer.isRepeated {
            diagnostics.error(
                TestErrorCode.badKeys, answer.node["repeat"] ?? answer.node,
                "`repeat: true` is for the last answer: those behind it would never be given",
                hint: "move it to the end of the list, or write the answer as often as it is given")
        }
        return answers
    }

    private mutating func chat(_ node: YAMLNode) -> CannedChat? {
        if let text = node.asString {
            return CannedChat(answer: .stream(text: text, fault: nil), isRepeated: false, node: node)
        }
        guard let keys = MappingReader(node, "a chat answer", keys: Self.chatKeys, into: &diagnostics) else {
            return nil
        }
        let isRepeated = diagnostics.field(Bool.self, keys["repeat"], "repeat") ?? false
        let fault = keys["fault"].flatMap { self.fault($0) }
        switch keys.atMostOne(["text", "json", "error"], into: &diagnostics) {
        case "error"?:
            if let node = keys.keyNode("fault") {
                diagnostics.error(TestErrorCode.badKeys, node, "`fault` and `error` are mutually exclusive")
            }
            guard let error = keys["error"], let refusal = refusal(error) else { return nil }
            return CannedChat(answer: refusal, isRepeated: isRepeated, node: node)
        case "json"?:
            let text = keys["json"].map { Value($0).json() }
            return CannedChat(answer: .stream(text: text, fault: fault), isRepeated: isRepeated, node: node)
        case "text"?:
            let text = diagnostics.text(keys["text"], "text")
            return CannedChat(answer: .stream(text: text, fault: fault), isRepeated: isRepeated, node: node)
        default:
            guard fault != nil || keys["fault"] != nil else {
                diagnostics.error(
                    TestErrorCode.missingKey, node.firstKeyOrSelf,
                    "a chat answer needs `text`, `json`, `error` or `fault`",
                    hint: "write `- text: the answer`")
                return nil
            }
            return CannedChat(answer: .stream(text: nil, fault: fault), isRepeated: isRepeated, node: node)
        }
    }

    /// Those that end by themselves and concern an answer.
    static let faults = Fault.allCases.filter {
        ![.tokenRejected, .tokenExpiresEarly, .stall, .stallWithHeartbeats, .slowStart].contains($0)
    }

    private mutating func fault(_ node: YAMLNode) -> Fault? {
        guard let name = diagnostics.text(node, "fault") else { return nil }
        if let fault = Self.faults.first(where: { $0.rawValue == name }) { return fault }
        diagnostics.unknown("fault", name, node, among: Self.faults.map(\.rawValue), none: "")
        return nil
    }

    private mutating func refusal(_ node: YAMLNode) -> CannedAnswer? {
        let known = ["status", "code", "message", "retry_after"]
        guard let keys = MappingReader(node, "an error", keys: known, into: &diagnostics) else { return nil }
        guard let statusNode = keys["status"] else {
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "an error needs the key \"status\"",
                hint: "write `status: 503`")
            return nil
        }
        guard let status = diagnostics.field(Status.self, statusNode, "status")?.code else { return nil }
        if status < 400 {
            diagnostics.error(
                TestErrorCode.wrongValue, statusNode, "`status`: \(status) is no error", hint: "400 to 599 are")
        }
        return .refusal(
            status: status, code: diagnostics.text(keys["code"], "code") ?? TestErrorCode.error.rawValue,
            message: diagnostics.text(keys["message"], "message") ?? "The request is refused.",
            retryAfter: diagnostics.field(Duration.self, keys["retry_after"], "retry_after"))
    }

    // MARK: - HTTP

    /// `http:`: what comes back to requests.
    mutating func httpAnswers(_ node: YAMLNode?) -> [CannedHTTP] {
        (diagnostics.list(node, "http") ?? []).compactMap { http($0) }
    }

    private mutating func http(_ node: YAMLNode) -> CannedHTTP? {
        let known = ["url", "method", "status", "headers", "json", "body", "error", "repeat"]
        guard let keys = MappingReader(node, "an HTTP answer", keys: known, into: &diagnostics) else { return nil }
        guard let url = keys["url"] else {
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "an HTTP answer needs the key \"url\"",
                hint: "write the URL that is answered, or `url: { contains: … }`")
            return nil
        }
        var answer = CannedHTTP(url: matcher(url), node: node)
        answer.method = diagnostics.text(keys["method"], "method")?.uppercased()
        answer.problem = diagnostics.field(CannedHTTP.Problem.self, keys["error"], "error")
        answer.status = diagnostics.field(Status.self, keys["status"], "status")?.code ?? 200
        answer.isRepeated = diagnostics.field(Bool.self, keys["repeat"], "repeat") ?? false
        for (name, _, value) in diagnostics.pairs(keys["headers"], "headers") {
            answer.headers.append((name, diagnostics.text(value, "headers.\(name)") ?? ""))
        }
        switch keys.atMostOne(["json", "body", "error"], into: &diagnostics) {
        case "json"?:
            answer.body = keys["json"].map { Value($0).jsonBytes() } ?? []
            if !answer.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
                answer.headers.append(("content-type", "application/json"))
            }
        case "body"?: answer.body = Array((diagnostics.text(keys["body"], "body") ?? "").utf8)
        default: break
        }
        return answer
    }
}
