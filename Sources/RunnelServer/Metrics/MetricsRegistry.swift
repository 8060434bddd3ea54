package import Metrics
package import RunnelEngine
import RunnelSupport
import Synchronization

/// Keeps what was measured through swift-metrics, and writes it in the text format of Prometheus, version 0.0.4. Exports to
/// other receivers are made of ``snapshot()``.
///
/// Labels and dimensions become names and labels. Timers become histograms in seconds; recorders become histograms of
/// their own unit. A family holds at most ``maximumSeries`` series, so that a label cannot grow without bound; what is
/// beyond it is counted in `runnel_metrics_dropped_total`.
package final class MetricsRegistry: MetricsFactory {
    /// The maximum number of combinations of labels of one family.
    package static let maximumSeries = 2000

    /// The upper bounds of the buckets of a histogram in seconds: from a commit to a run of an hour.
    static let secondsBuckets = [
        0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600,
    ]

    private let state = Mutex(State())

    package init() {}

    /// The registry of this process. It becomes the backend of swift-metrics at the first use, unless the executable has
    /// chosen another one; what is measured goes there then, and this registry shows what is looked up alone.
    package static let process: MetricsRegistry = {
        let registry = MetricsRegistry()
        if MetricsSystem.factory is NOOPMetricsHandler { MetricsSystem.bootstrap(registry) }
        return registry
    }()

    // MARK: - swift-metrics

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram)
    }

    // A series outlives the handler that a caller holds: a counter never starts again from zero.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// Leaves out a gauge whose value is unknown, until it is set again.
    func remove(_ name: String, labels: [(String, String)]) {
        let key = Self.joined(labels)
        state.withLock { state in
            state.families[name]?.series[key] = nil
            if state.families[name]?.series.isEmpty ?? false { state.families[name] = nil }
        }
    }

    // MARK: - Reading

    /// Everything that was measured, families by name and series by labels.
    package func snapshot() -> [MetricFamily] {
        let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
        var all = families.sorted { $0.key < $1.key }.map { name, family in
            MetricFamily(
                name: name, help: MetricsHelp.sentences[name], kind: family.kind,
                bounds: family.kind == .histogram ? Self.secondsBuckets : [],
                series: family.series.sorted { $0.key < $1.key }.map { $0.value.snapshot() })
        }
        all.append(
            MetricFamily(
                name: "runnel_metrics_dropped_total", help: MetricsHelp.dropped, kind: .counter,
                series: [MetricFamily.Series(value: Double(dropped))]))
        return all
    }

    /// The same as Prometheus reads it.
    package func text() -> String {
        var text = ""
        for family in snapshot() {
            if let help = family.help { text += "# HELP \(family.name) \(help)\n" }
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for series in family.series { Self.write(series, of: family, to: &text) }
        }
        return text
    }

    private static func write(_ series: MetricFamily.Series, of family: MetricFamily, to text: inout String) {
        let (name, labels) = (family.name, joined(series.labels))
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        guard family.kind == .histogram else {
            text += "\(name)\(braces) \(number(series.value))\n"
            return
        }
        var cumulated = 0
        let separator = labels.isEmpty ? "" : ","
        for (bound, bucket) in zip(family.bounds, series.buckets) {
            cumulated += bucket
            text += "\(name)_bucket{\(labels)\(separator)le=\"\(number(bound))\"} \(cumulated)\n"
        }
        text += "\(name)_bucket{\(labels)\(separator)le=\"+Inf\"} \(series.count)\n"
        text += "\(name)_sum\(braces) \(number(series.value))\n\(name)_count\(braces) \(series.count)\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func joined(_ labels: [(String, String)]) -> String {
        // Each measurement comes by here.
        var text = ""
        for (label, value) in labels {
            if !text.isEmpty { text += "," }
            text += name(label)
            text += "=\""
            text += escaped(value)
            text += "\""
        }
        return text
    }

    // MARK: - Series

    private struct Family {
        var kind: Kind
        /// By their labels as Prometheus reads them.
        var series: [String: MetricSeries] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var dropped = 0
    }

    typealias Kind = MetricFamily.Kind

    func series(_ label: String, _ dimensions: [(String, String)], _ kind: Kind) -> MetricSeries {
        let name = Self.name(label)
        let key = Self.joined(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            // One name has one type; what does not fit is measured and not shown.
            guard family.kind == kind else { return MetricSeries(kind, []) }
            if let series = family.series[key] { return series }
            let series = MetricSeries(kind, dimensions.map { (Self.name($0.0), $0.1) })
            if family.series.count < Self.maximumSeries { family.series[key] = series } else { state.dropped += 1 }
            state.families[name] = family
            return series
        }
    }

    /// The name with an underscore for each character that Prometheus does not allow.
    static func name(_ label: String) -> String {
        // Runnel's own need no change, and each measurement comes by here.
        if let first = label.utf8.first, !(0x30...0x39).contains(first), label.utf8.allSatisfy(isAllowed) {
            return label
        }
        let name = String(
            label.unicodeScalars.map { scalar in
                scalar.isASCII && isAllowed(UInt8(truncatingIfNeeded: scalar.value)) ? Character(scalar) : "_"
            })
        return name.first.map { $0.isNumber } ?? true ? "_" + name : name
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    static func escaped(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy {
            $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\n")
        }
        if isPlain { return value }
        return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\r\n", with: "\r\\n").replacing("\n", with: "\\n")
    }
}

