/// Which ids came lately, in a fixed number of places: an id takes the place of another that came before it. It may say no
/// to an id that was seen, never yes to one that was not.
struct SeenTable {
    /// Up to so many ids a minute, nearly all of the last minute are still there.
    static let reliableWrites = 8192
    private static let size = 1 << 15
    private var places: [UInt64] = []

    /// Notes an id; whether it was there already.
    @inline(always)
    mutating func note(_ id: UInt64) -> Bool {
        if places.isEmpty { places = Array(repeating: 0, count: Self.size) }
        let place = Int(truncatingIfNeeded: (id &* 0x9E37_79B9_7F4A_7C15) >> 49)
        guard places[place] != id else { return true }
        places[place] = id
        return false
    }

    func contains(_ id: UInt64) -> Bool {
        !places.isEmpty && places[Int(truncatingIfNeeded: (id &* 0x9E37_79B9_7F4A_7C15) >> 49)] == id
    }
}
