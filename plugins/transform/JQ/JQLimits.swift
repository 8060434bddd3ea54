import CRunnelJQ
import RunnelKit

/// What a jq program may use.
enum JQLimits {
    static let programSize = 64 << 10
    static let outputs = 100_000
    /// Counted over all outputs: values of every kind, keys not included.
    static let values = 4_000_000
    /// Of all texts and keys in the outputs, in bytes of UTF-8.
    static let text = ByteCount.mebibytes(256)
    /// How deep an output may nest; the same as for JSON that is read.
    static let depth = 512
    /// What an evaluation may allocate, inputs and outputs included.
    static let memory = ByteCount(Int(RUNNEL_JQ_MEMORY))
    /// Of compiling a program, in CPU time.
    static let compileTime = Duration.seconds(Int(RUNNEL_JQ_COMPILE_SECONDS))
}
