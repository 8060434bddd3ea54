import LibC
import RunnelEngine
import RunnelKit

/// The API token of a project whose settings have none: made at the first start of `runnel serve` in a file that only
/// its owner can read, and read by the commands that call the server. So other users of the machine, and requests that a
/// pipeline makes, do not get in.
struct TokenFile {
    private let directory: String
    var path: String { directory + "/api-token" }

    private static let maximumSize = 256

    /// - Parameter directory: The folder of the journal.
    init(in directory: String) {
        self.directory = directory
    }

    /// The token; nil if there is none that nobody else could have written or read.
    func token() -> String? { try? find() }

    /// The token, as ``token()``.
    ///
    /// - Throws: The reason why there is none.
    func find() throws(FileReading.Failure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            let failure = BoundedFile.Failure(code: errno)
            throw failure.code == ENOENT
                ? unusable("there is no file \"\(path)\"")
                : FileReading.Failure(message: "cannot read the file \"\(path)\": \(failure.text)")
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw unusable("\"\(path)\" is not a file")
        }
        guard info.st_uid == geteuid() else {
            throw FileReading.Failure(
                message: "the file \"\(path)\" belongs to another user; execute the command as the user of the server")
        }
        guard info.st_mode & 0o077 == 0 else {
            let mode = String(info.st_mode & 0o777, radix: 8)
            throw unusable("other users can open the file \"\(path)\" (mode 0\(mode))")
        }
        var bytes = [UInt8](repeating: 0, count: Self.maximumSize)
        let count = max(0, read(descriptor, &bytes, bytes.count))
        let text = String(decoding: bytes.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
        guard !text.isEmpty else { throw unusable("the file \"\(path)\" is empty") }
        guard text.utf8.count >= 32 else { throw unusable("the token in the file \"\(path)\" is too short") }
        return text
    }

    private func unusable(_ problem: String) -> FileReading.Failure {
        FileReading.Failure(message: "\(problem); `runnel serve` makes a new one when it starts")
    }

    /// Makes a token of 256 random bits, unless another process has just made one.
    func make() throws(FileReading.Failure) {
        guard token() == nil else { return }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw failure(errno) }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let text = Base64.encode(bytes).filter { $0 != "=" }.replacing("+", with: "-").replacing("/", with: "_") + "\n"
        let temporary = "\(path).\(getpid())"
        if let code = PrivateFile.create(temporary, with: text) { throw failure(code) }
        defer { unlink(temporary) }
        // A file that others could read is replaced; one that another process has made meanwhile is kept.
        if link(temporary, path) == 0 || token() != nil || rename(temporary, path) == 0 { return }
        throw failure(errno)
    }

    private func failure(_ code: Int32) -> FileReading.Failure {
        FileReading.Failure(
            message: "the API token cannot be kept in \(path): \(BoundedFile.Failure(code: code).reason)\n"
                + "  = make the folder writable, or set `server: { token: { env: RUNNEL_TOKEN } }` in runnel.yaml")
    }
}
