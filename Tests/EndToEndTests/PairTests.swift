import Dispatch
import Synchronization
import Testing
import Transport

/// Replays what pairs of systems sent that only the configuration knows, through the real binary.
@Suite(
    "Pairs of configured systems through the running relay",
    .serialized)
struct PairTests {
    /// One replay.
    struct Case: Sendable, CustomStringConvertible {
        var pair: Pair
        var order = Order.recorded
        var isDuplicated = false
        /// The request before which the process is killed and started again.
        var cut: Int?

        var description: String {
            "\(pair.capture.name), order \(order)" + (isDuplicated ? ", each request twice" : "")
                + (cut.map { ", killed before request \($0)" } ?? "")
        }
    }

    @Test("every exchange is joined in the recorded order")
    func recorded() throws { judge(try Pair.all.map { Case(pair: try Pair($0)) }, by: replay) }

    @Test("every exchange is joined in the reversed order")
    func reversed() throws { judge(try Pair.all.map { Case(pair: try Pair($0), order: .reversed) }, by: replay) }

    @Test("every exchange is joined in other orders")
    func shuffled() throws {
        var cases: [Case] = []
        for pair in try Pair.all.map(Pair.init) {
            let first = UInt64.random(in: 0...999_999)
            for seed in [first, first + 1, first + 2] { cases.append(Case(pair: pair, order: .shuffled(seed: seed))) }
        }
        print("pairs in other orders: \(cases.map(\.description))")
        judge(cases, by: replay)
    }

    @Test("every exchange is joined when each request comes twice")
    func duplicated() throws { judge(try Pair.all.map { Case(pair: try Pair($0), isDuplicated: true) }, by: replay) }

    @Test("every exchange is joined when the process is killed between any two requests")
    func killed() throws {
        var cases: [Case] = []
        for pair in try Pair.all.map(Pair.init) {
            for cut in 1..<max(2, pair.capture.items.count) { cases.append(Case(pair: pair, cut: cut)) }
        }
        judge(cases, by: replay)
    }

    private func replay(_ this: Case) throws -> [String] {
        var judge = try PairJudge(this.pair)
        judge.isRestarted = this.cut != nil
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, template: this.pair.template, hold: 2)
        for (position, item) in this.order.applied(to: this.pair.capture.items).enumerated() {
            if position == this.cut {
                bridge.killHard()
                try bridge.start()
            }
            for _ in 0..<(this.isDuplicated ? 2 : 1) { try bridge.send(item) }
        }
        try? waitUntil("everything has arrived and is where it belongs", seconds: 20) {
            try sink.quietFor > 1_000_000_000 && judge.isComplete(sink.all) && judge.findings(sink.all).isEmpty
        }
        let status = bridge.stop()
        var findings = try judge.findings(sink.all)
        if status != 0 { findings.append("exit status \(status)") }
        if !findings.isEmpty { findings.append("log: \(bridge.log.suffix(600))") }
        return findings
    }
}

/// The judge itself: it must find what is wrong.
@Suite("The judge of pairs")
struct PairJudgeTests {
    /// What a relay would send that changes nothing.
    private func unchanged(_ pair: Pair) throws -> [RecordingSink.Received] {
        try pair.capture.items.map { RecordingSink.Received(signal: $0.signal, payload: try $0.protobuf) }
    }

    /// What a perfect relay would send, but for links.
    private func joined(_ pair: Pair, alsoMoving: [String: String] = [:]) throws -> [RecordingSink.Received] {
        var moves = alsoMoving
        for group in pair.groups {
            for member in group.members where member.moves {
                for trace in member.traces { moves[trace] = group.homeTrace }
            }
        }
        return try unchanged(pair).map { received in
            let bytes = moves.reduce(received.payload) { $0.replacing(hex: $1.key, by: $1.value) }
            return RecordingSink.Received(signal: received.signal, payload: bytes)
        }
    }

    @Test("what a perfect relay would send passes", arguments: Pair.all)
    func perfect(name: String) throws {
        let pair = try Pair(name)
        let findings = try PairJudge(pair).findings(joined(pair))
        #expect(findings.allSatisfy { $0.hasPrefix("unlinked") }, "\(findings)")
        #expect(findings.isEmpty == pair.groups.allSatisfy { $0.members.allSatisfy(\.linkedTo.isEmpty) })
    }

    @Test("a relay that joins nothing fails", arguments: Pair.all)
    func unjoined(name: String) throws {
        let pair = try Pair(name)
        let findings = try PairJudge(pair).findings(unchanged(pair))
        #expect(findings.contains { $0.hasPrefix("joined") }, "\(findings)")
        #expect(!findings.contains { $0.hasPrefix("lost") || $0.hasPrefix("altered") || $0.hasPrefix("log") })
    }

    @Test("a relay that joins what must stay apart fails", arguments: Pair.all)
    func merged(name: String) throws {
        let pair = try Pair(name)
        let home = try #require(pair.groups.first?.homeTrace)
        let others = pair.unrelated + pair.groups.dropFirst().map(\.homeTrace)
        guard let other = others.first else { return }
        let findings = try PairJudge(pair).findings(joined(pair, alsoMoving: [other: home]))
        #expect(findings.contains { $0.hasPrefix("apart") || $0.hasPrefix("joined") }, "\(findings)")
    }

    @Test("lost, doubled and altered spans are found")
    func damaged() throws {
        let pair = try Pair("celery/03")
        let good = try joined(pair)
        let judge = try PairJudge(pair)
        #expect(try judge.findings(Array(good.dropFirst())).contains { $0.hasPrefix("lost") })
        #expect(try judge.findings(good + good).contains { $0.hasPrefix("twice") })
        let name = Array("POST /orders".utf8)
        let altered = good.map { received in
            RecordingSink.Received(
                signal: received.signal, payload: received.payload.replacing(name, by: Array("POST /others".utf8)))
        }
        #expect(try judge.findings(altered).contains { $0.hasPrefix("altered") })
        #expect(try !judge.isComplete(Array(good.dropFirst())) && judge.isComplete(good))
    }
}

extension [UInt8] {
    /// Replaces the sixteen bytes of a trace id.
    fileprivate func replacing(hex: String, by other: String) -> [UInt8] {
        func bytes(_ hex: String) -> [UInt8] {
            let digits = hex.compactMap(\.hexDigitValue)
            return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
        return replacing(bytes(hex), by: bytes(other))
    }

    fileprivate func replacing(_ old: [UInt8], by new: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var position = 0
        while position < count {
            if self[position] == old[0], position + old.count <= count,
                self[position..<position + old.count].elementsEqual(old)
            {
                output += new
                position += old.count
            } else {
                output.append(self[position])
                position += 1
            }
        }
        return output
    }
}
