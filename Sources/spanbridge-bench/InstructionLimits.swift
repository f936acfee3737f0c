/// How many instructions a span may take in a release build: what `spanbridge-bench instructions` compares with, 5 % being
/// free. Raise a limit only with a reason beside it; lower it when a part has become cheaper.
enum InstructionLimits {
    /// By the name of the part.
    static let limits = [
        "index": 1,
        "index, half Kestra": 1,
        "receive and index, gRPC": 1,
        "fingerprint": 1,
        "correlate, nothing to join": 1,
        "correlate, half Kestra bound": 1,
        "correlate, hold and release, half Kestra": 1,
        "rewrite, half of the spans": 1,
        "the state of executions": 1,
        "the spans of executions": 1,
    ]

    /// How much more a part may take before it fails, of its limit.
    static let tolerance = 0.05
}
