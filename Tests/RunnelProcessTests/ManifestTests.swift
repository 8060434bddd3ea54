import RunnelKit
import Testing

@testable import RunnelProcess

private let exec: ValueObject = [
    "name": "weather", "protocol": "exec", "command": "python3 main.py", "steps": ["now": ["summary": "The weather."]],
]

private func exec(_ changes: ValueObject) -> Value {
    var object = exec
    for (key, value) in changes { object[key] = value.isNull ? nil : value }
    return .object(object)
}

@Suite("plugin.yaml") struct ManifestTests {
    @Test("a manifest is read, with its defaults")
    func reading() throws {
        let manifest = try PluginManifest(manifest: exec(["timeout": "5s", "env": ["KEY"]]))
        #expect(manifest.name.text == "weather")
        #expect(manifest.command?.words == ["python3", "main.py"])
        #expect(manifest.timeout == .seconds(5))
        #expect(manifest.concurrency == 4)
        #expect(manifest.env.names == ["KEY"])
        #expect(manifest.steps["now"]?.summary == "The weather.")
    }

    @Test("the schema of an output is handed on, and has to be one")
    func outputSchema() throws {
        func plugin(_ schema: Value) throws -> ExecPlugin {
            let steps: Value = ["now": ["summary": "x", "output_schema": schema]]
            return try ExecPlugin(PluginManifest(manifest: exec(["steps": steps])), folder: "/", host: host)
        }
        let schema: Value = ["type": "object", "properties": ["sky": true], "additionalProperties": false]
        #expect(try plugin(schema).steps.first?.outputSchema == schema)
        let error = #expect(throws: FieldError.self) { try plugin(["type": "sky"]) }
        #expect(error?.place == "steps.now.output_schema.type")
        #expect(error?.message.hasPrefix("not a JSON schema: ") == true)
    }

    @Test("hints for names of other tools are passed to steps and triggers, and an unknown place is an error")
    func hints() throws {
        func plugin(_ hint: Value) throws -> ExecPlugin {
            let about: Value = ["summary": "x", "hints": [hint]]
            let manifest = exec(["steps": ["now": about], "triggers": ["rain": about]])
            return try ExecPlugin(PluginManifest(manifest: manifest), folder: "/", host: host)
        }
        let keys = try plugin(["names": ["city", "town"], "hint": "write `place: …`"])
        let hint = NameHint("write `place: …`", for: ["city", "town"])
        #expect(keys.steps.map(\.nameHints) == [[hint]])
        #expect(keys.triggers.map(\.nameHints) == [[hint]])
        let name = try plugin(["names": ["forecast"], "hint": "write `uses: weather.now`", "place": "name"])
        #expect(name.steps.first?.nameHints.first?.place == .name)
        let error = #expect(throws: FieldError.self) { try plugin(["names": ["a"], "hint": "b", "place": "nam"]) }
        #expect(error?.place == "steps.now.hints[0].place")
        #expect(error?.message == #"expected one of "keys", "name", "step", "pipeline", found "nam""#)
        #expect(error?.hint == #"did you mean "name"?"#)
    }

