import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel tokens`
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "List the API tokens of the configuration, without their values.",
        discussion: HelpText.text(
            """
            `server.token` may do everything. `server.tokens` has further ones by name, such as \
            `ci: { token: { env: CI_TOKEN }, scope: run }`. A scope is `read`, `run` or `admin`.
            """,
            examples: [
                "runnel tokens": "Names, scopes, and which of them have no value.",
                "runnel tokens --new": "A random value for a new token.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Print a JSON list.") var json = false
    @Flag(help: "Print a random value for a new token.") var new = false

    func run() async throws {
        if new {
            let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
            Streams.output.write(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\n")
            return
        }
        let project = try options.project()
        let tokens = project.apiTokens.map { (name: $0.name, scope: $0.scope, problem: Self.problem($0.value)) }
        if json {
            let list = tokens.map { token -> Value in
                var object: ValueObject = ["name": .string(token.name), "scope": .string(token.scope.rawValue)]
                object["problem"] = token.problem.map { .string($0.reason) }
                return .object(object)
            }
            return Streams.output.write(json: .list(list), isPretty: true)
        }
        if tokens.isEmpty {
            Streams.error.write("no tokens are configured; `runnel serve` makes one in .runnel/api-token\n")
        }
        let style = TextStyle.standardOutput
        for token in tokens {
            let problem = token.problem.map { "  " + style.red(style.safe($0.predicate)) } ?? ""
            Streams.output.write(styled: "\(style.safe(token.name))  \(style.dim(token.scope.rawValue))\(problem)\n")
        }
    }

    private static func problem(_ token: Result<String, UnavailableSecret>) -> UnavailableSecret? {
        if case .failure(let problem) = token { problem } else { nil }
    }
}
