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
    var wrong: [(seed: UInt64, mistakes: [String])] = []
    var wrongWorlds = 0
    func report() {
        let elapsed = max(seconds() - start, 0.001)
        say(
            "\(soak.spans) spans, \(soak.worlds) worlds, \(Int(Double(soak.spans) / elapsed)) spans/s, "
                + "\(soak.mistakes) mistakes in \(wrongWorlds) worlds, peak \(peakMebibytes()) MiB")
    }
    let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    while soak.spans < number {
        // In rounds, so that the seeds do not depend on which processor is the faster.
        let rounds = (0..<processors).map { _ in (0..<16).map { _ in random.next() } }
        try await withThrowingTaskGroup(of: (Soak, [(seed: UInt64, mistakes: [String])]).self) { group in
            for seeds in rounds {
                group.addTask {
                    var part = Soak(features: features)
                    var wrong: [(seed: UInt64, mistakes: [String])] = []
                    try part.run(worlds: seeds) { wrong.append(($0, Array($1.prefix(6)))) }
                    return (part, wrong)
                }
            }
            for try await (part, found) in group {
                soak.add(part)
                wrong += found
            }
        }
        for world in wrong {
            wrongWorlds += 1
            guard wrongWorlds <= 10 else { continue }
            say("spanbridge-soak world \(world.seed)\(arguments.count == 2 ? " \(arguments[1])" : "")")
            world.mistakes.forEach { say("  \($0)") }
        }
        wrong = []
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
