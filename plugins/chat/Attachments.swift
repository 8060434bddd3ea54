import Marketplace
import RunnelKit

/// The files of a chat, read and checked before anything is sent.
struct Attachments {
    /// How a file reaches the agent.
    private enum Way {
        case upload, image
        /// A stand-in takes none.
        case none
    }

    private struct File {
        let name: String
        let mediaType: String
        let bytes: [UInt8]
    }

    private let files: [File]
    private let way: Way

    /// - Throws: A ``StepError``: `attachment-unsupported` for a file that the server cannot take, and what reading says.
    init(
        _ paths: [ProjectPath], _ service: MarketplaceService.Service, _ project: ProjectDirectory
    ) throws(StepError) {
        guard !paths.isEmpty else {
            (files, way) = ([], .image)
            return
        }
        let settings = service.settings
        if service.isSimulated {
            way = .none
        } else if service.client.configuration.dialect.upload != nil {
            way = .upload
        } else if settings.auth != .clientCredentials {
            way = .image
        } else {
            throw StepError(
                ChatErrorCode.attachmentUnsupported, "the chat has files, and there is no place to send them to",
                hint: "set `marketplace.paths.upload` to the path that takes files")
        }
        var files: [File] = []
        var total = 0
        for path in paths {
            let file = try project.read(path.text, upTo: settings.limits.maxFile)
            let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
            total += file.bytes.count
            guard !file.bytes.isEmpty else {
                throw StepError(ChatErrorCode.attachmentUnsupported, "the file \"\(path.text)\" is empty")
            }
            guard total <= settings.limits.maxFile.bytes else {
                throw StepError(
                    ChatErrorCode.attachmentUnsupported,
                    "the files together are larger than \(settings.limits.maxFile)",
                    hint: "attach fewer files, or raise `marketplace.limits.max_file`")
            }
            let image = Self.imageType(file.bytes)
            if way == .image, image == nil {
                throw StepError(
                    ChatErrorCode.attachmentUnsupported, "the file \"\(path.text)\" is no PNG, JPEG, GIF or WebP image",
                    hint: "read a text with `file.read` and put it into the prompt, or set `marketplace.paths.upload`")
            }
            let mediaType = image ?? Self.documentType(file.bytes)
            guard settings.limits.sends(mediaType) else {
                let types = settings.limits.fileTypes.joined(separator: ", ")
                throw StepError(
                    ChatErrorCode.attachmentUnsupported,
                    "the file \"\(path.text)\" is of the type \(mediaType), which is not sent",
                    hint: "`marketplace.limits.file_types` says which types are sent: \(types)")
            }
            files.append(File(name: name, mediaType: mediaType, bytes: file.bytes))
        }
        self.files = files
    }

    /// Whether there are files that the server wants beforehand.
    var isUploaded: Bool { way == .upload && !files.isEmpty }

    /// Sends the files where the server wants them beforehand.
    /// - Returns: What belongs into the body of the request.
    func upload(_ client: MarketplaceClient) async throws -> ValueObject {
        guard isUploaded else { return [:] }
        var ids: [Value] = []
        for file in files {
            do {
                ids.append(
                    ["fileId": .string(try await client.upload(file.bytes, name: file.name, mediaType: file.mediaType))]
                )
            } catch let error as MarketplaceError {
                try Task.checkCancellation()
                throw StepError(error)
            }
        }
        return ["files": .list(ids)]
    }

    /// The messages with the images in the last one of the user.
    func attached(to messages: [ChatMessage]) -> [ChatMessage] {
        guard way == .image, !files.isEmpty, let last = messages.lastIndex(where: { $0.role == "user" }) else {
            return messages
        }
        var messages = messages
        messages[last].images = files.map { "data:\($0.mediaType);base64,\(Base64.encode($0.bytes))" }
        return messages
    }

    /// By its first bytes: the name of a file is not what it is.
    private static func imageType(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: "GIF8".utf8) { return "image/gif" }
        if bytes.count > 12, bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WEBP".utf8) {
            return "image/webp"
        }
        return nil
    }

    /// What is no image.
    private static func documentType(_ bytes: [UInt8]) -> String {
        if bytes.starts(with: "%PDF-".utf8) { return "application/pdf" }
        return String(validating: bytes, as: UTF8.self) == nil ? "application/octet-stream" : "text/plain"
    }
}
