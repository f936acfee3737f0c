import OTLP

/// What evidence is about: an execution, or an original trace as far as its spans are of no execution. Belongs to the
/// correlator's thread.
class JoinUnit {
    /// Everything that says where it belongs, the strongest rule not necessarily first.
    final var claims: [Claim] = []
    final var evidence: [Evidence] = []
    /// The tenant that it is of; empty if unknown.
    final var owner = ""
    /// The latest record that told evidence about it.
    final var lastEvidence: UInt64 = 0
    /// How many claims were dropped for stronger ones because there were too many.
    final var replacedClaims = 0
    /// Whether it has changed since it was last given out for storing.
    final var isDirty = false
    /// The number under which it is stored, for an execution together with all others of its id; 0 if it was not yet.
    final var storedID: UInt64 = 0

    /// Whether others have its id, so that what does not name the tenant may be meant for them.
    var hasNamesakes: Bool { false }
}
