import Glibc

/// What this process has used so far.
struct Usage {
    /// User and system time.
    let cpuSeconds: Double
    let peakMiB: Double

    static var now: Usage {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return Usage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            peakMiB: Double(usage.ru_maxrss) / 1_024
        )
    }
}

/// The time of day in seconds since 1970: all programs of a race run on one machine.
func timeOfDay() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Writes out what was printed, although nobody may be at a terminal.
func fflushStandardOutput() { fflush(nil) }
