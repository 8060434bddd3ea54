// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let parts: [[ErrorEntry]] = [
        yAML,
        pipelineFilesAndConfiguration,
        templates,
        jSONSchemas,
        runsAndTheJournal,
        everyStep,
        chat,
        fileReadAndFileWrite,
        httpFetchAndWebhookSend,
        template,
        transform,
        watch,
        webhook,
        pluginsInOtherLanguages,
        testsOfPipelines,
        theAPIOfAServer,
        theCommandLine,
    ]
}
