import RunnelKit

/// Pipelines that several tests serve.
enum Pipelines {
    static let greet = """
        name: greet
        description: Greet somebody.
        inputs: { who: { type: string, required: true } }
        steps:
          - { id: hello, uses: template, with: { text: "Hello {{ inputs.who }}, {{ trigger.type }}" } }
          - { uses: log, with: { message: "greeted {{ inputs.who }}" } }
        """

    static let gate = "name: gate\nsteps: [ { id: wait, uses: gate, with: { gate: g } } ]"

    static let failing =
        "name: failing\nsteps: [ { id: bad, uses: break, with: { message: \"the secret is {{ secrets.key }}\" } } ]"

    static func hook(_ keys: String, steps: String) -> String {
        "name: hook\non: { webhook: { path: h, \(keys) } }\nsteps: [ \(steps) ]"
    }
}

extension Answer {
    /// The code and the words of an error.
    var error: String? {
        guard let error = (try? json())?["error"] else { return nil }
        return "\(error["code"]?.asString ?? "") \(error["message"]?.asString ?? "")"
    }

    var run: String? { (try? json())?["run"]?.asString }
}
