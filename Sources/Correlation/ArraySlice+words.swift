extension ArraySlice<UInt8> {
    /// Where a word begins; nil if it does not occur, or is empty.
    func position(of word: [UInt8]) -> Int? {
        guard let first = word.first, count >= word.count else { return nil }
        for start in startIndex...endIndex - word.count where self[start] == first {
            if word.indices.allSatisfy({ self[start + $0] == word[$0] }) { return start }
        }
        return nil
    }
}
