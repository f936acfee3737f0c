import Testing

/// Damaged forms of a valid message, for tests that a parser refuses or reads them but never traps.
enum ByteMutations {
    /// Calls `body` with every proper prefix and with the message after flipping bits of each byte.
    static func everyPrefixAndFlip(of message: [UInt8], _ body: ([UInt8]) throws -> Void) rethrows {
        for count in 0..<message.count { try body(Array(message.prefix(count))) }
        var damaged = message
        for index in message.indices {
            for bits: UInt8 in [0x01, 0x02, 0x10, 0x80, 0xFF] {
                damaged[index] ^= bits
                try body(damaged)
                damaged[index] = message[index]
            }
        }
    }

    /// Calls `body` with messages in which bytes are replaced, removed, doubled or moved at random. The seed is printed
    /// and is part of the comment passed along.
    static func random(
        of message: [UInt8], rounds: Int = 1000, seed: UInt64 = .random(in: 0 ... .max),
        _ body: ([UInt8], Comment) throws -> Void
    ) rethrows {
        print("seed \(seed)")
        var random = SplitMix(state: seed)
        for _ in 0..<rounds {
            var damaged = message
            for _ in 0...Int.random(in: 0...4, using: &random) where !damaged.isEmpty {
                let index = Int.random(in: damaged.indices, using: &random)
                switch Int.random(in: 0...4, using: &random) {
                case 0: damaged[index] = .random(in: 0...255, using: &random)
                case 1: damaged.remove(at: index)
                case 2: damaged.insert(.random(in: 0...255, using: &random), at: index)
                case 3:
                    let end = min(damaged.count, index + Int.random(in: 1...40, using: &random))
                    damaged.insert(contentsOf: Array(damaged[index..<end]), at: index)
                default:
                    let end = min(damaged.count, index + Int.random(in: 1...20, using: &random))
                    damaged.removeSubrange(index..<end)
                }
            }
            try body(damaged, "seed \(seed)")
        }
    }

    struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }
}

/// The bytes that hex digits stand for.
func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
    }
}

/// The text of bytes.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
