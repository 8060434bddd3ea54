import Testing

@testable import MarketplaceSimulator

@Suite("Answer composer")
struct AnswerComposerTests {
    @Test("a Markdown text is answered with its headings and the first sentence below each")
    func headings() {
        let answer = AnswerComposer.answer(
            to: """
                Write a digest of this text. Be brief.

                # Runnel
                Runnel runs pipelines. It is
                one binary.

                ```swift
                # not a heading
                ```
                ## Layout
                | a | b |
                ## Use
                - Run it. Then look.
                """)
        #expect(
            answer == """
                Simulated answer: no model has read this. The message has 28 words and 3 headings.

                It begins: Write a digest of this text.

                **Runnel**
                Runnel runs pipelines.

                **Layout**

                **Use**
                Run it.
                """)
    }

    @Test("a text without headings is answered with the first sentence of each paragraph")
    func paragraphs() {
        let answer = AnswerComposer.answer(to: "First one. More.\n\nVersion 1.5 is out! Yes.\n\n日本語です。次の文。")
        #expect(
            answer == """
                Simulated answer: no model has read this. The message has 9 words. Its main sentences:

                - First one.
                - Version 1.5 is out!
                - 日本語です。
                """)
    }

    @Test("one sentence is repeated, and a message without any is only counted")
    func short() {
        #expect(
            AnswerComposer.answer(to: "こんにちは")
                == "Simulated answer: no model has read this. The message has 1 word: こんにちは")
        #expect(AnswerComposer.answer(to: "?!") == "Simulated answer: no model has read this. The message has 0 words.")
    }

    @Test("the line that chooses a fault is not part of the text")
    func directive() {
        #expect(AnswerComposer.answer(to: "simulate: cut-off\nHello") == AnswerComposer.answer(to: "Hello"))
    }

    @Test("long sentences are shortened and many headings are counted")
    func limits() {
        let outline = TextOutline(of: String(repeating: "word ", count: 100))
        #expect(outline.sentences == [String(repeating: "word ", count: 47) + "word…"])
        let text = (1...10).map { "# Heading \($0)" }.joined(separator: "\n")
        #expect(AnswerComposer.answer(to: text).hasSuffix("**Heading 8**\n\nAnd 2 more headings."))
    }
}
