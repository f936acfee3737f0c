/// How many instructions a span may take in a release build: what `spanbridge-bench instructions` compares with, 5 % being
/// free. Raise a limit only with a reason beside it; lower it when a part has become cheaper.
enum InstructionLimits {
    /// By the name of the part. For spans of 510 bytes with 10 attributes, half Kestra 501.
    static let limits = [
        "index": 2_169,
        "index, half Kestra": 2_752,
        "receive and index, gRPC": 2_778,
        "fingerprint": 398,
        "correlate, nothing to join": 740,
        "correlate, half Kestra bound": 3_209,
        "correlate, hold and release, half Kestra": 3_640,
        "rewrite, half of the spans": 1_233,
        "the state of executions": 496,
        "the spans of executions": 131,
    ]

    /// How much more a part may take before it fails, of its limit.
    static let tolerance = 0.05
}
