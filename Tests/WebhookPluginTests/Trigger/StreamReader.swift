import TestSupport
import Testing

/// A caller who reads a streamed answer piece by piece. A piece is written when the one before has been read.
actor StreamReader {
    struct Gone: Error {}

    private var piece: String?
    private var hasLeft = false

    /// Takes the next piece, once there is one.
    func next() async throws -> String {
        try await waitForWriter()
        defer { piece = nil }
        return piece ?? ""
    }

    /// Takes the next piece and compares it.
    func expect(_ expected: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let piece = try await next()
        #expect(piece == expected, sourceLocation: sourceLocation)
    }

    /// Waits until a piece has been written that nobody has read.
    func waitForWriter() async throws {
        while piece == nil { try await waitTurn() }
    }

    func leave() {
        hasLeft = true
    }

    func receive(_ text: String) async throws {
        while piece != nil, !hasLeft { try await waitTurn() }
        guard !hasLeft else { throw Gone() }
        piece = text
    }
}
