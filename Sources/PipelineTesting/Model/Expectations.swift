import RunnelKit
import YAML

/// `expect:` of a test.
struct Expectations: Sendable {
    enum Status: String, Sendable, FieldChoice { case succeeded, failed }

    /// What has to be true of the output of a step, or of something in it.
    struct Output: Sendable {
        var step: String
        /// The keys and indices behind the step's id.
        var path: [String]
        var matcher: Matcher

        var shown: String { ([step] + path).joined(separator: ".") }
    }

    struct Failure: Sendable {
        var code: Matcher?
        var message: Matcher?
        var hint: Matcher?
        var step: Matcher?
    }

    /// What one chat request has to hold.
    struct Prompt: Sendable {
        /// The last message of the user.
        var prompt: Matcher?
        var system: Matcher?
        var node: YAMLNode
    }

    /// A list in the order of the calls.
    struct Prompts: Sendable {
        /// nil: of all steps.
        var step: String?
        var prompts: [Prompt]
        var node: YAMLNode
        /// Whether further requests may follow.
        var isBeginning = false

        /// For a real agent. The expectations are of canned answers, of which some make a chat ask again: those of
        /// repeats are left out, and only the first can be told from them.
        func without(repeatsBeyond count: Int) -> Prompts {
            guard count > 0, count < prompts.count else { return self }
            var first = self
            first.prompts = [prompts[0]]
            first.isBeginning = true
            return first
        }
    }

    struct File: Sendable {
        var path: String
        /// nil: the file must not be there.
        var content: Matcher?
        var node: YAMLNode
    }

    /// What one HTTP request has to be.
    struct Request: Sendable {
        var url: Matcher?
        var method: Matcher?
        var json: Matcher?
        var body: Matcher?
        var headers: [(name: String, value: Matcher)] = []
        var node: YAMLNode
    }

    struct Requests: Sendable {
        var list: [Request]
        var node: YAMLNode
    }

    /// What the agent is asked about the output, when tests ask the real agent.
    struct Judge: Sendable {
        var prompt: String
        /// From 0 to 1.
        var atLeast: Double
        var node: YAMLNode
    }

    struct Skipped: Sendable {
        var steps: [String]
        var node: YAMLNode
    }

    var status: Status = .succeeded
    var statusNode: YAMLNode?
    var error: Failure?
    var output: Matcher?
    var outputs: [Output] = []
    var skipped: Skipped?
    var prompts: [Prompts] = []
    var files: [File] = []
    var sent: Requests?
    var judge: Judge?
}
