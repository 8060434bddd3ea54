/// The whole way from the bytes of a response's body to the events of a chat. Pure: it knows no network and no clock.
struct ChatDecoder: Sendable {
    /// The most bytes of text that are kept for the error of a stream that breaks.
    static let keptText = 4 << 20

    /// `[DONE]` has come; whatever follows is ignored.
    private(set) var isDone = false
    /// Something came that a repetition of the request would do or show twice.
    private(set) var hasProgress = false
    private var text: [UInt8] = []
    private var role: String?
    private var parser: SSEParser
    private var scratch: [UInt8] = []

    init(limits: SSEParser.Limits = SSEParser.Limits()) {
        parser = SSEParser(limits: limits)
    }

    /// The text so far, `nil` when there is none.
    var partialText: String? {
        text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// Reads more of the body and appends the events it completes. The events before an error are appended, too.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, redactor: Redactor, into events: inout [ChatEvent]
    ) throws(MarketplaceError) {
        guard !isDone else { return }
        var failure: MarketplaceError?
        // The parser is lent to itself while it calls back into the other parts of this value.
        var parser = SSEParser()
        swap(&parser, &self.parser)
        defer { swap(&parser, &self.parser) }
        do {
            try parser.feed(bytes) { event in
                guard !isDone, failure == nil else { return }
                failure = read(event, redactor: redactor, into: &events)
            }
        } catch {
            failure = failure ?? Self.tooMuch(error)
        }
        if let failure, !isDone { throw failure.keeping(partialText: partialText) }
    }

    private mutating func read(
        _ event: SSEParser.RawEvent, redactor: Redactor, into events: inout [ChatEvent]
    ) -> MarketplaceError? {
        if let match = ChunkScanner.scan(event.data), event.event != "error" {
            append(match.text, in: event.data, to: &events)
            return nil
        }
        if isDoneMark(event.data) {
            isDone = true
            return nil
        }
        do {
            switch try ChunkDecoder.decode(event.data) {
            case .error(let message): return Self.reported(message, redactor)
            case .events(let found):
                if event.event == "error" { return Self.reported(Self.message(of: event.data), redactor) }
                for event in found { append(event, to: &events) }
                return nil
            }
        } catch {
            if event.event == "error" { return Self.reported(Self.message(of: event.data), redactor) }
            return Self.malformed(event.data, error.what, redactor)
        }
    }

    @inline(__always)
    private mutating func append(
        _ content: JSONCursor.Text, in data: UnsafeRawBufferPointer, to events: inout [ChatEvent]
    ) {
        guard !content.range.isEmpty else { return }
        let raw = UnsafeRawBufferPointer(rebasing: data[content.range])
        hasProgress = true
        guard content.hasEscapes else {
            keep(raw)
            events.append(.text(String(decoding: raw, as: UTF8.self)))
            return
        }
        scratch.removeAll(keepingCapacity: true)
        JSONEscape.decode(raw, into: &scratch)
        let string = String(decoding: scratch, as: UTF8.self)
        scratch.withUnsafeBytes { keep($0) }
        events.append(.text(string))
    }

    private mutating func append(_ event: ChatEvent, to events: inout [ChatEvent]) {
        switch event {
        case .role(let name, let info):
            // Some servers repeat the role in every chunk.
            if name == role, info == nil { return }
            role = name
        case .text(var string):
            hasProgress = true
            string.withUTF8 { keep(UnsafeRawBufferPointer($0)) }
        case .task: hasProgress = true
        case .finish, .usage: break
        }
        events.append(event)
    }

    @inline(__always)
    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let room = Self.keptText - text.count
        guard room > 0 else { return }
        text.append(contentsOf: bytes.count <= room ? bytes : UnsafeRawBufferPointer(rebasing: bytes[..<room]))
    }

    private func isDoneMark(_ data: UnsafeRawBufferPointer) -> Bool {
        // Some servers put spaces around it.
        var slice = data[...]
        while slice.last == 0x20 { slice = slice.dropLast() }
        while slice.first == 0x20 { slice = slice.dropFirst() }
        return slice.elementsEqual("[DONE]".utf8)
    }

    private static func message(of data: UnsafeRawBufferPointer) -> ServerMessage {
        ServerMessage(body: Array(data), contentType: nil)
    }

    private static func reported(_ message: ServerMessage, _ redactor: Redactor) -> MarketplaceError {
        let said = redactor.redact(message.text ?? message.code).map { Quote.quoted($0) } ?? "it did not say which"
        let code = message.text == nil ? nil : redactor.redact(message.code).map { " (\(Quote.text($0, limit: 60)))" }
        return MarketplaceError(
            .errorInStream,
            "The server reported an error in its answer: \(said)\(code ?? "").",
            hint: message.isTransient
                ? "Try again later."
                : "Check the request and the agent; the server's operator can see more in its log.",
            isTransient: message.isTransient)
    }

    private static func malformed(
        _ data: UnsafeRawBufferPointer, _ what: String, _ redactor: Redactor
    ) -> MarketplaceError {
        let shown = Quote.quoted(redactor.redact(String(decoding: data, as: UTF8.self)), limit: 120)
        return MarketplaceError(
            .malformedEvent, "The server sent an event that cannot be read: \(what): \(shown).",
            hint: "Check that the base URL is the API's address and that no proxy changes the stream.")
    }

    private static func tooMuch(_ failure: SSEParser.Failure) -> MarketplaceError {
        let hint = "Check that the base URL is the API's address and that no proxy changes the stream."
        switch failure {
        case .lineTooLong(let limit):
            return MarketplaceError(.lineTooLong, "The server sent a line longer than \(limit) bytes.", hint: hint)
        case .eventTooLarge(let limit):
            return MarketplaceError(.eventTooLarge, "The server sent an event larger than \(limit) bytes.", hint: hint)
        }
    }
}
