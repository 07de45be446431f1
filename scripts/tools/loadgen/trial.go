package main

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// trial is what the measurements of streams share: the measured time, what it cost, and what went wrong.
type trial struct {
	settings settings
	window   atomic.Pointer[window]
	errors   atomic.Int64

	mutex      sync.Mutex
	errorTexts []string
	samples    []time.Duration

	before, after cpuTimes
	elapsed       time.Duration
}

// recorder collects the samples of one goroutine.
type recorder struct {
	trial   *trial
	samples []time.Duration
}

func (t *trial) recorder() *recorder {
	return &recorder{trial: t}
}

// record notes something that was complete at `end`, if that is within the measured time.
func (r *recorder) record(start, end time.Time) {
	if window := r.trial.window.Load(); window != nil && window.contains(end) {
		r.samples = append(r.samples, end.Sub(start))
	}
}

func (r *recorder) close() {
	r.trial.mutex.Lock()
	defer r.trial.mutex.Unlock()
	r.trial.samples = append(r.trial.samples, r.samples...)
}

func (t *trial) failed(err error) {
	t.mutex.Lock()
	if len(t.errorTexts) < errorTextLimit {
		t.errorTexts = append(t.errorTexts, err.Error())
	}
	t.mutex.Unlock()
	t.errors.Add(1)
}

// measure opens the measured time after the warm-up and closes it when it is over, or when ctx is.
func (t *trial) measure(ctx context.Context) error {
	sleep(ctx, t.settings.warmup)
	if err := t.begin(); err != nil {
		return err
	}
	sleep(ctx, t.settings.duration)
	return t.end()
}

func (t *trial) begin() (err error) {
	t.before, err = t.cpuNow()
	t.window.Store(&window{start: time.Now()})
	return err
}

func (t *trial) end() (err error) {
	end := time.Now()
	t.after, err = t.cpuNow()
	t.window.Load().end.Store(&end)
	t.elapsed = end.Sub(t.window.Load().start)
	return err
}

// cpuNow reads the CPU time of the servers and, in the last place, of this process.
func (t *trial) cpuNow() (cpuTimes, error) {
	return processCPU(append(append([]int(nil), t.settings.pids...), os.Getpid()))
}

// result counts `misses` as things that should have come and didn't. Call it when all recorders are closed.
func (t *trial) result(misses int64) result {
	s := t.settings
	spent := t.after.since(t.before)
	servers, self := spent[:len(s.pids)], spent[len(s.pids)]
	seconds := make([]float64, len(servers))
	for i, server := range servers {
		seconds[i] = server.Seconds()
	}
	ops := int64(len(t.samples))
	return result{
		Op: s.op, Clients: s.clients, Connections: s.connections, Seed: s.seed,
		DurationSeconds: t.elapsed.Seconds(),
		Ops:             ops, Errors: t.errors.Load(), Misses: misses, ErrorTexts: t.errorTexts,
		ThroughputPerSecond:  float64(ops) / t.elapsed.Seconds(),
		Latency:              latencyOf(t.samples),
		ServerCPUMicrosPerOp: perOp(servers.total(), ops),
		ServerCPUSeconds:     seconds,
		ClientCPUMicrosPerOp: perOp(self, ops),
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
