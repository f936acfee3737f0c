import CorrelationModel
import Glibc

// Plays random worlds: spanbridge-soak [SPANS] [FEATURE,…] or spanbridge-soak world SEED [FEATURE,…].

/// Says it at once, even into a file.
func say(_ text: String) {
    print(text)
    fflush(nil)
}

func fail(_ text: String) -> Never {
    say(text)
    exit(2)
}

func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func peakMebibytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss / 1024
}

let usage = "usage: spanbridge-soak [SPANS] [FEATURE,…|all], or spanbridge-soak world SEED [FEATURE,…|all]"
var arguments = Array(CommandLine.arguments.dropFirst())
let isOneWorld = arguments.first == "world"
if isOneWorld { arguments.removeFirst() }
guard arguments.count <= 2, let number = UInt64(arguments.first ?? (isOneWorld ? "" : "100000000")) else { fail(usage) }
guard let features = arguments.count < 2 ? .supported : Features(text: arguments[1]) else {
    fail("Known features: \(Features.names.map(\.name).joined(separator: " ")).")
}

var soak = Soak(features: features)
do {
    if isOneWorld {
        let found = try soak.run(world: number)
        found.forEach { say($0) }
        say("\(soak.spans) spans, \(soak.mistakes) mistakes")
        exit(found.isEmpty ? 0 : 1)
    }
    var random = Seeded("spanbridge-soak")
    let start = seconds()
    var lastReport = start
    var (wrongWorlds, shown) = (0, 0)
    func report() {
        let elapsed = max(seconds() - start, 0.001)
        say(
            "\(soak.spans) spans, \(soak.worlds) worlds, \(Int(Double(soak.spans) / elapsed)) spans/s, "
                + "\(soak.mistakes) mistakes in \(wrongWorlds) worlds, peak \(peakMebibytes()) MiB")
    }
    while soak.spans < number {
        let seed = random.next()
        let found = try soak.run(world: seed)
        if !found.isEmpty {
            wrongWorlds += 1
            if shown < 10 {
                shown += 1
                say("spanbridge-soak world \(seed)\(arguments.count == 2 ? " \(arguments[1])" : "")")
                found.prefix(6).forEach { say("  \($0)") }
            }
        }
        if seconds() - lastReport > 10 {
            lastReport = seconds()
            report()
        }
    }
    report()
    exit(wrongWorlds == 0 ? 0 : 1)
} catch {
    fail("A world's data cannot be read: \(error)")
}
