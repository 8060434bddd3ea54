import LibC
import RunnelKit
import RunnelTesting
import Testing

@testable import FilePlugin

@Suite("file.read") struct FileReadTests {
    @Test(
        "the content is read by the file's extension, or as it is asked",
        arguments: [
            ("a.txt", "x\n", "auto", ["text": "x\n"]), ("a.JSON", "[1]", "auto", ["text": "[1]", "json": [1]]),
            ("a.csv", "n,m\n1,2\n", "auto", ["text": "n,m\n1,2\n", "rows": [["n": "1", "m": "2"]]]),
            ("a.txt", "[1]", "json", ["text": "[1]", "json": [1]]), ("a.json", "[1", "text", ["text": "[1"]),
            ("a", "", "auto", ["text": ""]), ("a.json", "hi", "bytes", ["bytes": .bytes([104, 105])]),
            ("a.md", "ä 🦆", "auto", ["text": "ä 🦆"]),
        ] as [(String, String, String, ValueObject)])
    func formats(name: String, text: String, format: String, content: ValueObject) async throws {
        try await withFiles { files in
            try files.write(text, "project/in/" + name)
            let output = try await files.read(["path": .string("in/" + name), "as": .string(format)])
            for (key, value) in content { #expect(output[key] == value) }
            #expect(
                Set(output.asObject?.keys ?? []).subtracting(content.keys) == [
                    "path", "name", "stem", "extension", "size", "modified",
                ])
        }
    }

    @Test(
        "text is decoded as `encoding`, a byte order mark or the file itself says",
        arguments: [
            ("a.csv", ["encoding": "shift_jis"], [0x93, 0xFA, 0x0D, 0x0A, 0x96, 0x7B], "日\r\n本", [["日": "本"]]),
            ("a.csv", [:], [0xFF, 0xFE, 0x61, 0, 0x0A, 0, 0xE5, 0x65], "a\n日", [["a": "日"]]),
            ("a.csv", ["encoding": "sjis"], [0xEF, 0xBB, 0xBF, 0x61, 0x0A, 0x62], "a\nb", [["a": "b"]]),
            ("a.txt", ["encoding": "EUC-KR"], [199, 209], "한", nil),
            ("a.txt", ["encoding": "gbk"], [0x80, 0x35, 0xD6, 0xD0, 0x80], "€5中€", nil),
            ("a.json", ["encoding": "latin1"], [0x22, 0xFC, 0x22], "\"ü\"", nil),
            (
                "a.xml", [:], Array("<?xml version='1.0' encoding='euc-jp'?>".utf8) + [198, 252],
                "<?xml version='1.0' encoding='euc-jp'?>日", nil
            ),
            ("a.html", [:], Array("<meta charset=big5>".utf8) + [164, 164], "<meta charset=big5>中", nil),
        ] as [(String, ValueObject, [UInt8], String, Value?)])
    func encodings(name: String, with: ValueObject, bytes: [UInt8], text: String, rows: Value?) async throws {
        try await withFiles { files in
            try files.write(bytes, "project/" + name)
            var with = with
            with["path"] = .string(name)
            let output = try await files.read(with)
            #expect(output["text"] == .string(text))
            #expect(output["rows"] == rows)
        }
    }

    @Test(
        "bytes that are not in the encoding are an error at their place",
        arguments: [
            ("a.txt", ["encoding": "shift_jis"], "bad-encoding", "\"a.txt\" is not shift_jis text: byte 1 is invalid"),
            ("b.txt", [:], "not-utf8", "\"b.txt\" is not utf-16le text: byte 4 is invalid"),
            ("d.txt", [:], "not-utf8", "\"d.txt\" is UTF-32 text, which is not supported"),
            ("a.txt", ["encoding": "shift-jiss"], "bad-with", "`encoding`: \"shift-jiss\" is not a known encoding"),
            ("c.xml", [:], "bad-encoding", "\"c.xml\" declares the unknown encoding \"klingon\""),
        ] as [(String, ValueObject, String, String)])
    func badEncodings(name: String, with: ValueObject, code: String, message: String) async throws {
        try await withFiles { files in
            try files.write([0x61, 0xFF, 0x62], "project/a.txt")
            try files.write([0xFF, 0xFE, 0x61, 0, 0x62], "project/b.txt")
            try files.write([0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], "project/d.txt")
            try files.write("<?xml version='1.0' encoding='Klingon'?>", "project/c.xml")
            var with = with
            with["path"] = .string(name)
            let error = try await #require(throws: StepError.self) { try await files.read(with) }
            #expect(error.code == code)
            #expect(error.message == message)
        }
    }

