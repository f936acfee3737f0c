/// One part of the way of a span, measured alone.
struct Brick {
    var name: String
    /// CPU µs a span, a value a round.
    var cost = Samples()
}
