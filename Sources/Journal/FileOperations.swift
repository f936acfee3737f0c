import Glibc

/// The system calls of the journal, so that tests can make each of them fail. Results below zero are negated errnos;
/// interrupted calls are repeated.
package struct FileOperations: Sendable {
    /// Opens or creates (mode 0600) a file; a descriptor.
    package var open: @Sendable (_ path: String, _ flags: Int32) -> Int32
    /// Opens a file for writing past the page cache (O_DIRECT), in whole blocks from aligned memory; a descriptor, or
    /// -EINVAL if its file system does not have that.
    package var openDirect: @Sendable (_ path: String) -> Int32
    package var close: @Sendable (_ file: Int32) -> Void
    /// Reads at an offset; fewer bytes than asked for only at the end of the file.
    package var read: @Sendable (_ file: Int32, _ into: UnsafeMutableRawBufferPointer, _ offset: Int) -> Int
    /// Writes at an offset; may write less than all.
    package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int
    /// Makes what was written survive a power cut.
    package var synchronize: @Sendable (_ file: Int32) -> Int32
    package var truncate: @Sendable (_ file: Int32, _ size: Int) -> Int32
    /// Reserves space for a range, so that later writes neither fragment nor fail.
    package var reserve: @Sendable (_ file: Int32, _ offset: Int, _ count: Int) -> Int32
    package var size: @Sendable (_ file: Int32) -> Int
    package var remove: @Sendable (_ path: String) -> Int32
    package var rename: @Sendable (_ from: String, _ to: String) -> Int32
    /// The names in a directory, in any order, without `.` and `..`.
    package var list: @Sendable (_ directory: String) throws(FileFailure) -> [String]
    /// Makes a directory (mode 0700) with its parents; one that exists is fine.
    package var makeDirectory: @Sendable (_ path: String) -> Int32
    /// Takes the file's exclusive lock without waiting.
    package var lock: @Sendable (_ file: Int32) -> Int32

    /// The errno of a failed call; described by the system's words for it.
    package struct FileFailure: Error, CustomStringConvertible {
        package let code: Int32
        package init(code: Int32) { self.code = code }
        package var description: String { String(cString: strerror(code)) }
    }

    /// The real system calls.
    package static let system = FileOperations(
        open: { path, flags in result { Glibc.open(path, flags | O_CLOEXEC, 0o600) } },
        openDirect: { path in result { Glibc.open(path, O_WRONLY | O_CLOEXEC | directFlag) } },
        close: { _ = Glibc.close($0) },
        read: { file, into, offset in
            var done = 0
            while done < into.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: into[done...])
                let count = resultOfSize { pread(file, rest.baseAddress, rest.count, offset + done) }
                if count < 0 { return count }
                if count == 0 { break }
                done += count
            }
            return done
        },
        write: { file, bytes, offset in resultOfSize { pwrite(file, bytes.baseAddress, bytes.count, offset) } },
        synchronize: { file in result { fdatasync(file) } },
        truncate: { file, size in result { ftruncate(file, size) } },
        reserve: { file, offset, count in -posix_fallocate(file, offset, count) },
        size: { file in
            var status = stat()
            let code = result { fstat(file, &status) }
            return code < 0 ? Int(code) : Int(status.st_size)
        },
        remove: { path in result { unlink(path) } },
        rename: { from, to in result { Glibc.rename(from, to) } },
        list: { directory throws(FileFailure) in try names(in: directory) },
        makeDirectory: { path in makeDirectories(path) },
        lock: { file in result { flock(file, LOCK_EX | LOCK_NB) } }
    )

    /// O_DIRECT, which Swift does not see: from Linux' `arch/*/include/uapi/asm/fcntl.h` and `asm-generic/fcntl.h`.
    private static var directFlag: Int32 {
        #if arch(arm64) || arch(arm)
        0o200000
        #else
        0o40000
        #endif
    }

    private static func result(_ call: () -> Int32) -> Int32 {
        while true {
            let value = call()
            if value >= 0 { return value }
            if errno != EINTR { return -errno }
        }
    }

    private static func resultOfSize(_ call: () -> Int) -> Int {
        while true {
            let value = call()
            if value >= 0 { return value }
            if errno != EINTR { return -Int(errno) }
        }
    }

    private static func names(in directory: String) throws(FileFailure) -> [String] {
        guard let stream = opendir(directory) else { throw FileFailure(code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            // Safe: d_name is null-terminated and stays valid until the next readdir of this stream, which only we use.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw FileFailure(code: errno) }
        return names
    }

    private static func makeDirectories(_ path: String) -> Int32 {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR ? 0 : -ENOTDIR }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            let code = makeDirectories(String(path[..<slash]))
            if code < 0 { return code }
        }
        let code = result { mkdir(path, 0o700) }
        return code == -EEXIST ? 0 : code
    }
}

extension FileOperations {
    /// Writes all of the bytes; 0 or a negated errno.
    func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        var done = 0
        while done < bytes.count {
            let count = write(file, UnsafeRawBufferPointer(rebasing: bytes[done...]), offset + done)
            if count < 0 { return Int32(clamping: count) }
            if count == 0 { return -EIO }
            done += count
        }
        return 0
    }

    func writeAll(_ file: Int32, _ bytes: [UInt8], at offset: Int) -> Int32 {
        bytes.withUnsafeBytes { writeAll(file, $0, at: offset) }
    }

    /// The bytes of a whole file, also of one whose size the system does not tell, as those of `/proc`.
    package func contents(of path: String) throws(FileFailure) -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw FileFailure(code: -file) }
        defer { close(file) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // Safe: at most `count` bytes are written into the array's own memory, which outlives the call.
            let count = chunk.withUnsafeMutableBytes { read(file, $0, contents.count) }
            guard count >= 0 else { throw FileFailure(code: Int32(clamping: -count)) }
            contents += chunk[..<count]
            if count < chunk.count { return contents }
        }
    }

    /// Makes a directory's entries survive a power cut; 0 or a negated errno.
    func synchronizeDirectory(_ path: String) -> Int32 {
        let directory = open(path, O_RDONLY | O_DIRECTORY)
        if directory < 0 { return directory }
        defer { close(directory) }
        return synchronize(directory)
    }
}