    @Test(
        "the facts name the file",
        arguments: [
            ("in/a.B.Md", ["path": "in/a.B.Md", "name": "a.B.Md", "stem": "a.B", "extension": "md", "size": 3]),
            (".rc", ["path": ".rc", "name": ".rc", "stem": ".rc", "extension": "", "size": 3]),
            ("a/./b/../c", ["path": "a/c", "name": "c", "stem": "c", "extension": "", "size": 3]),
        ] as [(String, ValueObject)])
    func facts(path: String, facts: ValueObject) async throws {
        try await withFiles { files in
            try files.write("abc", "project/\(facts["path"]?.text ?? "")")
            let output = try await files.read(["path": .string(path)])
            for (key, value) in facts { #expect(output[key] == value) }
            #expect(output["modified"]?.asString?.hasPrefix("20") == true)
        }
    }

    @Test("a byte order mark is passed over in text, JSON and CSV, and kept in bytes")
    func byteOrderMark() async throws {
        try await withFiles { files in
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            try files.write(mark + Array("x".utf8), "project/a.txt")
            try files.write(mark + Array("[1]".utf8), "project/a.json")
            try files.write(mark + Array("n\n1".utf8), "project/a.csv")
            #expect(try await files.read(["path": "a.txt"])["text"] == "x")
            #expect(try await files.read(["path": "a.json"])["json"] == [1])
            #expect(try await files.read(["path": "a.csv"])["rows"] == [["n": "1"]])
            #expect(try await files.read(["path": "a.txt", "as": "bytes"])["bytes"] == .bytes(mark + [0x78]))
        }
    }

    @Test("a path may be absolute below the project")
    func absolute() async throws {
        try await withFiles { files in
            try files.write("x", "project/a.txt")
            #expect(try await files.read(["path": .string(files.project + "/a.txt")])["path"] == "a.txt")
        }
    }

    @Test("a file that was named on the command line is read wherever it is, links and all; its neighbour is not")
    func granted() async throws {
        try await withFiles { files in
            try files.write("x", "outside/a.txt")
            try files.write("y", "outside/b.txt")
            try files.link("outside/link", to: "a.txt")
            let (granted, link) = (files.root + "/outside/a.txt", files.root + "/outside/link")
            var harness = files.harness
            harness.project = ProjectDirectory(path: files.project, grantedFiles: [granted, link])
            #expect(try await files.read(["path": .string(granted)], harness: harness)["text"] == "x")
            #expect(try await files.read(["path": .string(link)], harness: harness)["text"] == "x")
            let other = files.root + "/outside/b.txt"
            let error = try await files.readError(["path": .string(other)], harness: harness)
            #expect(error.message == "\"\(other)\" leads out of \"\(files.project)\"")
        }
    }

    @Test(
        "files that cannot be read say why",
        arguments: [
            (
                ["path": "notse.txt"], "file-not-found", "cannot read \"notse.txt\": there is no such file",
                "did you mean \"notes.txt\"?"
            ),
            (["path": "in/nots.txt"], "file-not-found", "cannot read \"in/nots.txt\": there is no such file", nil),
            (["path": "no/notes.txt"], "file-not-found", "cannot read \"no/notes.txt\": there is no such file", nil),
            (["path": "in"], "file-is-folder", "cannot read \"in\": it is a folder", "name a file"),
            (["path": "."], "file-is-folder", "\".\" is a folder", "name a file in it"),
            (["path": "notes.txt/"], "file-is-folder", "\"notes.txt/\" is a folder", "name a file in it"),
            (["path": ""], "bad-path", "the path is empty", nil),
            (["path": "a\u{0}b"], "bad-path", "the path \"a\\u0000b\" holds a NUL character", nil),
            (
                ["path": "notes.txt/a"], "file-not-folder",
                "cannot read \"notes.txt/a\": a part of the path is a file, not a folder", nil
            ),
            (["path": "pipe"], "file-is-folder", "cannot read \"pipe\": it is not a regular file", "name a file"),
            (
                ["path": "latin.txt"], "not-utf8", "\"latin.txt\" is not UTF-8 text: byte 2 is invalid",
                "name its encoding, such as `encoding: shift_jis`, or read it with `as: bytes`"
            ),
            (
                ["path": "bad.json"], "bad-json",
                "\"bad.json\" is not JSON: line 1, column 2: expected a key in quotes, found the end", nil
            ),
            (["path": "bad.csv"], "bad-csv", "\"bad.csv\", line 2: the header has 2 columns, this row has 1", nil),
            (
                ["path": "notes.txt", "max_size": 4], "file-too-large", "\"notes.txt\" is larger than 4B",
                "raise `max_size` if that is meant"
            ),
            (
                ["path": "notes.txt", "as": "csv", "delimiter": ""], "bad-with",
                "`delimiter`: expected one character, found \"\"", nil
            ),
            (
                ["path": "notes.txt", "as": "csv", "delimiter": "\""], "bad-with",
                "`delimiter`: expected one character, found \"\\\"\"", nil
            ),
            (["path": "notes.txt", "glob": "*"], "bad-with", "\"path\" and \"glob\" are mutually exclusive", nil),
            (
                ["glob": "a[b"], "bad-with", "`glob`: the pattern \"a[b\" has a \"[\" without \"]\"",
                "write [[] for a literal \"[\""
            ),
            (
                ["glob": "*.{a,b}"], "bad-with", "`glob`: the pattern \"*.{a,b}\" holds a brace",
                "list the alternatives: [\"*.txt\", \"*.md\"]"
            ),
            (["glob": "../*"], "bad-with", "`glob`: the pattern \"../*\" leads out of its folder", nil),
            (
                ["glob": "/etc/*"], "bad-with", "`glob`: the pattern \"/etc/*\" begins with a slash",
                "write it relative to the folder: \"etc/*\""
            ),
            ([:], "bad-with", "\"path\" or \"glob\" is required", nil),
        ] as [(ValueObject, String, String, String?)])
    func errors(with: ValueObject, code: String, message: String, hint: String?) async throws {
        try await withFiles { files in
            try files.write("hello", "project/notes.txt")
            try files.makeFolder("project/in")
            try files.write([0x61, 0x62, 0xE4, 0x62], "project/latin.txt")
            try files.write("{", "project/bad.json")
            try files.write("a,b\n1\n", "project/bad.csv")
            try files.makePipe("project/pipe")
            let error = try await files.readError(with)
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(error.hint == hint)
        }
    }

    @Test("a file of exactly the largest size passes")
    func largest() async throws {
        try await withFiles { files in
            try files.write("hello", "project/a.txt")
            #expect(try await files.read(["path": "a.txt", "max_size": 5])["size"] == 5)
            try files.write(Array(repeating: 0x61, count: 3 << 20), "project/big.txt")
            #expect(try await files.read(["path": "big.txt", "max_size": "3MiB"])["size"] == .int(3 << 20))
            let error = try await files.readError(["path": "big.txt", "max_size": "2MiB"])
            #expect(error.message == "\"big.txt\" is larger than 2MiB")
        }
    }

    @Test("all files of a pattern together have a largest size, which counts before any is read")
    func largestTogether() async throws {
        try await withFiles { files in
            for (name, size) in [("a", 40 << 20), ("b", 24 << 20), ("c", 1)] {
                try files.write("", "project/in/" + name)
                try #require(truncate(files.project + "/in/" + name, off_t(size)) == 0)
            }
            let error = try await files.readError(["glob": "in/*", "as": "bytes", "max_size": "50MiB"])
            #expect(error.code == "file-too-large")
            #expect(error.message == "the 3 files that match \"in/*\" have 65MiB together, more than 64MiB")
            #expect(error.hint == "narrow the pattern, or raise `max_size` if that is meant")
            #expect(try await files.read(["glob": "in/[ab]", "as": "bytes"]).asList?.count == 2)
            #expect(try await files.read(["glob": "in/*", "as": "bytes", "max_size": "65MiB"]).asList?.count == 3)
            try #require(truncate(files.project + "/in/a", off_t(1 << 42)) == 0)
            let largest = try await files.readError(["glob": "in/*"])
            #expect(
                largest.message == "the 3 files that match \"in/*\" have 4194329MiB together, more than 64MiB")
        }
    }

