/// Moves each tick's run a little, by an amount that seems random but is the same for everyone who computes it: after a
/// restart, and in another process.
struct Jitter: Hashable, Sendable {
    /// In nanoseconds.
    let limit: Int64
    /// Tells apart the triggers that have the same ticks.
    let seed: UInt64

    init(limit: Int64, of trigger: String) {
        self.limit = limit
        // FNV-1a, 64 bits.
        seed = trigger.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// How much later the tick's run starts, in nanoseconds: up to the limit, and before the next tick.
    func delay(of tick: Int64, before next: Int64?) -> Int64 {
        guard limit > 0 else { return 0 }
        var bound = UInt64(limit) + 1
        if let next { bound = min(bound, UInt64(next - tick)) }
        // The finalizer of SplitMix64, which spreads neighbouring numbers.
        var bits = seed ^ UInt64(bitPattern: tick)
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int64((bits ^ (bits >> 31)) % bound)
    }
}
