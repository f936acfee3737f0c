// One libFuzzer program for all targets; `SPANBRIDGE_FUZZ_TARGET` chooses. `.ci/fuzz` builds and runs it.
//
// A target is given bytes from outside and must neither trap nor hang; beyond that each checks what must hold of a result.

import Glibc

/// Something that reads what strangers send.
struct FuzzTarget: Sendable {
    var name: String
    var run: @Sendable (_ bytes: [UInt8]) -> Void

    static let all = [
        spanIndex, logIndex, metricIndex, requestHalves, correlator, state, otlpJSON, otlpProtobuf, jsonValue, cloudEvent, bindingCall,
        webhookAnswer, traceparent, inflation, http1Server, http2Server, http1Client, http2Client, configuration,
    ]

    /// The one that the environment names.
    static let chosen: FuzzTarget = {
        let name = getenv("SPANBRIDGE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            print("SPANBRIDGE_FUZZ_TARGET must be one of: \(all.map(\.name).joined(separator: " "))")
            exit(64)
        }
        return target
    }()
}

/// Called by libFuzzer for every input.
@c(LLVMFuzzerTestOneInput)
func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // Safe: libFuzzer lends `count` bytes for the time of the call; they are copied.
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}

/// Traps with a message if something does not hold.
func require(_ isTrue: Bool, _ what: @autoclosure () -> String, line: Int = #line, file: String = #fileID) {
    if !isTrue { fatalError("\(file):\(line): \(what())") }
}
