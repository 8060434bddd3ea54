/// Writes down in advance all that a stream will do, so that playing it needs no decisions.
struct StreamScript {
    /// A line longer than the 16 MiB that the client accepts unless it is told otherwise.
    static let hugeLength = 16 * 1_048_576 + 1

    private let configuration: SimulatorConfiguration
    private let format: ChunkFormat
    /// Sent before the end where the request asked for it.
    private let usage: SimulatedUsage?
    private var steps: [StreamStep] = []

    /// The steps of the answer to a request.
    ///
    /// - Parameters:
    ///   - text: The answer's text; one made of the prompt when nil.
    ///   - isRest: Whether only the second half is sent.
    static func steps(
        for request: ParsedChatRequest, fault: Fault?, text: String? = nil, isRest: Bool = false,
        configuration: SimulatorConfiguration
    ) -> [StreamStep] {
        let text = text ?? Answer.text(for: request, fault: fault)
        let usage = request.wantsUsage ? SimulatedUsage(of: request, answer: text) : nil
        var script = StreamScript(request: request, fault: fault, usage: usage, configuration: configuration)
        script.write(WordSplitter.pieces(of: text), fault: fault, isRest: isRest)
        return script.steps
    }

    private init(
        request: ParsedChatRequest, fault: Fault?, usage: SimulatedUsage?, configuration: SimulatorConfiguration
    ) {
        self.configuration = configuration
        self.usage = usage
        format = ChunkFormat(
            shape: fault == .quickstartShape ? .quickstart : configuration.shape, model: request.model,
            // Follow-ups of a conversation begin alike.
            conversationID: request.conversationID
                ?? StableHash.uuid("conversation", request.messages.first?.content ?? ""),
            messageID: Self.messageID(of: request),
            now: configuration.wallClock())
    }

    /// The id of the answer to a request.
    static func messageID(of request: ParsedChatRequest) -> String {
        let contents = request.messages.flatMap { [$0.role, $0.content] }
        return StableHash.uuid("message", StableHash.hexadecimal(StableHash(contents).value))
    }

    private mutating func write(_ pieces: [String], fault: Fault?, isRest: Bool) {
        if isRest {
            write(pieces[((pieces.count + 1) / 2)...], nil, isEnd: true)
            addUsage()
            return steps.append(.send(ChunkFormat.done))
        }
        if fault == .slowStart { pause(configuration.slowStart) }
        if format.shape == .guide {
            steps.append(.send(ChunkFormat.connected))
            steps.append(.send(format.role()))
            steps.append(.send(format.task("tool_call", title: "read_message", status: "running")))
            pause(configuration.pace)
            steps.append(.send(format.task("tool_result", title: "success", status: "completed")))
        }
        switch fault {
        case .refusal:
            return end(
                format.refusal("Simulated: I cannot "), format.refusal("help with that."), reason: "stop")
        case .flatError: return steps += [.send(ChunkFormat.flatError), .send(ChunkFormat.done)]
        case .contentParts: steps.append(.send(format.thinking("Simulated thinking.")))
        default: break
        }
        let half = (pieces.count + 1) / 2
        write(pieces[..<half], fault, isEnd: half == pieces.count)
        switch fault {
        case .malformedJSON: steps.append(.send(ChunkFormat.malformed))
        case .hugeLine: steps.append(.send(format.text(String(repeating: "x", count: Self.hugeLength))))
        case .errorMidStream: return steps.append(.send(ChunkFormat.error))
        case .cutOff: return
        case .resetMidStream: return steps.append(.reset)
        case .stall: return steps.append(.stall(heartbeat: nil))
        case .stallWithHeartbeats: return steps.append(.stall(heartbeat: configuration.heartbeat))
        case .finishError:
            let message = "Simulated: the agent failed while it was answering."
            return steps += [.send(format.finish("error", content: message)), .send(ChunkFormat.done)]
        case .finishLength: return end(reason: "length")
        case .contentFilter: return end(reason: "content_filter")
        case .toolCall: return end(format.toolCall("read_message"), reason: "tool_calls")
        case .interactionRequired: return end(format.permissionRequest("May I read your messages?"), reason: "stop")
        case .emptyEvents: steps.append(.send(ChunkFormat.emptyEvents))
        case .splitCharacter: steps += ChunkFormat.splitCharacter.map { .send($0) }
        default: break
        }
        write(pieces[half...], fault, isEnd: true)
        if pieces.isEmpty, format.shape == .guide { steps.append(.send(format.text("", isLast: true))) }
        switch fault {
        case .missingDone: if format.shape == .quickstart { steps.append(.send(format.finish("stop"))) }
        case .doneWithoutBlankLine:
            addUsage()
            steps.append(.send("data: [DONE]"))
        default:
            addUsage()
            steps.append(.send(ChunkFormat.done))
        }
    }

    private mutating func addUsage() {
        if let usage { steps.append(.send(format.usage(usage))) }
    }

    /// Ends the stream with these chunks, a reason and [DONE].
    private mutating func end(_ chunks: String..., reason: String) {
        steps += (chunks + [format.finish(reason)]).map { .send($0) }
        addUsage()
        steps.append(.send(ChunkFormat.done))
    }

    private mutating func write(_ pieces: ArraySlice<String>, _ fault: Fault?, isEnd: Bool) {
        for (index, piece) in zip(pieces.indices, pieces) {
            pause(configuration.pace)
            let isLast = isEnd && index == pieces.endIndex - 1
            let chunk = fault == .contentParts && !isLast ? format.parts(piece) : format.text(piece, isLast: isLast)
            steps.append(.send(chunk))
        }
    }

    /// A pause with the heartbeats that fall into it.
    private mutating func pause(_ duration: Duration) {
        var rest = duration
        while format.shape == .guide, rest > configuration.heartbeat {
            steps.append(.pause(configuration.heartbeat))
            steps.append(.send(ChunkFormat.heartbeat))
            rest -= configuration.heartbeat
        }
        if rest > .zero { steps.append(.pause(rest)) }
    }
}

/// One thing that happens on a stream, in order. The stream's body ends after the last one.
enum StreamStep: Sendable, Equatable {
    case send(String)
    case pause(Duration)
    /// For ever; with a heartbeat each time that long has passed, nil for silence.
    case stall(heartbeat: Duration?)
    /// The connection is reset.
    case reset
}

/// Cuts text into the pieces in which an agent would send it.
enum WordSplitter {
    /// Longer runs without white space (as in Japanese) are cut too.
    private static let longestWord = 12

    /// Each piece is a word with the white space that follows it. Joined, they are the text; characters stay whole.
    static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var length = 0
        for character in text {
            let beginsWord = !character.isWhitespace && (piece.last?.isWhitespace ?? false)
            if beginsWord || (!character.isWhitespace && length >= longestWord) {
                pieces.append(piece)
                piece = ""
                length = 0
            }
            piece.append(character)
            length += 1
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// Cuts bytes inside their first character of several bytes; whole when there is none.
    static func cutInsideCharacter(_ bytes: [UInt8]) -> [[UInt8]] {
        guard let first = bytes.firstIndex(where: { $0 >= 0xC0 }) else { return [bytes] }
        return [Array(bytes[...first]), Array(bytes[(first + 1)...])]
    }
}
