/// A plugin template in a language.
enum PluginTemplate: String, CaseIterable {
    case python, shell, mcp

    /// The files by path below the plugin's folder; `isProgram` marks executables.
    func files(_ name: String) -> [(path: String, text: String, isProgram: Bool)] {
        switch self {
        case .python:
            [("plugin.yaml", manifest(name, "[python3, main.py]"), false), ("main.py", Self.pythonProgram, false)]
        case .shell:
            [
                // The program reads JSON with sed, which does not decode escapes.
                ("plugin.yaml", manifest(name, "[./main.sh]", pattern: #"pattern: "^[^\"\\\\]*$", "#), false),
                ("main.sh", Self.shellProgram, true),
            ]
        case .mcp: [("plugin.yaml", Self.server(name), false)]
        }
    }

    /// The name of the plugin's step.
    func step(_ name: String) -> String {
        self == .mcp ? "\(name).convert_time" : "\(name).hello"
    }

    /// - Parameter pattern: The `pattern` of the greeted name, with a trailing comma; empty to allow any name.
    private func manifest(_ name: String, _ command: String, pattern: String = "") -> String {
        EditorSchema.plugin.editorLine(from: "../../") + """
            name: \(name)
            version: "0.1"
            description: What it is for, in one sentence.
            protocol: exec
            command: \(command)
            # What it may see of the environment, beside PATH, HOME, LANG and TMPDIR:
            env: []
            timeout: 30s
            steps:
              hello:
                summary: Greets somebody.
                output: An object with the `greeting`.
                # Whether running it again costs nothing and changes nothing:
                repeatable: true
                # The JSON schema of `with:`
                input:
                  type: object
                  required: [name]
                  additionalProperties: false
                  properties:
                    name: { type: string, \(pattern)description: Who is greeted. }
                examples:
                  Greet Ada: |
                    uses: \(name).hello
                    with: { name: Ada }

            """
    }

    private static let pythonProgram = #"""
        """A Runnel plugin: one JSON object on standard input, JSON lines on standard output."""

        import json
        import sys


        def say(**message):
            print(json.dumps(message), flush=True)


        request = json.load(sys.stdin)
        step, settings = request["step"], request["with"]
        say(type="note", text=f"working on {step}")
        if step == "hello":
            say(type="result", output={"greeting": f"Hello, {settings['name']}!"})
        else:
            say(type="error", code="unknown-step", message=f"there is no step {step}")

        """#

    private static let shellProgram = #"""
        #!/bin/sh
        # A Runnel plugin: one JSON object on standard input, JSON lines on standard output. `jq` reads JSON better.
        name=$(sed -n 's/.*"with":{[^}]*"name":"\([^"]*\)".*/\1/p')
        printf '{"type":"note","text":"working"}\n'
        printf '{"type":"result","output":{"greeting":"Hello, %s!"}}\n' "$name"

        """#

    private static func server(_ name: String) -> String {
        EditorSchema.plugin.editorLine(from: "../../") + """
            # Each tool of this server is a step: `runnel plugins` lists them.
            name: \(name)
            version: "0.1"
            description: What it is for, in one sentence.
            protocol: mcp
            command: [uvx, mcp-server-time]

            """
    }
}
