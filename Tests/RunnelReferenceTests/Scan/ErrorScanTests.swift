import Testing

@Suite struct ErrorScanTests {
    private func found(_ source: String) -> [String] {
        (SwiftArguments.all(in: source).flatMap(ErrorUse.all) + ErrorUse.assigned(in: source)
            + DocumentedCode.all(in: source))
            .map { "\($0.code): \($0.sentences.joined(separator: " / ")) (\($0.hints.joined(separator: " / ")))" }
    }

    @Test("the places at which errors are made are found, with sentence and hint")
    func made() {
        #expect(
            found(
                #"throw StepError("bad-json", "\"\(file.shown(1, "x"))\" is not JSON: \(error)", hint: "mend it so")"#)
                == [#"bad-json: "…" is not JSON: … (mend it so)"#])
        #expect(
            found(##"diagnostics.error("bad-id", keys["id"], #"the "\#(id)" is bad"#)"##) == [
                #"bad-id: the "…" is bad ()"#
            ])
        #expect(
            found(#"throw APIError(413, "body-too-large", "the body is too large")"#) == [
                "body-too-large: the body is too large ()"
            ])
        #expect(
            found(#"case .a: ("disk-full", "the disk is full", "make room for it")"#) == [
                "disk-full: the disk is full (make room for it)"
            ])
        #expect(
            found(#"TemplateIssue(isTag ? "open-tag" : "open-text", "it is never closed", range)"#) == [
                "open-tag: it is never closed ()", "open-text: it is never closed ()",
            ])
        #expect(found(#"YAMLError(code: "syntax", message: words, range: range)"#) == ["syntax:  ()"])
        #expect(found(#"let code = isLost ? "was-lost" : "was-found""#) == ["was-lost:  ()", "was-found:  ()"])
        #expect(
            found("enum Code: String {\n    /// It is gone.\n    case gone = \"is-gone\"\n}") == [
                "is-gone: It is gone ()"
            ])
    }

    @Test("other words with hyphens are no codes")
    func others() {
        #expect(found(#"headers.addDefault(name: "content-type", value: "text/plain; charset=utf-8")"#) == [])
        #expect(found(#"headers.add("content-type", "text/plain; charset=utf-8")"#) == [])
        #expect(found(#"response.headers.add("access-control-expose-headers", "Location, Retry-After")"#) == [])
        #expect(found(#"// throw StepError("not-this", "it is a comment")"#) == [])
        #expect(found(#"@Field("How it is done.", key: "so-so") var a: Int"#) == [])
        #expect(found("case a = \"b-c\"") == [])
    }
}
