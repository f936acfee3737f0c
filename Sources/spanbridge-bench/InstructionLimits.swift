/// How many instructions a span may take in a release build: what `spanbridge-bench instructions` compares with, 5 % being
/// free. Raise a limit only with a reason beside it; lower it when a part has become cheaper.
enum InstructionLimits {
    /// By the name of the part.
    static let limits = [
        "index": 1_991,
        "index, half Kestra": 2_624,
        "receive and index, gRPC": 2_650,
        "fingerprint": 331,
        "correlate, nothing to join": 642,
        "correlate, half Kestra bound": 3_143,
        "correlate, hold and release, half Kestra": 3_594,
        "rewrite, half of the spans": 1_190,
        "the state of executions": 497,
        "the spans of executions": 131,
    ]

    /// How much more a part may take before it fails, of its limit.
    static let tolerance = 0.05
}