/// The values of one name with one combination of labels.
final class MetricSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    private struct State {
        var value = 0.0
        var count = 0
        /// How many values each bucket has got, not cumulated.
        var buckets: [Int]
    }

    private let kind: MetricsRegistry.Kind
    private let labels: [(String, String)]
    private let state: Mutex<State>

    init(_ kind: MetricsRegistry.Kind, _ labels: [(String, String)]) {
        (self.kind, self.labels) = (kind, labels)
        let count = kind == .histogram ? MetricsRegistry.secondsBuckets.count : 0
        state = Mutex(State(buckets: [Int](repeating: 0, count: count)))
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }

    func increment(by amount: Double) {
        // A counter never falls.
        guard kind != .counter || amount >= 0 else { return }
        state.withLock { $0.value += amount }
    }

    func decrement(by amount: Double) { state.withLock { $0.value -= amount } }
    func reset() { state.withLock { $0.value = 0 } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard kind == .histogram else { return set(value) }
        state.withLock { state in
            state.value += value
            state.count += 1
            if let bucket = MetricsRegistry.secondsBuckets.firstIndex(where: { value <= $0 }) {
                state.buckets[bucket] += 1
            }
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
    func preferDisplayUnit(_ unit: TimeUnit) {}

    fileprivate func snapshot() -> MetricFamily.Series {
        let (value, count, buckets) = state.withLock { ($0.value, $0.count, $0.buckets) }
        return MetricFamily.Series(labels: labels, value: value, count: count, buckets: buckets)
    }
}

/// What the families mean, for `# HELP`.
enum MetricsHelp {
    static let dropped = "Series that were not kept because their family holds too many."

    static let sentences = [
        "runnel_build_info": "The version of Runnel; always 1.",
        "runnel_runs_total": "Runs that this process has finished, by pipeline and final state.",
        "runnel_run_duration_seconds": "How long this process worked on runs until they ended.",
        "runnel_steps_total": "Attempts of steps, by type of step and outcome.",
        "runnel_step_duration_seconds": "How long attempts of steps took.",
        "runnel_queue_depth":
            "Runs that have not ended, by state: queued and waiting ones of the journal, running ones of this process.",
        "runnel_queue_oldest_age_seconds":
            "How long ago the oldest queued run that has not started was accepted; 0 without one.",
        "runnel_journal_up": "Whether the journal can be read and written: 1 or 0.",
        "runnel_journal_size_bytes":
            "The bytes that the journal takes on disk: its database with the values beside it, or its tables in PostgreSQL.",
        "runnel_journal_commit_seconds": "How long transactions of the journal took until they were on disk.",
        "runnel_trigger_lag_seconds":
            "The time from a tick, the arrival of a file or a delivery until its run was on disk, by type of trigger.",
        "runnel_hook_refusals_total": "Deliveries to hooks that were refused, by pipeline and reason.",
        "runnel_chat_tokens_total": "Model tokens that servers have told, by direction: input, output.",
        "runnel_chat_first_token_seconds": "The time from the request of a chat to the first token of its answer.",
        "runnel_trace_spans_total": "Spans, by outcome: exported, dropped because the queue was full, failed.",
        "runnel_trigger_problems": "Triggers that cannot work at the moment.",
        "runnel_pipelines": "Pipelines that are served, and files that are not because they have errors.",
        "process_cpu_seconds_total": "The processor time of this process in user and system mode, in seconds.",
        "process_resident_memory_bytes": "The resident memory of this process in bytes.",
        "process_open_fds": "The open file descriptors of this process.",
        "process_max_fds": "The largest number of file descriptors that this process may have open.",
        "process_start_time_seconds": "When this process was started, in seconds since 1970.",
    ]
}
