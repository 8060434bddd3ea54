import CRunnelJQ
import LibC
import RunnelKit
import Synchronization

/// Caches the validation of programs and patterns, so that each is compiled once and not every time a step is decoded.
///
/// What libjq has accepted is also kept in a file of the project: libjq 1.6 takes 25 ms to compile any program.
final class VerdictCache: Sendable {
    static let shared = VerdictCache()

    private static let maximum = 16_384

    struct Verdict {
        /// nil when there is none.
        var problem: FieldError?
        /// Whether the result is permanent; otherwise the check is repeated.
        var isFinal = true
    }

    private struct State {
        var verdicts: [UInt128: Verdict] = [:]
        /// Keys from oldest to newest.
        var order: [UInt128] = []
        var file: VerdictFile?
    }

    private let state = Mutex(State())

    /// Takes over what the file holds, and adds to it what is accepted from now on.
    func keep(in file: VerdictFile) {
        let isKnown = state.withLock { state in
            defer { state.file = file }
            return state.file?.path == file.path
        }
        // Plugins are configured more than once in a process; the file is read once.
        guard !isKnown else { return }
        let accepted = file.accepted()
        state.withLock { state in
            for key in accepted { Self.remember(Verdict(problem: nil), for: key, in: &state) }
        }
    }

    /// The cached problem of `subject`, or the result of `check`.
    func problem(with subject: String, check: () -> Verdict) -> FieldError? {
        let key = Self.digest(subject)
        if let known = state.withLock({ $0.verdicts[key] }) { return known.problem }
        var verdict = check()
        if !verdict.isFinal { verdict = check() }
        guard verdict.isFinal else { return verdict.problem }
        let file = state.withLock { state in
            Self.remember(verdict, for: key, in: &state) ? state.file : nil
        }
        if verdict.problem == nil { file?.add(key) }
        return verdict.problem
    }

    /// - Returns: Whether it was not known.
    @discardableResult
    private static func remember(_ verdict: Verdict, for key: UInt128, in state: inout State) -> Bool {
        guard state.verdicts.updateValue(verdict, forKey: key) == nil else { return false }
        state.order.append(key)
        if state.order.count > maximum { state.verdicts[state.order.removeFirst()] = nil }
        return true
    }

    /// FNV-1a of 128 bits.
    private static func digest(_ text: String) -> UInt128 {
        text.utf8.reduce(0x6C62_272E_07BB_0142_62B8_2175_6295_C58D) { hash, byte in
            (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013B
        }
    }
}

/// The programs and patterns that one libjq has accepted, by digest: a line of 32 hexadecimal digits each.
///
/// Nothing depends on it. What cannot be read or written is compiled anew.
struct VerdictFile: Sendable {
    /// In bytes; a larger file is begun again. It holds some 8,000 programs.
    private static let limit = 256 << 10

    private let folder: String
    let path: String

    /// - Parameter folder: Made when the first program is added.
    /// - Returns: nil where it cannot be told which libjq is used, or a `.jq` in the home folder adds to it.
    init?(in folder: String) {
        var identity = (UInt64(0), UInt64(0))
        guard runnel_jq_identity(&identity.0, &identity.1) == 0 else { return nil }
        if let home = getenv("HOME"), access(String(cString: home) + "/.jq", F_OK) == 0 { return nil }
        self.init(in: folder, library: String(identity.0, radix: 16) + "-" + String(identity.1, radix: 16))
    }

    /// - Parameter library: Tells one libjq from another.
    init(in folder: String, library: String) {
        self.folder = folder
        path = "\(folder)/jq-\(library)"
    }

    func accepted() -> [UInt128] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return [] }
        guard facts.st_size <= Self.limit else {
            unlink(path)
            return []
        }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return [] }
        // A line that was cut off is none.
        return bytes[..<count].split(separator: 0x0A).compactMap {
            $0.count == 32 ? UInt128(String(decoding: $0, as: UTF8.self), radix: 16) : nil
        }
    }

    func add(_ key: UInt128) {
        let digits = String(key, radix: 16)
        var line = Array((String(repeating: "0", count: 32 - digits.count) + digits + "\n").utf8)
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        var descriptor = open(path, flags, 0o600)
        if descriptor < 0, errno == ENOENT {
            mkdir(folder, 0o700)
            descriptor = open(path, flags, 0o600)
        }
        guard descriptor >= 0 else { return }
        // In one piece, so that the lines of several processes do not mix.
        _ = write(descriptor, &line, line.count)
        close(descriptor)
    }
}
