package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTimes holds the CPU time that processes have used so far, in their order.
type cpuTimes []time.Duration

// processCPU reads the CPU clocks of processes. The kernel keeps one for each process, in nanoseconds, that covers user
// and system time of all its threads, those that ended included; /proc/PID/stat has the same in ticks of 10 ms, and
// /proc/PID/task loses the threads that ended.
func processCPU(pids []int) (cpuTimes, error) {
	times := make(cpuTimes, len(pids))
	for i, pid := range pids {
		var spec unix.Timespec
		if err := unix.ClockGettime(cpuClockOf(pid), &spec); err != nil {
			return nil, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		times[i] = time.Duration(spec.Nano())
	}
	return times, nil
}

// cpuClockOf is clock_getcpuclockid(3): a process' clock is its id's complement, shifted over the clock's kind.
func cpuClockOf(pid int) int32 {
	const kindScheduler = 2
	return int32(^pid<<3 | kindScheduler)
}

func (t cpuTimes) since(earlier cpuTimes) cpuTimes {
	spent := make(cpuTimes, len(t))
	for i := range t {
		spent[i] = t[i] - earlier[i]
	}
	return spent
}

func (t cpuTimes) total() time.Duration {
	var sum time.Duration
	for _, one := range t {
		sum += one
	}
	return sum
}
