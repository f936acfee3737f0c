/// Why a measurement cannot be made or is not valid; for people.
struct BenchError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