    @Test(
        "a pattern that begins with a folder lists only that folder",
        .enabled(if: !Files.isRoot, "root may read everything"))
    func lockedFolder() async throws {
        try await withFiles { files in
            try files.write("a", "project/n/a.md")
            try files.makeFolder("project/locked")
            try files.setMode(0, of: "project/locked")
            let output = try await files.read(["glob": "n/*.md"])
            let error = try await files.readError(["glob": "**/*.md"])
            try files.setMode(0o700, of: "project/locked")
            #expect(output.asList?.map { $0["path"] } == ["n/a.md"])
            #expect(error.message == "cannot list \"\(files.project)\"")
            #expect(error.hint?.hasSuffix("or begin the pattern with a folder") == true)
        }
    }

    @Test(
        "a pattern finds regular files, sorted by path",
        arguments: [
            ("*.md", ["a.md"]), ("**/*.md", ["a.md", "n/b.md", "n/o/c.md"]),
            ("n/**", ["n/b.md", "n/o/c.md", "n/x.txt"]),
            ("n/?.md", ["n/b.md"]), ("**/c.*", ["n/o/c.md"]), (".*", [".rc"]), ("**/.h/*", [".h/d.md"]), ("nope*", []),
            ("./n/*.txt", ["n/x.txt"]), ("[ab].md", ["a.md"]), ("n/[!b].*", ["n/x.txt"]),
            (".[a-z]*", [".rc"]), ("[.]rc", []), ("link/*", []), ("*.link", []),
            ("n/o/*.md", ["n/o/c.md"]), (".h/*", [".h/d.md"]), ("none/*", []), ("a.md/*", []),
        ])
    func glob(pattern: String, paths: [String]) async throws {
        try await withFiles { files in
            for path in ["a.md", "n/b.md", "n/o/c.md", "n/x.txt", ".rc", ".h/d.md"] {
                try files.write(path, "project/" + path)
            }
            try files.write("out", "outside/e.md")
            try files.link("project/link", to: "../outside")
            try files.link("project/e.link", to: "../outside/e.md")
            let output = try await files.read(["glob": .string(pattern)])
            #expect(output.asList?.map { $0["path"] } == paths.map { .string($0) })
            #expect(output.asList?.map { $0["text"] } == paths.map { .string($0) })
        }
    }
}
