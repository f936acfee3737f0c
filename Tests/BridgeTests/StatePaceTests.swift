import Testing

@testable import Bridge

@Suite struct StatePaceTests {
    @Test("State is stored every second while little changes, and every fifth when much does")
    func pace() {
        var pace = StatePace()
        func stored(_ counts: [Int]) -> [Bool] {
            counts.map { count in
                let isDue = pace.isDue()
                if isDue { pace.stored(count) }
                return isDue
            }
        }
        #expect(stored([0, 3, 200, 201]) == [true, true, true, true])
        #expect(stored([9, 9, 9, 9, 500]) == [false, false, false, false, true])
        #expect(stored([9, 9, 9, 9, 7, 0]) == [false, false, false, false, true, true])
    }
}
