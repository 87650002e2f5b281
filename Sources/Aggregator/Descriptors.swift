import Glibc

/// How many files and connections this process may have open.
enum Descriptors {
    /// As many as the system lets it: many systems begin with 1,024, which a hub of many branches exceeds.
    static func raise() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}
