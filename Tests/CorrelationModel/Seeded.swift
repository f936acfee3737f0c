import Glibc

/// The seed of random tests: SPANBRIDGE_SEED, or a new one. It is printed so that a failure can be repeated.
package struct Seeded: RandomNumberGenerator {
    package let seed: UInt64
    private var state: UInt64

    package init(_ test: String) {
        seed = Self.given ?? UInt64.random(in: 0...UInt64.max)
        state = seed
        print("\(test): SPANBRIDGE_SEED=\(seed)")
    }

    /// A part of a random test whose seed was printed.
    package init(quietly seed: UInt64) {
        self.seed = seed
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private static var given: UInt64? {
        getenv("SPANBRIDGE_SEED").flatMap { UInt64(String(cString: $0)) }
    }

    package mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
