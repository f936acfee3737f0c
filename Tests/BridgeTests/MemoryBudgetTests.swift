import Testing

@testable import Bridge

@Suite struct MemoryBudgetTests {
    @Test("bytes are taken up to the limit and refused beyond it, and what is refused is counted")
    func limit() {
        let budget = MemoryBudget(limit: 100)
        #expect(budget.reserve(60) && budget.reserve(40))
        #expect(!budget.reserve(1) && budget.inUse == 100 && budget.refused == 1)
        budget.release(60)
        #expect(budget.reserve(60) && budget.inUse == 100 && budget.refused == 1)
    }

    @Test("a request larger than the whole budget is taken when nothing else is there")
    func large() {
        let budget = MemoryBudget(limit: 100)
        #expect(budget.reserve(500) && !budget.reserve(1))
        budget.release(500)
        #expect(budget.reserve(1) && !budget.reserve(500) && budget.inUse == 1)
    }

    @Test("threads together never hold more than the limit")
    func threads() async {
        let budget = MemoryBudget(limit: 1_000)
        let largest = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var held = 0
                    for _ in 0..<1_000 where budget.reserve(7) { held += 7 }
                    return held
                }
            }
            return await group.reduce(0, +)
        }
        #expect(largest <= 1_000 && budget.inUse == largest && budget.refused > 0)
    }
}
