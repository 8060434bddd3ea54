import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch configuration") struct ConfigurationTests {
    @Test("the plugin brings the trigger")
    func plugin() throws {
        let registry = try StepRegistry([WatchPlugin()])
        #expect(registry.trigger(named: "watch")?.summary == "Starts a run for every new file in a folder.")
        #expect(
            registry.trigger(named: "watch")?.fields.map(\.key) == [
                "path", "include", "exclude", "recursive", "settle", "mode", "interval", "after", "move_to", "failed",
                "hidden", "temporary", "ignore_case", "empty", "existing",
            ])
    }

    @Test(
        "a folder that no file is moved to is warned about",
        arguments: [
            (
                ["move_to": "done"],
                ["`move_to`: it has no effect with `after: keep`; write `after: move`, or leave it out"]
            ),
            (
                ["after": "keep", "failed": "bad"],
                ["`failed`: it has no effect with `after: keep`; write `after: move`, or leave it out"]
            ),
            (
                ["after": "delete", "move_to": "done", "failed": "bad"],
                ["`move_to`: it has no effect with `after: delete`; write `after: move`, or leave it out"]
            ),
            (["after": "move", "move_to": "done", "failed": "bad"], []), ([:], []),
        ] as [(ValueObject, [String])])
    func warnings(keys: ValueObject, words: [String]) throws {
        var entry = keys
        entry["path"] = "inbox"
        #expect(try Watch(fields: entry).warnings().map(\.description) == words)
    }

    @Test(
        "a pattern that matches no file, excludes every file, or is given as `path` is a warning",
        arguments: [
            (
                ["path": "in/*.txt"],
                [
                    "`path`: in the folder name \"in/*.txt\", \"*\" is not a wildcard; "
                        + "name the folder, and list patterns under `include`"
                ]
            ),
            (
                ["include": ["*.md", "sub/*.txt"]],
                [
                    "`include[1]`: no file matches \"sub/*.txt\": the folders in \"inbox\" are not watched; "
                        + "set `recursive: true`"
                ]
            ),
            (
                ["include": ["inbox/*.txt"]],
                [
                    "`include[0]`: no file matches \"inbox/*.txt\": the folders in \"inbox\" are not watched; "
                        + "patterns begin below \"inbox\""
                ]
            ),
            (["include": ["sub/*.txt"], "recursive": true], []), (["include": ["**/*.txt", "./*.md"]], []),
            (
                ["include": [".env*"]],
                ["`include[0]`: no file matches \".env*\": names that begin with a dot are ignored; set `hidden: true`"]
            ),
            (["include": [".env*"], "hidden": true], []),
            (
                ["include": ["*.txt"], "exclude": ["*.TXT"], "ignore_case": true],
                ["`include[0]`: no file matches \"*.txt\": `exclude` has the same pattern; leave one of them out"]
            ),
            (
                ["include": ["*.tmp"]],
                [
                    "`include[0]`: no file matches \"*.tmp\": `temporary` has the same pattern; "
                        + "list other names of unfinished files under `temporary`"
                ]
            ),
            (["include": ["*.tmp"], "temporary": ["*.part"]], []),
            (["exclude": ["*"]], ["`exclude[0]`: \"*\" matches every file, so none is left; leave it out"]),
        ] as [(ValueObject, [String])])
    func patternWarnings(keys: ValueObject, words: [String]) throws {
        var entry = keys
        if entry["path"] == nil { entry["path"] = "inbox" }
        #expect(try Watch(fields: entry).warnings().map(\.description) == words)
    }

    @Test("the defaults are shown")
    func defaults() throws {
        let properties = try #require(TriggerDefinition(Watch.self).schema["properties"])
        #expect(properties["settle"]?["default"] == "500ms")
        #expect(properties["interval"]?["default"] == "2s")
        #expect(properties["move_to"]?["default"] == "done")
        #expect(properties["failed"]?["default"] == "failed")
        #expect(properties["temporary"]?["default"] == ["*.part", "*.tmp", "*~", "*.swp", "*.crdownload", "~$*"])
    }

    @Test(
        "what is wrong is said",
        arguments: [
            ([:], "`path`: it is missing"),
            (["path": ""], "`path`: the path is empty"),
            (["path": 1], "`path`: expected a folder such as \"inbox\", found the number 1"),
            (
                ["path": "/srv/inbox"],
                "`path`: \"/srv/inbox\" is an absolute path; "
                    + "name a folder of the project, relative to the project's folder; for one outside, make a link to it "
                    + "in the project and name that link in `files.links` in runnel.yaml"
            ),
            (
                ["path": "a/../../b"],
                "`path`: \"a/../../b\" leads out of the project; only folders of the project can be watched"
            ),
            (
                ["path": "a", "after": "rename"],
                "`after`: expected one of \"keep\", \"move\", \"delete\", found \"rename\""
            ),
            (
                ["path": "a", "mode": "fsevents"],
                "`mode`: expected one of \"auto\", \"inotify\", \"poll\", found \"fsevents\""
            ),
            (
                ["path": "a", "existing": "skip"],
                "`existing`: expected one of \"process\", \"ignore\", found \"skip\""
            ),
            (
                ["path": "a", "include": ["*.txt", "["]],
                "`include[1]`: the pattern \"[\" has a \"[\" without \"]\"; write [[] for a literal \"[\""
            ),
            (["path": "a", "settel": "1s"], "the key \"settel\" is not known here; did you mean \"settle\"?"),
        ] as [(ValueObject, String)])
    func wrong(fields: ValueObject, message: String) throws {
        let error = try #require(TriggerDefinition(Watch.self).check(fields))
        #expect(StepError(badConfiguration: error).description == message)
    }

    @Test(
        "what several keys together make wrong is said at the start",
        arguments: [
            (
                ["path": "inbox", "after": "move", "move_to": "inbox"],
                "`move_to`: \"inbox\" is or holds the watched folder \"inbox\"; name another folder, such as \"done\""
            ),
            (
                ["path": "in/box", "after": "delete", "failed": "./in"],
                "`failed`: \"in\" is or holds the watched folder \"in/box\"; name another folder, such as \"done\""
            ),
            (["path": "inbox", "interval": "1ms"], "`interval`: 1ms is too short; 10ms at least"),
        ] as [(ValueObject, String)])
    func wrongTogether(fields: ValueObject, message: String) async throws {
        let context = TriggerHarness().context
        let error = try await #require(throws: StepError.self) {
            try await TriggerDefinition(Watch.self).run(fields, context)
        }
        #expect(error.code == "bad-with")
        #expect(error.description == message)
    }

    @Test("with `after: keep` nothing is moved, so `move_to` may be anything")
    func unused() throws {
        #expect(TriggerDefinition(Watch.self).check(["path": "inbox", "move_to": "inbox"]) == nil)
    }
}