    @Test(
        "what is wrong is said with its place and what to do",
        arguments: [
            (["name": "Big Name"], #"`name`: expected a name such as "weather", found "Big Name""#, PluginName.rule),
            (["protocol": "grpc"], #"`protocol`: expected one of "exec", "mcp", found "grpc""#, nil),
            (["comand": 1], #"the key "comand" is not known here"#, #"did you mean "command"?"#),
            (["command": .null], #"an exec plugin needs "command""#, "add a line such as: command: [python3, main.py]"),
            (["command": "a 'b"], "`command`: the quote ' in the command is not closed", "write it as a list of words"),
            (["command": []], "`command`: the command is empty", "write the program first, such as [python3, main.py]"),
            (
                ["steps": [:]], #"an exec plugin needs "steps" or "triggers""#,
                "add a line such as: steps: { hello: { summary: Says hello. } }"
            ),
            (["steps": ["A b": ["summary": "x"]]], #"`steps`: "A b" is not a valid name for a step"#, PluginName.rule),
            (["steps": ["a": [:]]], "`steps.a.summary`: it is missing", nil),
            (["concurrency": 0], "`concurrency`: 0 is too small", "1 at least"),
            (["timeout": "0s"], "`timeout`: 0s is too short", "leave it out for 60s"),
            (["start_timeout": "0s"], "`start_timeout`: 0s is too short", "leave it out for 60s"),
            (["max_line": 0], "`max_line`: expected a size from 1B, found 0B", nil),
            (["max_output": 0], "`max_output`: expected a size from 1B, found 0B", nil),
            (["url": "https://x"], #"`url`: "url" is not allowed here: it belongs to "transport: http""#, "remove it"),
            (
                ["env": ["A=b"]], #"`env[0]`: expected the name of an environment variable, found "A=b""#,
                "write values as NAME: value"
            ),
            (
                ["env": ["KEY": ["file": "x"]]],
                "`env.KEY`: expected a text, { env: NAME } or { secret: name }, found an object", nil
            ),
            (
                ["protocol": "mcp"],
                #"`steps`: "steps" is not allowed here: an MCP server lists its own tools"#, "remove it"
            ),
            (
                ["protocol": "mcp", "steps": .null, "command": .null, "url": "https://x"],
                #"an MCP server with a URL needs "transport""#, "add a line such as: transport: http"
            ),
            (
                ["protocol": "mcp", "steps": .null, "command": .null, "transport": "http", "url": "ftp://x"],
                #"`url`: expected a URL that begins with https:// or http://, found "ftp://x""#, nil
            ),
        ] as [(ValueObject, String, String?)])
    func wrong(changes: ValueObject, message: String, hint: String?) throws {
        let error = try #require(throws: FieldError.self) { try PluginManifest(manifest: exec(changes)) }
        #expect(StepError(badConfiguration: error).message == message)
        #expect(error.hint == hint)
    }

    @Test(
        "a command in one string is split as people expect",
        arguments: [
            ("a b  c", ["a", "b", "c"]), (#"a 'b c' "d e""#, ["a", "b c", "d e"]), (#"a\ b"#, ["a b"]),
            (#"a "b\"c" '' '\'"#, ["a", #"b"c"#, "", #"\"#]),
        ])
    func words(text: String, words: [String]) throws {
        #expect(try CommandLine(field: .string(text)).words == words)
    }

    @Test("a misspelled keyword of a schema is an error at its place, in a step, a trigger and the settings")
    func badSchema() throws {
        let schema: Value = ["requried": ["a"], "properties": ["a": ["typ": "string"]]]
        let problems = PluginManifest.problems(
            in: exec([
                "steps": ["now": ["summary": "x", "input": schema]],
                "triggers": ["rain": ["summary": "x", "input": schema]], "settings": schema,
            ]))
        let places = ["steps.now.input", "triggers.rain.input", "settings"]
        #expect(problems.map(\.place) == places.flatMap { ["\($0).requried", "\($0).properties.a.typ"] })
        #expect(problems.first?.message == #"not a JSON schema: unknown keyword "requried""#)
        #expect(problems.first?.hint == #"did you mean "required"?"#)
    }

    @Test("the schema of a step, a trigger or the settings must accept a mapping; the error is placed at its `type`")
    func noMapping() throws {
        let schema: Value = ["type": "string"]
        let problems = PluginManifest.problems(
            in: exec([
                "steps": ["now": ["summary": "x", "input": schema]],
                "triggers": ["rain": ["summary": "x", "input": ["type": ["string", "null"]]]],
            ]))
        #expect(problems.map(\.place) == ["steps.now.input.type", "triggers.rain.input.type"])
        #expect(problems.first?.message == #"expected the schema of a mapping, found the type "string""#)
        #expect(problems.first?.hint == "write `type: object`, and each key under `properties`")
        #expect(PluginManifest.problems(in: exec(["settings": schema])).map(\.place) == ["settings.type"])
        let fitting: Value = ["type": ["object", "null"]]
        #expect(PluginManifest.problems(in: exec(["settings": fitting])).isEmpty)
    }

    @Test(
        "what hides a mark of a schema is an error at its place",
        arguments: [
            (["properties": ["a": ["$ref": "#path"]], "$defs": ["P": ["$anchor": "path"]]], "properties.a.$ref"),
            (["properties": ["a": ["$dynamicRef": "#/$defs/P"]]], "properties.a.$dynamicRef"),
            (["$defs": ["Q": ["$id": "https://example.com/q"]]], "$defs.Q.$id"),
            (["not": ["properties": ["a": ["writeOnly": true]]]], "not"),
            (["allOf": [["propertyNames": ["format": "script"]]]], "allOf[0].propertyNames"),
        ] as [(ValueObject, String)])
    func hiddenMark(schema: ValueObject, place: String) throws {
        var marked = schema
        marked["properties"] = .object(
            ValueObject([("path", ["format": "project-path"])] + (schema["properties"]?.asObject ?? [:]).map { $0 }))
        var defs = schema["$defs"]?.asObject ?? [:]
        defs["P"] = defs["P"] ?? ["type": "string"]
        marked["$defs"] = .object(defs)
        let problems = PluginManifest.problems(
            in: exec([
                "steps": ["now": ["summary": "x", "input": .object(marked)]],
                "triggers": ["rain": ["summary": "x", "input": .object(marked)]],
            ]))
        #expect(problems.map(\.place) == ["steps.now.input.\(place)", "triggers.rain.input.\(place)"])
        #expect(problems.allSatisfy { $0.message.hasSuffix("has no effect behind this") })
        // Without a mark, all of them are in order.
        let plain: Value = ["$ref": "#path", "$defs": ["P": ["$anchor": "path"]]]
        let steps: Value = ["now": ["summary": "x", "input": plain]]
        #expect(PluginManifest.problems(in: exec(["steps": steps])).isEmpty)
    }

    @Test("a trigger whose name or keys could never work is an error at its place")
    func impossibleTrigger() throws {
        func problem(_ trigger: ValueObject, _ changes: ValueObject = [:]) -> FieldError? {
            var trigger = trigger
            trigger["summary"] = "x"
            var manifest: ValueObject = ["triggers": ["rain": .object(trigger)]]
            for (key, value) in changes { manifest[key] = value }
            return PluginManifest.problems(in: exec(manifest)).first
        }
        for key in ["if", "debounce", "id"] {
            let error = problem(["input": ["properties": [key: ["type": "string"]]]])
            #expect(error?.place == "triggers.rain.input.properties.\(key)")
            #expect(error?.message == "every trigger has the key \"\(key)\" already, so the program never gets it")
        }
        #expect(problem(["payload": ["type": "What."]])?.place == "triggers.rain.payload.type")
        #expect(problem(["payload": ["kind": "What."]]) == nil)
        let manual: Value = ["manual": ["summary": "x"]]
        let error = problem([:], ["name": "manual", "triggers": manual])
        #expect(error?.place == "triggers.manual")
        #expect(error?.message == #"the trigger "manual" has the name of runs that are started by hand"#)
        #expect(problem([:], ["triggers": manual]) == nil)
    }

    @Test("a secret or variable that is not there is an error, and its value never stands in one")
    func environment() throws {
        let list = try EnvironmentList(field: ["A": ["secret": "nothing"], "B": ["env": "RUNNEL_TEST_SEEN"]])
        let error = try #require(throws: FieldError.self) { try list.resolve(in: host) }
        #expect(StepError(badConfiguration: error).message == #"`env.A`: there is no secret "nothing""#)
        #expect(
            try EnvironmentList(field: ["B": ["env": "RUNNEL_TEST_SEEN"]]).resolve(in: host)["B"] == "seen")
    }

    @Test("a secret that the configuration has, without a value, is not told as one that it has not")
    func unavailableSecret() throws {
        let host = ProcessHost(
            variables: [:], project: "/project",
            missing: { name in
                guard name == "key" else { return nil }
                return ("has no value: the environment variable KEY is not set", "set it")
            })
        let error = try #require(throws: FieldError.self) { try ManifestText.secret("key").resolve(in: host) }
        #expect(error.message == "the secret \"key\" has no value: the environment variable KEY is not set")
        #expect(error.hint == "set it")
    }

    @Test(
        "a text that stands elsewhere has to be there, and not be empty",
        arguments: [
            (["env": "GONE"], "the environment variable GONE is not set"),
            (["env": "EMPTY"], "the environment variable EMPTY is empty"),
            (["secret": "gone"], "there is no secret \"gone\""),
        ] as [(Value, String)])
    func unavailable(text: Value, message: String) throws {
        let host = ProcessHost(variables: ["EMPTY": ""], project: "/project")
        let text = try ManifestText(field: text)
        let error = try #require(throws: FieldError.self) { try text.resolve(in: host) }
        #expect(error.message == message)
    }
}
