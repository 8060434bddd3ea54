import RunnelCLI
import RunnelKit
import RunnelReference
import Testing

@Suite struct ManualPageTests {
    private func dump() throws -> Value { try ProgramReference.commands() }

    @Test("the page has a section for every command that is shown, and every option of it")
    func commands() throws {
        let page = try ManualPage(
            dump: try dump(), version: "0.1.0", date: "2026-11-24", plugins: try Project.registry().plugins
        ).text
        #expect(page.hasPrefix(".TH RUNNEL 1 2026-11-24 \"runnel 0.1.0\" \"User Commands\"\n"))
        for section in ["NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
            #expect(page.contains(".SH \(section.contains(" ") ? "\"\(section)\"" : section)\n"))
        }
        var count = 0
        func check(_ command: Value, path: String) {
            guard command["shouldDisplay"] != false, let name = command["commandName"]?.asString, name != "help" else {
                return
            }
            count += 1
            let path = path.isEmpty ? name : "\(path) \(name)"
            if path != "runnel" { #expect(page.contains(".SS \"\(path)\"\n"), "\(path)") }
            for argument in command["arguments"]?.asList ?? [] where argument["shouldDisplay"] != false {
                let long = argument["names"]?.asList?.last { $0["kind"] == "long" }?["name"]?.asString
                guard let long else { continue }
                #expect(page.contains("\\fB\\-\\-\(long.replacing("-", with: "\\-"))\\fR"), "\(path) --\(long)")
            }
            for inner in command["subcommands"]?.asList ?? [] { check(inner, path: path) }
        }
        check(try #require(try dump()["command"]), path: "")
        #expect(count > 15)
    }

    @Test("a command is written with its usage, its options, their choices and defaults")
    func command() throws {
        let dump: Value = [
            "serializationVersion": 0,
            "command": [
                "commandName": "tool", "abstract": "Does it.",
                "subcommands": [
                    [
                        "commandName": "list", "abstract": "List what's there.",
                        "discussion": ".hidden files too\nAll.\n  indented",
                        "arguments": [
                            [
                                "kind": "positional", "valueName": "path", "abstract": "Where.", "isOptional": false,
                                "isRepeating": true,
                            ],
                            [
                                "kind": "option", "valueName": "number", "abstract": "How many; see `-a\\b`.",
                                "names": [["kind": "long", "name": "max"], ["kind": "short", "name": "m"]],
                                "allValues": ["one", "two"], "defaultValue": "one", "isOptional": true,
                            ],
                            [
                                "kind": "flag", "valueName": "old", "names": [["kind": "long", "name": "old"]],
                                "shouldDisplay": false,
                            ],
                        ],
                    ]
                ],
            ],
        ]
        let page = try ManualPage(dump: dump, version: "1").text
        #expect(
            page.contains(
                #"""
                .SS "tool list"
                \fBtool list\fR \fIpath\fR\~... [\fB\-\-max\fR\~\fInumber\fR]
                .PP
                List what\(aqs there.
                .PP
                \&.hidden files too
                .br
                All.
                  indented
                .TP
                \fIpath\fR
                Where.
                .TP
                \fB\-m\fR, \fB\-\-max\fR \fInumber\fR
                How many; see \fB\-a\eb\fR.
                One of \fBone\fR, \fBtwo\fR.
                Default: \fBone\fR.
                .SH
                """#))
        #expect(!page.contains("\\-\\-old"))
    }

    @Test("a dump that is none is an error that says what is missing")
    func errors() throws {
        #expect(throws: ManualPageError.self) { try ManualPage(dump: [:], version: "1") }
        #expect { try ManualPage(dump: ["command": [:], "serializationVersion": 0], version: "1") } throws: {
            "\($0)" == "the command after \"\" has no \"commandName\""
        }
        #expect { try ManualPage(dump: ["command": [:], "serializationVersion": 1], version: "1") } throws: {
            "\($0)" == "the description of the commands has the unknown version 1"
        }
    }

    @Test("groff finds nothing wrong with the page", .enabled(if: Tool.isInstalled("groff")))
    func groff() throws {
        try lint(["groff", "-man", "-ww", "-Tascii", "-z"])
    }

    @Test("mandoc finds nothing wrong with the page", .enabled(if: Tool.isInstalled("mandoc")))
    func mandoc() throws {
        try lint(["mandoc", "-T", "lint", "-W", "warning"])
    }

    private func lint(_ command: [String]) throws {
        let page = try ManualPage(
            dump: try dump(), version: "0.1.0", date: "2026-11-24", plugins: try Project.registry().plugins
        ).text
        #expect(page.utf8.allSatisfy { $0 < 0x80 })
        let result = try #require(try Tool.run(command, input: page))
        #expect(result.status == 0)
        #expect(result.output == "")
    }
}
